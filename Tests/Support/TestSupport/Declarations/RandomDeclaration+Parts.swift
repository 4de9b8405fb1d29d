extension RandomDeclaration {
    /// Types, each with initial values of many shapes.
    static let types: [(type: String, values: [String])] = [
        (
            "Int",
            [
                "3", "{ 3 }()", "{ () -> Int in if true { return 3 }; return 4 }()", "1 +\n    2",
                "[1, 2, 3].count", "\"a } b\".utf8.count", "(1, 2).0", "true ? 1 : 2", "1 << 3",
                "Dictionary<Int, String>().count", "[Int: [String]]()\n        .count",
                "if true { 1 } else { 2 }", "-1", "8/2", "max(1, 2) as Int",
            ]
        ),
        (
            "String",
            [
                "\"\"", "\"a { \\(\"b\" + \"}\") (\"", "#\"raw \" \\( \" {\"#", "\"\\\"}\\\\\"",
                "\"\"\"\n        { \"a\" \\(1 + (2)) \"\"\\\"\n        \"\"\"",
                "##\"\"\"\n        \"\"\"# { \\##(1)\n        \"\"\"##",
                "\"\\(\"\\(\"}\")\")\" + \"{\"",
            ]
        ),
        ("Double?", ["nil", "1.5", ".some(2)", "Optional<Double>.none"]),
        ("Optional<Int>", ["nil", "Optional<Int>(3)", "1"]),
        ("Swift.UInt8", ["3", "UInt8.max", "0xff & 0x0f"]),
        ("Bool", ["true", "1 < 2", "2 > 1", "(1 == 2) && !false", "\"a\" == \"}\""]),
        ("PersistentArray<Int>", ["PersistentArray<Int>()", "PersistentArray()"]),
        (
            "PersistentMap< String , PersistentArray<Int> >",
            ["PersistentMap<String, PersistentArray<Int>>()", "PersistentMap( )"]
        ),
        ("PersistentMap<Int, PersistentMap<Int, Int?>>?", ["nil"]),
    ]

    /// Members without storage. `%` stands for a number.
    static let noises = [
        "static let noise% = 3",
        "nonisolated(unsafe) static var noise%: [Int] = [1, 2] { didSet { } }",
        "// case noise%(Int) {", "/* var noise%: Int { /* nested } */ \" */",
        "/// Documentation of \"noise%\" with {",
        "var noise%: Int { 3 }", "var noise% : String { get { \"}\" } set { } }",
        "private var noise%: [Int]\n    {\n        [1]\n    }",
        "func noise%<T>(_ value: T, to other: Int = { 3 }()) -> T\n    where T: Equatable\n"
            + "    { let hidden = 3; _ = hidden; return value }",
        "func noise%() async\n        throws -> (Int, String) { var x = 3; x += 1; return (x, \"{\") }",
        "static func noise%() -> Bool { #\"raw \" \\ { text\"# == \"\" }",
        "struct Noise% { var x = 3; enum Inner { case a, b(Int) } }",
        "enum Noise%: String { case a = \"{\", b }", "typealias Noise% = Dictionary< Int, String >",
        "subscript(noise%: Int, at% other: String) -> Int { noise% }",
        "@inline(never) func noise%() { for case let x? in [1, nil] { print(x) } }",
        "nonisolated(unsafe) static let noise% = { (x: Int) -> String in \"\\(x) }\" }",
        "@available(*, deprecated, message: \"} {\") func noise%() {}",
        "final class Noise% { lazy var x = 3; deinit { } }",
        "static func divide(a: Self, noise%: Int) -> Int { 8 / noise% / 2 }",
        "func noise%() -> Bool { \"ab\".contains(/[{\"]/) }",
        "protocol Noise% { var x: Int { get }; associatedtype A; func f() -> A }",
    ]
}
