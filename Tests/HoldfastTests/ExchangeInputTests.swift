import Foundation
import Holdfast
import HoldfastInspection
import Testing
import TestSupport

private struct Bolt: HeapRecord {
    var name: String
    var size: Int8
    var note: String?
    var twin: HeapRef<Bolt>?
}

private enum Plain { case one, two }

private struct Dot: HeapStruct {
    var x: Int16
    var flag: Bool
    var plain: Plain
    var perhaps: Int?
    var scalar: Unicode.Scalar
    var pair: [2 of Int8]
}

private enum Choice: HeapUnion, Equatable {
    case none
    case some(Int8, String)

    static let cases = [
        UnionCase("none", Choice.none),
        UnionCase("some", Choice.some) {
            if case .some(let number, let text) = $0 { (number, text) } else { nil }
        },
    ]
}

/// Invalid lines: an error that names the line, and an unchanged heap.
@Suite(.progress) struct ExchangeInputTests {
    private static let bolts = header("Array<\(try! Bolt.describe().text)>")
    private static let boltRefs = header("Array<\(try! HeapRef<Bolt>.describe().text)>")
    private static let sharedBolts = header("Array<\(try! SharedRef<Bolt>.describe().text)>")
    private static let dot =
        #""flag":true,"pair":[1,2],"plain":{"bytes":"AQ=="},"scalar":{"_value":65},"x":3"#

    private static func header(_ type: String, _ count: Int = 1) -> String {
        let name = String(decoding: try! JSONEncoder().encode(type), as: UTF8.self)
        return #"{"holdfast":1,"root":"r","type":\#(name),"count":\#(count)}"#
    }

    private static let types: [any Persistable.Type] = [
        PersistentArray<Bolt>.self, PersistentArray<HeapRef<Bolt>>.self,
        PersistentArray<SharedRef<Bolt>>.self,
        PersistentArray<Dot>.self,
        PersistentArray<Choice>.self, PersistentArray<Colour>.self,
    ]

    struct Case: CustomTestStringConvertible, Sendable {
        let lines: [String]
        let line: Int
        let says: String
        var testDescription: String { "\(lines)" }

        init(_ lines: String..., line: Int = 2, says: String) {
            self.lines = lines
            self.line = line
            self.says = says
        }
    }

    private func add(_ lines: [String], to heap: PersistentHeap) throws {
        var rest = lines[...]
        try heap.write { tx in _ = try tx.importRoot(knowing: Self.types) { rest.popFirst() } }
    }

