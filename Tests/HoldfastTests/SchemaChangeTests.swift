import HoldfastEngine
import Testing
import TestSupport

@testable import Holdfast
@testable import HoldfastInspection

/// One root in one form.
@HeapSchema private struct Of<Root: PersistableContainer, Header>
where Root.Stored == RelativePointer<Header> {
    var root: Root
}

/// Types as an earlier and a later version of a program have them.
private enum Old {
    @Persistable(.plain) struct Movement {
        static var storedName: String { "Movement" }
        var item: Int32
        var gone: Int16
        var delta: Int32
        var price: Float
        var count: UInt16?
    }
    @Persistable enum Payment {
        static var storedName: String { "Payment" }
        case cash, card(String), points(Int32)
    }
    @Persistable struct Address {
        static var storedName: String { "Address" }
        var street: String
        var number: Int32
    }
    @Persistable struct Contact {
        static var storedName: String { "Contact" }
        var name: String
        var nick: String
        var age: Int16
        var home: Address
        var others: [Address]
        var moves: PersistentArray<Movement>
        var note: String
        var payment: Payment
        var dropped: [String: Address]
        var visits: Int
        var bits: UInt32
    }
    @Persistable struct Tree {
        static var storedName: String { "Tree" }
        var value: Int32
        var children: [Tree]
    }
}

private enum New {
    @Persistable(.plain) struct Movement: Equatable {
        static var storedName: String { "Movement" }
        @HeapField("delta") var change: Int64
        var weight: Double = 1.5
        var price: Double
        var item: Int32
        var count: Int32?
        var checked: Bool?
    }
    @Persistable enum Payment: Equatable {
        static var storedName: String { "Payment" }
        case transfer(iban: String), points(Int64), cash, card(String)
    }
    @Persistable struct Address: Equatable {
        static var storedName: String { "Address" }
        var number: Int64
        var street: String
    }
    @Persistable struct Contact {
        static var storedName: String { "Contact" }
        var others: [Address]
        @HeapField("name") var fullName: String
        var age: Int?
        var home: Address
        var moves: PersistentArray<Movement>
        var note: String?
        var payment: Payment
        var tags: [String]
        var words: PersistentMap<String, Int>
        var visits: Int128
        var bits: UInt128?
        var level = "a default that is too long to be stored in place"
    }
    @Persistable struct Tree {
        static var storedName: String { "Tree" }
        var children: [Tree]
        var value: Int64
    }
}

/// Opening a heap with types that have changed.
@Suite(.progress) struct SchemaChangeTests {
    private let folder = try! TemporaryFolder()
    private var path: String { folder.path + "/a.heap" }

    private func text(_ number: Int) -> String { "a text that has a block, number \(number)" }

    private func oldMovement(_ number: Int) -> Old.Movement {
        Old.Movement(
            item: Int32(number), gone: 1, delta: Int32(-number), price: 0.5,
            count: number % 2 == 0 ? nil : UInt16(number))
    }

    private func newMovement(_ number: Int) -> New.Movement {
        New.Movement(
            change: Int64(-number), weight: 1.5, price: 0.5, item: Int32(number),
            count: number % 2 == 0 ? nil : Int32(number), checked: nil)
    }

    private func oldContact(_ number: Int) -> Old.Contact {
        let payments: [Old.Payment] = [.cash, .card(text(number)), .points(Int32(number))]
        let address = Old.Address(street: text(number), number: Int32(number))
        return Old.Contact(
            name: text(number), nick: text(number), age: Int16(number), home: address,
            others: [address, address], moves: [oldMovement(number)], note: "n\(number)",
            payment: payments[number % 3], dropped: [text(number): address],
            visits: -number, bits: .max)
    }

