import Foundation
import Testing
import TestSupport

@testable import Holdfast
@testable import HoldfastInspection

/// Inspecting and changing a heap without the program's types.
@Suite(.progress) struct InspectionTests {
    private let heap: PersistentHeap

    init() throws { heap = try PersistentHeap.inMemory() }

    private func shape(_ text: String) throws -> TypeShape {
        try #require(TypeShape(parsing: text))
    }

    private func make(_ name: String, _ type: String, _ value: PlainValue) throws {
        let shape = try shape(type)
        try heap.write { tx in try tx.makeRoot(name, shape, value) }
    }

    private func text(_ name: String, limit: Int = .max) throws -> String {
        try heap.read { tx in try tx.place(ofRoot: name)?.plain(limit: limit).description ?? "none"
        }
    }

    private func requireSound() throws {
        let check = try heap.check()
        #expect(check.problems == [] && check.unreachedBlocks == 0 && check.unknownRoots == [])
    }

    /// Creates, shows, changes and removes a root of every type.
    @Test(arguments: [
        ("Array<Int>", PlainValue.list([.integer(1), .integer(-2)]), "[1, -2]"),
        (
            "Deque<String>", .list([.text("a\n\"b"), .text("longer than fifteen bytes")]),
            #"["a\n\"b", "longer than fifteen bytes"]"#
        ),
        (
            "Map<String, Double>", .pairs([.init(key: .text("bolt"), value: .integer(3))]),
            #"["bolt": 3.0]"#
        ),
        (
            "SortedMap<Int, String?>",
            .pairs([
                .init(key: .integer(2), value: .null), .init(key: .integer(1), value: .text("x")),
            ]), #"[1: "x", 2: nil]"#
        ),
        ("Set<UInt64>", .list([.unsigned(.max)]), "[18446744073709551615]"),
        ("SortedSet<String>", .list([.text("b"), .text("a")]), #"["a", "b"]"#),
        ("PersistentBitSet", .list([.integer(9), .integer(3)]), "[3, 9]"),
        ("PersistentString", .text("tëxt"), "\"tëxt\""),
        ("PersistentBytes", .bytes(Data([1, 255])), "0x01ff"), ("Value<Bool>", .bool(true), "true"),
        (
            "Value<Point{x: Double @0, y: Float @8; 12 bytes}>",
            .object(
                type: "Point",
                [.init(name: "x", value: .number(1.5)), .init(name: "y", value: .number(0.1))]),
            "Point(x: 1.5, y: 0.1)"
        ),
        (
            "Value<record Item{name: String @8, size: Int8? @24, tags: Array<String> @32; 40 bytes}>",
            .object(
                type: "",
                [
                    .init(name: "name", value: .text("a")),
                    .init(name: "tags", value: .list([.text("t")])),
                ]),
            #"Item(name: "a", size: nil, tags: ["t"])"#
        ),
        (
            "Array<union Pay{cash: (), card: (String, Int)}>",
            .list([
                .union(type: "", name: "cash", []),
                .union(type: "Pay", name: "card", [.text("n"), .integer(4)]),
            ]),
            #"[.cash, .card("n", 4)]"#
        ),
        (
            "Map<Int, Array<Set<String>>>",
            .pairs([.init(key: .integer(7), value: .list([.list([.text("z")]), .list([])]))]),
            #"[7: [["z"], []]]"#
        ),
        (
            "Value<Encoded<InspectedTheme>>",
            .pairs([.init(key: .text("a"), value: .list([.null, .number(1.5)]))]),
            #"["a": [nil, 1.5]]"#
        ),
        (
            "Array<UUID>",
            .list([.uuid(UUID(uuid: (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1)))]),
            "[00000000-0000-0000-0000-000000000001]"
        ),
        (
            "Array<Date>", .list([.date(Date(timeIntervalSinceReferenceDate: 0))]),
            "[2001-01-01T00:00:00Z]"
        ),
        (
            "Map<Data, Colour{1 bytes}>",
            .pairs([.init(key: .bytes(Data([7])), value: .opaque(type: "Colour", Data([2])))]),
            "[0x07: Colour(0x02)]"
        ),
        (
            "Value<Odd{a: InlineArray<3, Int16> @0, b: Int? @8; 17 bytes}>",
            .object(
                type: "",
                [
                    .init(name: "a", value: .list([.integer(1), .integer(2), .integer(3)])),
                    .init(name: "b", value: .null),
                ]),
            "Odd(a: [1, 2, 3], b: nil)"
        ),
        (
            "Value<Wrapped{a: P{x: Int @0; 8 bytes}? @0; 9 bytes}>",
            .object(
                type: "",
                [
                    .init(
                        name: "a", value: .object(type: "P", [.init(name: "x", value: .integer(5))])
                    )
                ]),
            "Wrapped(a: P(x: 5))"
        ),
    ])
    func everyType(type: String, value: PlainValue, expected: String) throws {
        try make("root", type, value)
        #expect(try text("root") == expected)
        try requireSound()
        // Set again, in place: the old contents are freed.
        if type.hasPrefix("Value") {
            try heap.write { tx in try tx.place(ofRoot: "root")?.set(value) }
            #expect(try text("root") == expected)
            try requireSound()
        }
        let removed = try heap.write { tx in try tx.removeRoot(named: "root") }
        #expect(removed)
        #expect(try heap.check().unreachedBlocks == 0)
    }

    @Test func listsChange() throws {
        for type in ["Array<String>", "Deque<String>"] {
            try make(type, type, .list([]))
            try heap.write { tx in
                let list = try #require(try tx.place(ofRoot: type))
                for number in 0 ..< 20 {
                    try list.append(.text("element number \(number) of the list"))
                }
                try list.insert(.text("first"), at: 0)
                try list.insert(.text("in between"), at: 3)
                try list.remove(at: 1)
                try list.element(at: 1)?.set(.text("a second one that is quite long"))
                #expect(list.count == 21)
            }
            #expect(
                try text(type, limit: 3)
                    == #"["first", "a second one that is quite long", "in between", … (21 in all)]"#
            )
            try requireSound()
            try heap.write { tx in try tx.place(ofRoot: type)?.removeAll() }
            #expect(try text(type) == "[]")
        }
    }

