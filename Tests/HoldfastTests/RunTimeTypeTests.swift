import Foundation
import HoldfastEngine
import Testing
import TestSupport

@testable import Holdfast
@testable import HoldfastInspection

/// Types that this program does not have, made from a heap's descriptions: they read, verify,
/// export and import the data of the program that has the types.
@Suite(.progress) struct RunTimeTypeTests {
    struct Inner: HeapStruct, Equatable {
        var flag: Bool
        var small: Int16?
    }

    struct Plain: HeapStruct {
        var item: Int32
        var inner: Inner
        var delta: Double?
        var pair: (UInt8, Int64)
        var mark: Unicode.Scalar
        var tail: UInt8
    }

    enum Colour: UInt8, HeapEnum, PersistableKey { case red = 1, green = 7 }

    enum Payment: HeapUnion {
        case cash
        case card(String, PersistentArray<Int>)
        static let cases = [
            UnionCase("cash", { Payment.cash }, if: { if case .cash = $0 { true } else { false } }),
            UnionCase("card", Payment.card) {
                if case .card(let number, let list) = $0 { (number, list) } else { nil }
            },
        ]
    }

    struct Person: HeapRecord {
        var name: String
        var born: Date?
        var payment: Payment
        var colour: Colour
        var plain: Plain
        var friends = PersistentArray<HeapRef<Person>>()
        var best: HeapRef<Person>?
        var notes: Encoded<[String: [Int]]>
    }

    static let day = Date(timeIntervalSinceReferenceDate: 1000.5)
    static let plain = Plain(
        item: -5, inner: Inner(flag: true, small: nil), delta: 2.5, pair: (9, -9), mark: "é",
        tail: 255)

    /// A heap with values of all these types.
    static func fill(_ heap: PersistentHeap) throws {
        try heap.write { tx in
            let people = try tx.map("people", String.self, Person.self)
            for (name, colour) in [("ada", Colour.red), ("bob", .green)] {
                people[name] = Person(
                    name: "\(name) with a name longer than fifteen bytes",
                    born: name == "ada" ? day : nil, payment: .cash,
                    colour: colour, plain: plain, notes: Encoded(["a": [1, 2], "b": []]))
            }
            let ada = people[ref: "ada"]!
            let bob = people[ref: "bob"]!
            ada.friends.append(bob)
            ada.best = bob
            bob.best = ada
            let list = try tx.array("numbers", of: Int.self)
            list.append(contentsOf: [4, 5])
            bob.payment = .card("a number of more than fifteen digits", list)
            try tx.array("plain", of: Plain.self).append(contentsOf: [plain, plain, plain])
            try tx.map("colours", Colour.self, PersistentDeque<Inner?>.self)[creating: .green]
                .append(
                    Inner(flag: false, small: 3))
            try tx.sortedMap("sorted", Date.self, Inner.self)[day] = Inner(flag: true, small: -1)
        }
    }

    /// Makes this program forget the types.
    static func forget() {
        RunTimeTypes.install()
        let types: [any Persistable.Type] = [
            Inner.self, Plain.self, Colour.self, Payment.self, Person.self,
            PersistentMap<String, Person>.self,
            PersistentArray<Plain>.self,
            PersistentMap<Colour, PersistentDeque<Inner?>>.self,
            PersistentSortedMap<Date, Inner>.self,
        ]
        for type in types { TypeRegistry.shared.forget(type) }
    }

    /// The types become known again to the other tests of this process once they are requested.
    static let lock = NSLock()

    private struct TwoLines: HeapRecord {
        static var storedName: String { "Two\nLines" }
        var size: Size
        enum Size: Int, HeapEnum, CaseIterable { case small, large }
    }

    /// Notes follow a description after a line end, which a name can contain, too.
    @Test func namesOfTwoLines() throws {
        let heap = try PersistentHeap.inMemory()
        try heap.write { try $0.array("a", of: TwoLines.self).append(TwoLines(size: .large)) }
        let check = try heap.check()
        #expect(check.isSound && check.unreachedBlocks == 0, "\(check)")
        let text = try heap.read { $0.roots[0].type.text }
        #expect(text.contains("record Two\nLines{"))
    }

