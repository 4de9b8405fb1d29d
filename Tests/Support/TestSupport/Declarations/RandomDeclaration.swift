/// A random struct, enum or schema as Swift source, with what it declares. The source is valid, and
/// each type in it can be stored in a heap.
public struct RandomDeclaration {
    public struct Field: Equatable, Sendable {
        public let name: String
        /// Nil if the type follows from the initial value.
        public let type: String?

        public init(name: String, type: String?) { (self.name, self.type) = (name, type) }
    }

    public struct Case: Equatable, Sendable {
        public let name: String
        /// `_` for a value without a label.
        public let labels: [String]
        public let types: [String]

        public init(name: String, labels: [String], types: [String]) {
            (self.name, self.labels, self.types) = (name, labels, types)
        }
    }

    public private(set) var isEnum: Bool
    private let isSchema: Bool
    public private(set) var fields: [Field] = []
    public private(set) var cases: [Case] = []
    /// The body in braces, with a blank before it.
    public private(set) var body = ""

    private var random: SplitMix
    private var names = 0
    private static let keywords = [
        "class", "in", "default", "func", "struct", "case", "where", "return", "if", "static",
    ]
    private var unusedKeywords = keywords.map { "`\($0)`" }

    /// A struct or an enum, or the struct of a schema, whose fields are then the roots.
    public init(seed: UInt64, isSchema: Bool = false) {
        random = SplitMix(state: seed)
        isEnum = false
        self.isSchema = isSchema
        isEnum = !isSchema && chance(40)
        body = "\(blank(allowingNone: true)){" + blank(allowingNone: true)
        let count = Int.random(in: isEnum ? 1 ... 8 : 0 ... 8, using: &random)
        for number in 0 ..< count { addMember(isFirst: number == 0) }
        body += "\n}"
    }

    private mutating func addMember(isFirst: Bool) {
        body += "\n"
        while chance(45) { body += noise() + "\n" }
        // A condition around an enum's only case could leave it without any.
        let condition =
            chance(12) && !isFirst
            ? pick(["swift(>=5)", "os(Windows) && DEBUG", "!os(Linux)"]) : nil
        if let condition { body += "#if \(condition) // {\n" }
        addDeclaration()
        if condition != nil {
            if chance(30) {
                body += "\n#else\n"
                addDeclaration()
            }
            body += "\n#endif"
        }
        if condition == nil, chance(20) { body += ";" }
        if chance(30) { body += " // a \"comment\" } with { signs" }
        body += "\n"
        while chance(25) { body += noise() + "\n" }
    }

    // MARK: Parts

    private mutating func addDeclaration() {
        if isSchema { addRoot() } else if isEnum { addCases() } else { addFields() }
    }

    private mutating func addRoot() {
        let storedName = chance(20) ? "a root \(names)" : nil
        if chance(10) { body += "@available(macOS 10.15, *)" + blank() }
        if let storedName {
            body += pick(["@HeapRoot(", "@Holdfast.HeapRoot( "]) + "\"\(storedName)\")" + blank()
        }
        body += pick(["", "private ", "fileprivate ", "internal\n", "/* open */ "])
        body += "var" + blank()
        let name = newName()
        body += name
        guard chance(80) else {
            let (type, value) = pick([
                ("Swift.Int", "3"), ("Swift.String", "\"a { \""), ("Swift.Bool", "true"),
            ])
            body += " = " + value
            return fields.append(Field(name: storedName ?? unquoted(name), type: type))
        }
        let (type, values) = pick(Self.types)
        body += pick([": ", ":", " : ", ":\n        "]) + type
        // A collection begins empty, and an optional with nil.
        let needsValue = !type.hasPrefix("Persistent") && !type.hasPrefix("Optional")
        if (needsValue && !type.hasSuffix("?")) || chance(50) {
            body += pick([" = ", " =\n        ", "\n        = "]) + pick(values)
        }
        fields.append(Field(name: storedName ?? unquoted(name), type: type))
    }