    @Test func mapsAndSetsChange() throws {
        for type in ["Map<String, Array<Int>>", "SortedMap<String, Array<Int>>"] {
            try make(type, type, .pairs([]))
            try heap.write { tx in
                let map = try #require(try tx.place(ofRoot: type))
                for number in 0 ..< 300 {
                    try map.setValue(
                        .list([.integer(number)]), forKey: .text("a key of many bytes \(number)"))
                }
                try map.setValue(
                    .list([.integer(1), .integer(2)]), forKey: .text("a key of many bytes 7"))
                try map.value(forKey: .text("a key of many bytes 8"))?.append(.integer(9))
                let removed = try map.removeValue(forKey: .text("a key of many bytes 9"))
                let again = try map.removeValue(forKey: .text("a key of many bytes 9"))
                #expect(removed && !again && map.count == 299)
                let found = try map.value(forKey: .text("a key of many bytes 8"))?.plain()
                #expect(found == .list([.integer(8), .integer(9)]))
                let has = try map.contains(.text("a key of many bytes 299"))
                #expect(has)
            }
            try requireSound()
        }
        for type in ["Set<Int>", "SortedSet<Int>", "PersistentBitSet"] {
            try make(type, type, .list([]))
            try heap.write { tx in
                let set = try #require(try tx.place(ofRoot: type))
                let added = try (0 ..< 100).filter { try set.insert(.integer($0 % 50)) }
                #expect(added.count == 50 && set.count == 50)
                let removed = try set.removeValue(forKey: .integer(7))
                let has = try set.contains(.integer(7))
                #expect(removed && !has)
            }
            try requireSound()
        }
    }