    @Test func madeTypesDoWhatTheProgramsDo() throws {
        Self.lock.lock()
        defer { Self.lock.unlock() }
        let heap = try PersistentHeap.inMemory()
        try Self.fill(heap)
        var theirs: [String] = []
        try heap.read { tx in
            for root in tx.roots { try tx.exportRoot(root.name) { theirs.append($0) } }
        }
        Self.forget()
        let type = try #require(
            TypeRegistry.shared.type(
                describedAs: try heap.read { $0.roots.first { $0.name == "people" }!.type.text }))
        #expect("\(type)".contains("RunTimeRecord"))
        // They verify all data, and own all of it.
        let check = try heap.check()
        #expect(check.problems == [] && check.unknownRoots == [] && check.unreachedBlocks == 0)
        // They write the same lines, and make the same heap from them.
        var mine: [String] = []
        try heap.read { tx in
            for root in tx.roots { try tx.exportRoot(root.name) { mine.append($0) } }
        }
        #expect(mine == theirs)
        let copy = try PersistentHeap.inMemory()
        var lines = mine[...]
        try copy.write { tx in
            _ = try tx.importRoots(as: nil, path: "lines", knowing: []) { lines.popFirst() }
        }
        let sound = try copy.check()
        #expect(sound.problems == [] && sound.unreachedBlocks == 0)
        // After removal through such types, nothing is left.
        try copy.write { tx in for root in tx.roots { try tx.removeRoot(named: root.name) } }
        #expect(try copy.check().unreachedBlocks == 0)
        // The program that has the types reads the data that the other has imported.
        Self.forget()
        let third = try PersistentHeap.inMemory()
        lines = mine[...]
        try third.write { tx in
            _ = try tx.importRoots(as: nil, path: "lines", knowing: []) { lines.popFirst() }
        }
        let (name, friends, number) = try third.read { tx in
            let people = try tx.map("people", String.self, Person.self)
            var number = ""
            if case .card(let found, _)? = people["bob"]?.payment { number = found }
            return (people["ada"]?.best?.name, people["ada"]?.friends.count, number)
        }
        #expect(
            name == "bob with a name longer than fifteen bytes" && friends == 1
                && number == "a number of more than fifteen digits")
        let items = try third.read { tx in
            try tx.array("plain", of: Plain.self).map {
                ($0.item, $0.pair.1, $0.mark, $0.tail, $0.delta)
            }
        }
        #expect(items.count == 3 && items[2] == (-5, -9, "é", 255, 2.5))
    }

    /// Damage is found through such types, too.
    @Test func madeTypesFindDamage() throws {
        Self.lock.lock()
        defer { Self.lock.unlock() }
        let heap = try PersistentHeap.inMemory()
        try Self.fill(heap)
        try heap.write { tx in
            let place = try #require(
                try tx.place(ofRoot: "plain")?.element(at: 1)?.field("inner")?.field("flag")?.place)
            tx[RelativePointer<UInt8>(offset: place)] = 9
        }
        Self.forget()
        let problems = try heap.check().problems
        #expect(
            problems.count == 1 && problems[0].contains("root \"plain\", [1], inner, flag"),
            "\(problems)")
    }

    struct Ball: HeapStruct {
        var colour: Colour
        var bounces: Int
    }

    /// To a program without it, an enum in a plain struct is bytes; the program that has it reads
    /// them again.
    @Test func enumsAreBytesInside() throws {
        Self.lock.lock()
        defer { Self.lock.unlock() }
        let heap = try PersistentHeap.inMemory()
        try heap.write { tx in
            try tx.array("balls", of: Ball.self).append(Ball(colour: .green, bounces: 3))
        }
        for type in [Ball.self, PersistentArray<Ball>.self] as [any Persistable.Type] {
            TypeRegistry.shared.forget(type)
        }
        var lines: [String] = []
        try heap.read { tx in try tx.exportRoot("balls") { lines.append($0) } }
        #expect(lines.last == #"{"bounces":3,"colour":{"bytes":"AQ=="}}"#)
        let copy = try PersistentHeap.inMemory()
        var rest = lines[...]
        try copy.write { tx in _ = try tx.importRoot(knowing: [Ball.self]) { rest.popFirst() } }
        let colour = try copy.read { tx in try tx.array("balls", of: Ball.self)[0].colour }
        #expect(colour == .green)
    }

    @Test func sizesAndAlignments() {
        for alignment in [1, 2, 4, 8, 16] {
            for size in Array(alignment ... 70) + [255, 256, 1000, 4095, 65536] {
                guard let type = BytesMaker.type(size: size, alignment: alignment)
                else {
                    Issue.record("no type of \(size) bytes, aligned to \(alignment)")
                    continue
                }
                #expect(
                    TypeFacts.size(of: type) == size && TypeFacts.alignment(of: type) == alignment)
            }
        }
        #expect(BytesMaker.type(size: 65537, alignment: 1) == nil)
        #expect(
            BytesMaker.type(size: 0, alignment: 1).map { TypeFacts.size(of: $0) } == 0)
        for number in [0, 1, 2, 5, 1000, 123_456] {
            #expect(RunTimeDefinition.numberType(number).number == number)
        }
    }

    /// Contradictory or invented descriptions make no type and no trap.
    @Test(arguments: [
        "Array<A{x: Int @4; 12 bytes}>", "Array<A{x: Int @0; 4 bytes}>",
        "Array<A{x: Int @0, y: Int @4; 16 bytes}>",
        "Array<A{x: Nobody @0; 8 bytes}>", "Array<A{99999999999999 bytes}>",
        "Array<A{x: A{8 bytes, aligned to 8} @4; 16 bytes}>",
        "Array<record A{x: Int @0; 16 bytes}>", "Array<record A{x: Int @8; 17 bytes}>",
        "Array<record A{x: B? @8; 24 bytes}>",
        "Array<A>", "Map<A{8 bytes}, Int>", "Array<A{x: InlineArray<999999999, Int> @0; 8 bytes}>",
        "Map<Int>",
        "Array<InlineArray<-1, Int>>",
        "Array<union U{a: (Nobody)}>", "Ref<A{8 bytes}>", "Array<A{3 bytes, aligned to 3}>",
        "Array<A{8 bytes, aligned to 1}>",
    ])
    func nonsense(text: String) {
        RunTimeTypes.install()
        #expect(TypeRegistry.shared.type(describedAs: text) == nil)
    }
}