    private mutating func addFields() {
        let isVariable = chance(75)
        if chance(10) { body += "@available(macOS 10.15, *)" + blank() }
        body += pick(["", "private ", "fileprivate ", "internal\n", "/* open */ "])
        if isVariable, chance(10) { body += "private(set)" + blank() }
        body += (isVariable ? "var" : "let") + blank()
        let count = chance(20) ? 3 : 1
        // All or none: the compiler makes no memberwise initialiser for a mixture, and a variable
        // of an optional type has a value always.
        let hasValues = isVariable && (count > 1 || chance(50))
        for number in 0 ..< count {
            if number > 0 { body += pick([",", ", ", ",\n    ", " /* , */ ,"]) }
            addField(hasValue: hasValues, isVariable: isVariable, isAlone: count == 1)
        }
    }

    private mutating func addField(hasValue: Bool, isVariable: Bool, isAlone: Bool) {
        let name = newName()
        let (type, values) = pick(Self.types)
        let hasType = chance(80) || !(hasValue || isAlone)
        let hasValue = hasValue || !hasType
        var value = ""
        body += name
        if hasType { body += pick([": ", ":", " : ", ":\n        "]) + type }
        if hasValue {
            value = pick(hasType ? values : ["3", "\"a { \"", "\"a } b\".utf8.count", "[1].count"])
            body += pick([" = ", " =\n        ", "\n        = "]) + value
        }
        if isVariable, isAlone, !value.hasPrefix("if"), chance(20) {
            body += pick([
                " { didSet { print(\"}\", oldValue) } }",
                " {\n willSet { } \n didSet { if true { } } }",
                "{ willSet(new) {} }",
            ])
        }
        fields.append(Field(name: unquoted(name), type: hasType ? type : nil))
    }

    private mutating func addCases() {
        let count = chance(30) ? 3 : 1
        let isIndirect = count == 1 && chance(20)
        body += (isIndirect ? "indirect" + blank() : "") + "case" + blank()
        for number in 0 ..< count {
            if number > 0 { body += pick([",", ", ", ",\n    "]) }
            let name = newName()
            body += name
            var labels: [String] = []
            var types: [String] = []
            if chance(60) || isIndirect {
                body += "("
                for part in 0 ..< Int.random(in: 1 ... 4, using: &random) {
                    if part > 0 { body += pick([", ", ",", " ,\n"]) }
                    let (type, values) = pick(Self.types)
                    let label = pick(["", "label\(part)", "`class`", "of", "größe\(part)", "in"])
                    let isUsed = !label.isEmpty && !labels.contains(unquoted(label))
                    if isUsed { body += label + pick([": ", ":", " : "]) }
                    body += type
                    if chance(10) { body += " = " + (values.first ?? "") }
                    labels.append(isUsed ? unquoted(label) : "_")
                    types.append(type)
                }
                body += ")"
            }
            cases.append(Case(name: unquoted(name), labels: labels, types: types))
        }
    }

    /// A member without storage.
    private mutating func noise() -> String {
        names += 1
        return pick(Self.noises).replacing("%", with: "\(names)")
    }

    private mutating func newName() -> String {
        names += 1
        if chance(10), let keyword = unusedKeywords.popLast() { return keyword }
        let name = pick(["a", "_", "größe", "日本", "value"]) + "\(names)"
        return chance(10) ? "`\(name)`" : name
    }

    // MARK: Chance

    private mutating func chance(_ percent: Int) -> Bool {
        Int.random(in: 0 ..< 100, using: &random) < percent
    }

    private mutating func pick<Element>(_ elements: [Element]) -> Element {
        elements[Int.random(in: 0 ..< elements.count, using: &random)]
    }

    private mutating func blank(allowingNone: Bool = false) -> String {
        pick([" ", "\t", "  ", " /* { \" */ ", "\n    ", " // }\n"] + (allowingNone ? [""] : []))
    }

    private func unquoted(_ name: String) -> String { name.replacing("`", with: "") }
}