    @Test func sortedRangesAndPages() throws {
        try make(
            "m", "SortedMap<Int, String>",
            .pairs((0 ..< 500).map { .init(key: .integer($0 * 2), value: .text("\($0)")) }))
        try heap.read { tx in
            let map = try #require(try tx.place(ofRoot: "m"))
            func keys(_ found: [(key: ValuePlace, value: ValuePlace?)]) -> [String] {
                found.map { $0.key.plain().description }
            }
            #expect(
                keys(
                    try map.entries(from: .integer(11), to: .integer(16), through: false, limit: 9))
                    == ["12", "14"])
            #expect(
                keys(try map.entries(from: .integer(11), to: .integer(16), through: true, limit: 9))
                    == ["12", "14", "16"])
            #expect(
                keys(try map.entries(from: nil, to: .integer(100), through: true, limit: 2)) == [
                    "0", "2",
                ])
            #expect(
                keys(try map.entries(from: .integer(996), to: nil, through: true, limit: 9)) == [
                    "996", "998",
                ])
            #expect(keys(try map.entries(from: 498, limit: 9)) == ["996", "998"])
            #expect(try map.lastEntry()?.value?.plain() == .text("499"))
            #expect(throws: InspectionProblem.self) {
                try map.entries(from: .text("a"), to: nil, through: true, limit: 2)
            }
        }
    }

    /// An invalid change is refused with a message, and the transaction continues unchanged.
    @Test(arguments: [
        ("Array<Int8>", PlainValue.list([.integer(1), .integer(300)]), "300 does not fit Int8"),
        ("Array<Int>", .list([.number(1.5)]), "a number is not of type Int"),
        ("Map<String, Int>", .list([.integer(1)]), "a list is not of type Map<String, Int>"),
        ("Set<Double>", .list([.number(3), .integer(3)]), "3 occurs twice"),
        ("Value<UUID>", .text("x"), #""x" is not a UUID"#),
        ("Value<P{x: Int @0; 8 bytes}>", .object(type: "", []), "the field x of P is missing"),
        ("Value<P{x: Int @0; 8 bytes}>", .object(type: "Q", []), "a Q is not of type P"),
        (
            "Value<P{x: Int @0; 8 bytes}>",
            .object(
                type: "P", [.init(name: "x", value: .integer(1)), .init(name: "z", value: .null)]),
            "P has no field z"
        ),
        (
            "Array<union U{a: (Int)}>", .list([.union(type: "", name: "a", [])]),
            "the case a of U has 1 values, not 0"
        ),
        ("Array<union U{a: (Int)}>", .list([.union(type: "", name: "b", [])]), "U has no case b"),
        ("PersistentBitSet", .list([.integer(-1)]), "-1 does not fit UInt32"),
    ])
    func misfits(type: String, value: PlainValue, sentence: String) throws {
        let shape = try shape(type)
        try heap.write { tx in
            #expect { try tx.makeRoot("root", shape, value) } throws: { "\($0)".contains(sentence) }
            return ()
        }
        #expect(try text("root") == "none")
        #expect(try heap.check().unreachedBlocks == 0)
    }

    /// A damaged root is reported before it is read; others are not affected.
    @Test func damagedRoots() throws {
        try make("bad", "Array<Bool>", .list([.bool(true)]))
        try make("good", "Array<Int>", .list([.integer(1)]))
        try heap.write { tx in
            let place = try #require(try tx.place(ofRoot: "bad")?.element(at: 0)?.place)
            tx[RelativePointer<UInt8>(offset: place)] = 77
        }
        try heap.read { tx in
            #expect(tx.problems(inRoot: "good") == [])
            #expect(tx.problems(inRoot: "bad").count == 1)
        }
    }
}