    @Test(arguments: [
        // The first line.
        Case(line: 1, says: "there are no lines"),
        Case("", line: 1, says: "JSON"),
        Case("{", line: 1, says: "JSON"),
        Case("[]", line: 1, says: "found an array"),
        Case(#"{"root":"r"}"#, line: 1, says: "holdfast is missing"),
        Case(#"{"holdfast":2,"root":"r"}"#, line: 1, says: "version 2"),
        Case(#"{"holdfast":1,"root":"r","type":"Array<Int>"}"#, line: 1, says: "count is missing"),
        Case(
            #"{"holdfast":1,"root":"r","type":"Array<Int>","count":-1}"#, line: 1, says: "below 0"),
        Case(
            #"{"holdfast":1,"root":"r","type":"Array<Int>","count":0,"more":1}"#, line: 1,
            says: "no field more"),
        Case(
            #"{"holdfast":1,"root":"r","root":"s","type":"Array<Int>","count":0}"#, line: 1,
            says: #""root" occurs twice"#),
        Case(
            #"{"holdfast":1,"root":"\u0000r","type":"Array<Int>","count":0}"#, line: 1,
            says: "reserved for Holdfast"),
        // Counts and the following lines.
        Case(header("Array<Int>", 2), "1", says: "1 of the root's 2 lines are missing"),
        Case(header("Array<Int>"), "1", "2", line: 3, says: "expected a record or another root"),
        Case(
            header("Array<Int>"), "1", #"{"object":1,"value":{}}"#, line: 3,
            says: "nothing refers to object 1"),
        Case(header("Array<Int>", .max), "1", says: "are missing"),
        // Numbers.
        Case(header("Array<Int8>"), "128", says: "does not fit Int8"),
        Case(header("Array<Int8>"), "1.5", says: "does not fit Int8"),
        Case(header("Array<UInt64>"), "-1", says: "does not fit UInt64"),
        Case(header("Array<UInt64>"), "18446744073709551616", says: "does not fit UInt64"),
        Case(header("Array<Int>"), "\"1\"", says: "string"),
        Case(header("Array<Int>"), "null", says: "null"),
        Case(header("Array<Int>"), "[1", says: "JSON"),
        Case(header("Array<Int>"), "1 2", says: "JSON"),
        Case(header("Array<Double>"), "1e999", says: "does not fit Double"),
        Case(header("Array<Double>"), "\"infinite\"", says: "string"),
        Case(header("Array<Bool>"), "2", says: "Bool"),
        // Strings and bytes.
        Case(header("Array<String>"), "\"abc", says: "JSON"),
        Case(header("Array<String>"), #""\ud800""#, says: "JSON"),
        Case(header("Array<UUID>"), #""no id""#, says: "UUID"),
        Case(header("Array<Data>"), #""A?==""#, says: "Base64"),
        Case(header("PersistentBytes"), "3", says: "number"),
        Case(header("PersistentString"), "[]", says: "array"),
        Case(header("PersistentBitSet"), "-1", says: "not -1"),
        Case(header("PersistentBitSet"), "9223372036854775807", says: "bit set"),
        Case(header("PersistentBitSet", 2), "7", "7", line: 3, says: "7 occurs twice in the set"),
        // Optionals.
        Case(header("Array<Int??>"), "3", says: "found number"),
        Case(header("Array<Int??>"), "[]", says: "at end"),
        Case(header("Array<Int??>"), "[1,2]", says: "too many elements"),
        // Maps and sets.
        Case(header("Map<Int, Int>"), "[1]", says: "at end"),
        Case(header("Map<Int, Int>"), "[1,2,3]", says: "too many elements"),
        Case(header("Map<Int, Int>", 2), "[1,2]", "[1,3]", line: 3, says: "key 1 occurs twice"),
        Case(
            header("SortedMap<String, Int>", 2), #"["é",2]"#, #"["e\u0301",3]"#, line: 3,
            says: "occurs twice"),
        Case(header("Set<Int>", 2), "7", "7", line: 3, says: "key 7 occurs twice"),
        Case(header("SortedSet<Int>", 2), "7", "7", line: 3, says: "key 7 occurs twice"),
        Case(
            header("Array<Map<String, Int>>"), #"{"a":1,"b":2,"a":3}"#, says: #""a" occurs twice"#
        ),
        Case(header("Array<Map<String, Int>>"), #"{"a\"":1,"a\u0022":3}"#, says: "occurs twice"),
        Case(header("Array<Map<Int, Int>>"), "[[1,1],[1,1]]", says: "key 1 occurs twice"),
        Case(header("Array<Map<Int, Int>>"), "{}", says: "dictionary"),
        Case(header("Array<SortedSet<Int>>"), "[1,1]", says: "key 1 occurs twice"),
        Case(header("Value<Int>", 2), "1", "2", line: 3, says: "more than one value"),
        Case(header("Value<Int>", 0), line: 1, says: "the value is missing"),
        // Records.
        Case(bolts, #"{"name":"b"}"#, says: "size is missing"),
        Case(bolts, #"{"name":"b","size":1,"colour":2}"#, says: "no field colour"),
        Case(bolts, #"{"name":"b","size":null}"#, says: "null"),
        Case(bolts, #"{"name":"b","size":[1]}"#, says: ".size"),
        Case(bolts, #"{"name":"b","size":1,"#, says: "JSON"),
        Case(bolts, "7", says: "number"),
        // References.
        Case(
            bolts, #"{"name":"b","size":1,"twin":{"ref":5}}"#,
            says: "object 5 is referenced but not defined"),
        Case(bolts, #"{"name":"b","size":1,"twin":{"reference":5}}"#, says: "no field reference"),
        Case(
            bolts, ##"{"#":1,"name":"b","size":1}"##,
            ##"{"object":1,"value":{"name":"b","size":1}}"##, line: 3,
            says: "object 1 is defined twice"),
        Case(
            boltRefs, #"{"ref":1}"#, #"{"object":1,"value":{"name":"b"}}"#, line: 3,
            says: "size is missing"),
        Case(boltRefs, #"{"ref":1}"#, #"{"object":1}"#, line: 3, says: "value is missing"),
        Case(
            boltRefs, #"{"ref":1}"#, #"{"object":2,"value":{"name":"b","size":1}}"#, line: 3,
            says: "nothing refers to object 2"),
        Case(
            sharedBolts, #"{"ref":1}"#, #"{"object":1,"value":{"name":"b","size":300}}"#, line: 3,
            says: "at .value.size, the number does not fit Int8"),
        // Plain structs.
        Case(header("Array<\(try! Dot.describe().text)>"), "{}", says: "is missing"),
        Case(header("Array<\(try! Dot.describe().text)>"), "{\(dot),\"z\":1}", says: "no field z"),
        Case(
            header("Array<\(try! Dot.describe().text)>"), "{\(dot)}".replacing("true", with: "1"),
            says: "flag"),
        Case(
            header("Array<\(try! Dot.describe().text)>"),
            "{\(dot)}".replacing("AQ==", with: "Ag=="), says: "no case number 2"),
        Case(
            header("Array<\(try! Dot.describe().text)>"),
            "{\(dot)}".replacing("AQ==", with: "AQE="), says: "1 bytes, not 2"),
        Case(
            header("Array<\(try! Dot.describe().text)>"), "{\(dot)}".replacing("65", with: "55296"),
            says: "55296 is not a Unicode scalar"),
        Case(
            header("Array<\(try! Dot.describe().text)>"),
            "{\(dot)}".replacing("[1,2]", with: "[1]"),
            says: "1 elements where 2 belong"),
        Case(
            header("Array<\(try! Dot.describe().text)>"),
            "{\(dot)}".replacing("[1,2]", with: "[1,2,3]"), says: "too many elements"),
        // Enums.
        Case(header("Array<enum Colour: Int16>"), "5", says: "5 is not a raw value of Colour"),
        Case(
            header("Array<\(try! Choice.describe().text)>"), #"{"case":"other"}"#,
            says: "no such case"),
        Case(header("Array<\(try! Choice.describe().text)>"), #"{"case":9}"#, says: "no such case"),
        Case(
            header("Array<\(try! Choice.describe().text)>"), #"{"case":"none","values":[]}"#,
            says: "has no values"),
        Case(header("Array<\(try! Choice.describe().text)>"), #"{"case":"some"}"#, says: "values"),
        Case(
            header("Array<\(try! Choice.describe().text)>"), #"{"case":"some","values":[1]}"#,
            says: "at end"),
        Case(
            header("Array<\(try! Choice.describe().text)>"), #"{"case":"some","values":[1,"",2]}"#,
            says: "too many elements"),
        // Endless nesting.
        Case(header("Array<Array<Int>>"), String(repeating: "[", count: 1_000_000), says: "JSON"),
        Case(
            header("Array<Array<Int>>"), String(repeating: "{\"a\":", count: 100_000),
            says: "JSON"),
    ])
    func whatIsWrongIsAnError(example: Case) throws {
        let heap = try PersistentHeap.inMemory()
        try heap.write { tx in try tx.array("mine", of: Int.self).append(1) }
        let before = try heap.check().checkedPages
        #expect {
            try add(example.lines, to: heap)
        } throws: { error in
            guard case HeapError.badLine(heap.path, example.line, let reason) = error else {
                Issue.record("\(error)")
                return false
            }
            if !reason.contains(example.says) || reason.contains("\n") { Issue.record("\(reason)") }
            return true
        }
        // Nothing was kept, and nothing is lost.
        let names = try heap.read { $0.roots.map(\.name) }
        #expect(names == ["mine"])
        #expect(try heap.check().checkedPages == before)
        try ExchangeRun.requireSound(heap)
    }

    /// The same lines in a valid form.
    @Test func whatIsRightIsNot() throws {
        for lines in [
            [Self.bolts, ##"{"#":4,"name":"b","size":1,"twin":{"ref":4}}"##],
            [
                Self.boltRefs, #"{"ref":1}"#,
                #"{"object":1,"value":{"name":"b","size":1,"note":null}}"#,
            ],
            [Self.header("Array<\(try Dot.describe().text)>"), "{\(Self.dot)}"],
            [
                Self.header("Array<\(try Choice.describe().text)>"),
                #"{"case":"some","values":[1,"a"]}"#,
            ],
            [Self.header("Array<\(try Choice.describe().text)>"), #" { "case" : 0 } "# + "\r"],
            [Self.header("Array<enum Colour: Int16>"), "4"],
            [
                Self.header("Array<Map<String, Map<String, Int>>>"),
                #"{"a":{"a":1,"b":1},"b":{"a":2},"\"a":{},"\\":{}}"#,
            ],
        ] {
            let heap = try PersistentHeap.inMemory()
            try add(lines, to: heap)
            try ExchangeRun.requireSound(heap)
        }
    }

    /// One record with references of two types, or one that is both owned and shared.
    @Test func contradictoryReferences() throws {
        let heap = try PersistentHeap.inMemory()
        let text = [
            Self.boltRefs, #"{"ref":1}"#, #"{"object":1,"value":{"name":"b","size":1}}"#,
            Self.bolts.replacing(#""root":"r""#, with: #""root":"s""#),
            ##"{"#":2,"name":"b","size":1}"##,
            Self.sharedBolts.replacing(#""root":"r""#, with: #""root":"t""#), #"{"ref":2}"#,
        ]
        #expect { try add(text, to: heap) } throws: {
            "\($0)".contains("object 2 is shared, but has a single owner")
        }
    }

    /// A description may come from any program; an endless one is invalid.
    @Test func descriptionsWithoutEnd() throws {
        let heap = try PersistentHeap.inMemory()
        for type in [
            "Array<Int\(String(repeating: "?", count: 20_000))>",
            "Array<\(String(repeating: "enum E: ", count: 20_000))Int>",
            String(repeating: "Array<", count: 20_000) + "Int"
                + String(repeating: ">", count: 20_000),
            String(repeating: "union u{c: (", count: 20_000),
            "Array<Int\(String(repeating: "?", count: 200))>",
            String(repeating: "Array<", count: 150) + "Int" + String(repeating: "?>", count: 150),
        ] {
            #expect(throws: HeapError.unknownType(path: heap.path, name: "r", type: type)) {
                try add([Self.header(type)], to: heap)
            }
        }
        // The maximum depth.
        let deepest =
            String(repeating: "Array<", count: 60) + "Int" + String(repeating: "??>", count: 60)
        try add([Self.header(deepest), "null"], to: heap)
        try ExchangeRun.requireSound(heap)
    }

    /// Errors of the lines' source or of their receiver are rethrown unchanged.
    @Test func errorsOfTheProgramPass() throws {
        struct Mine: Error {}
        let heap = try PersistentHeap.inMemory()
        #expect(throws: Mine.self) {
            try heap.write { tx in _ = try tx.importRoot { throw Mine() } }
        }
        try heap.write { tx in _ = try tx.array("a", of: Int.self) }
        #expect(throws: Mine.self) {
            try heap.read { tx in try tx.exportRoot("a") { _ in throw Mine() } }
        }
    }

    /// Files truncated, and changed, at every byte: an error or a sound heap, and never a trap.
    @Test func everyByteOfAFile() throws {
        let source = try PersistentHeap.inMemory()
        try source.write { tx in
            let bolts = try tx.array("bolts", of: Bolt.self)
            bolts.append(Bolt(name: "é", size: 1, note: "n"))
            bolts.append(Bolt(name: "b", size: -2))
            bolts[ref: 0].twin = bolts[ref: 1]
            bolts[ref: 1].twin = try tx.new(Bolt(name: "free", size: 3))
            try tx.map("map", String.self, Choice.self)["a"] = .some(3, "x")
        }
        let folder = try TemporaryFolder()
        try source.exportLines(to: folder.file("lines"))
        let whole = try folder.bytes("lines")
        let heap = try PersistentHeap.inMemory()
        var random = SplitMix(state: 11)
        var accepted = 0
        func attempt(_ data: Data) throws {
            try folder.write(data, to: "changed")
            do {
                try heap.importLines(from: folder.file("changed"), knowing: Self.types)
                accepted += 1
                let check = try heap.check()
                #expect(check.problems == [])
                try heap.write { tx in
                    for root in tx.roots {
                        // Whatever it has become: a type with another name is as good as the one
                        // that was exported.
                        try tx.removeRoot(named: root.name)
                    }
                    try tx.collectGarbage(knowing: [Bolt.self])
                }
            } catch let error as HeapError {
                switch error {
                case .badLine, .unknownType, .rootExists: break
                default: Issue.record("\(error)")
                }
            }
        }
        for end in 0 ..< whole.count { try attempt(whole.prefix(end)) }
        for index in 0 ..< whole.count {
            var changed = whole
            changed[index] = UInt8(truncatingIfNeeded: random.next())
            try attempt(changed)
        }
        #expect(accepted > 0)
        let isEmpty = try heap.read { $0.roots.isEmpty }
        #expect(isEmpty)
    }
}