    private func expect(_ contact: New.Contact?, _ number: Int) {
        guard let contact else { return _ = #expect(Bool(false), "there is no \(number)") }
        let payments: [New.Payment] = [.cash, .card(text(number)), .points(Int64(number))]
        let address = New.Address(number: Int64(number), street: text(number))
        #expect(contact.fullName == text(number) && contact.age == number)
        #expect(contact.home == address && contact.others == [address, address])
        #expect(Array(contact.moves) == [newMovement(number)])
        #expect(contact.note == "n\(number)" && contact.payment == payments[number % 3])
        #expect(contact.tags == [] && contact.words.isEmpty)
        #expect(contact.visits == Int128(-number))
        #expect(contact.bits == UInt128(UInt32.max))
        #expect(contact.level == "a default that is too long to be stored in place")
    }

    private func verify(_ heap: PersistentHeap) throws {
        let check = try heap.check()
        #expect(check.isSound && check.unreachedBlocks == 0, "\(check)")
    }

    /// Fills a root of the old type, converts it in transactions of `limit` elements, and checks
    /// the heap between them.
    private func convert<Root: PersistableContainer, Next: PersistableContainer, A, B>(
        _: Root.Type, to _: Next.Type, upTo limit: Int, fill: (Root) -> Void,
        check: (Next) -> Void
    ) throws where Root.Stored == RelativePointer<A>, Next.Stored == RelativePointer<B> {
        let heap = try PersistentHeap.inMemory()
        try TypedHeap<Of<Root, A>>(heap).write { fill($0.root) }
        let conversion = SchemaConversion(of: Of<Next, B>.self)
        while try !heap.write({ try conversion.run(in: $0, upTo: limit) }) { try verify(heap) }
        try TypedHeap<Of<Next, B>>(heap).read { check($0.root) }
        let hidden = try heap.read { RootCatalogue($0.access).hiddenNames }
        #expect(hidden == ["\0history of root"])
        try heap.close()
    }

    // MARK: Collections

    @Test(arguments: [7, 1000]) func elements(limit: Int) throws {
        try convert(
            PersistentArray<Old.Movement>.self, to: PersistentArray<New.Movement>.self, upTo: limit,
            fill: { for number in 0 ..< 100 { $0.append(oldMovement(number)) } },
            check: { #expect(Array($0) == (0 ..< 100).map(newMovement)) })
        try convert(
            PersistentDeque<Old.Movement>.self, to: PersistentDeque<New.Movement>.self, upTo: limit,
            fill: { for number in 0 ..< 100 { $0.prepend(oldMovement(99 - number)) } },
            check: { #expect(Array($0) == (0 ..< 100).map(newMovement)) })
        try convert(
            PersistentArray<Old.Contact>.self, to: PersistentArray<New.Contact>.self, upTo: limit,
            fill: { for number in 0 ..< 101 { $0.append(oldContact(number)) } },
            check: {
                #expect($0.count == 101)
                for (number, contact) in $0.enumerated() { expect(contact, number) }
            })
        try convert(
            PersistentDeque<Old.Contact?>.self, to: PersistentDeque<New.Contact?>.self, upTo: limit,
            fill: {
                for number in 0 ..< 100 { $0.append(number % 5 == 0 ? nil : oldContact(number)) }
            },
            check: {
                for (number, contact) in $0.enumerated() {
                    if number % 5 == 0 { #expect(contact == nil) } else { expect(contact, number) }
                }
            })
    }

    @Test(arguments: [7, 1000]) func entries(limit: Int) throws {
        try convert(
            PersistentMap<String, Old.Contact>.self, to: PersistentMap<String, New.Contact>.self,
            upTo: limit,
            fill: { for number in 0 ..< 100 { $0[text(number)] = oldContact(number) } },
            check: {
                #expect($0.count == 100)
                for number in 0 ..< 100 { expect($0[text(number)], number) }
            })
        try convert(
            PersistentSortedMap<String, Old.Contact>.self,
            to: PersistentSortedMap<String, New.Contact>.self, upTo: limit,
            fill: { for number in 0 ..< 300 { $0[text(number)] = oldContact(number) } },
            check: {
                let keys = $0.map(\.key)
                #expect(keys == (0 ..< 300).map(text).sorted())
                for number in 0 ..< 300 { expect($0[text(number)], number) }
            })
        try convert(
            PersistentMap<Int, Old.Movement>.self, to: PersistentMap<Int, New.Movement>.self,
            upTo: limit * 10,
            fill: { for number in 0 ..< 3000 { $0[number] = oldMovement(number) } },
            check: {
                let map = $0
                let isSame = (0 ..< 3000).allSatisfy { map[$0] == newMovement($0) }
                #expect(isSame && map.count == 3000)
            })
        try convert(
            PersistentMap<Int, [Int32]>.self, to: PersistentMap<Int, [Int]>.self, upTo: limit,
            fill: { for number in 0 ..< 20 { $0[number] = [Int32](repeating: 3, count: number) } },
            check: { for (key, value) in $0 { #expect(value == [Int](repeating: 3, count: key)) } })
    }

    /// A record inside itself.
    @Test func recursion() throws {
        func tree(_ depth: Int) -> Old.Tree {
            Old.Tree(
                value: Int32(depth), children: depth == 0 ? [] : [tree(depth - 1), tree(depth - 1)])
        }
        func sum(_ tree: New.Tree) -> Int64 { tree.children.map(sum).reduce(tree.value, +) }
        try convert(
            PersistentArray<Old.Tree>.self, to: PersistentArray<New.Tree>.self, upTo: 1,
            fill: { for depth in 0 ..< 5 { $0.append(tree(depth)) } },
            check: { #expect($0.map(sum) == [0, 1, 4, 11, 26]) })
    }

    @Test func emptyCollections() throws {
        try convert(
            PersistentArray<Old.Contact>.self, to: PersistentArray<New.Contact>.self, upTo: 1,
            fill: { _ in }, check: { #expect($0.isEmpty) })
        try convert(
            PersistentSortedMap<Int, Old.Contact>.self,
            to: PersistentSortedMap<Int, New.Contact>.self, upTo: 1, fill: { _ in },
            check: { #expect($0.isEmpty) })
    }
}
