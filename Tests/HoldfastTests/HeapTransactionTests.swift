import Holdfast
import Testing

/// Code written once for both read and write transactions.
@Suite struct HeapTransactionTests {
    @Test("An accessor in an extension makes the root in a write transaction, and finds it in both")
    func extensionWorksWithBoth() throws {
        let heap = try PersistentHeap.inMemory()
        try heap.write { tx in
            try tx.stock()["bolt"] = 120
            let bolts = try tx.stock()["bolt"]
            #expect(bolts == 120)
        }
        #expect(try heap.read { tx in try tx.stock()["bolt"] } == 120)
    }

    @Test("A generic function takes both kinds of transaction, and the existing roots of one")
    func functionTakesBoth() throws {
        let heap = try PersistentHeap.inMemory()
        try heap.write { tx in
            try names(tx).append("Ada")
            let (made, found) = (try count(tx), try count(tx.existing))
            #expect(made == 1)
            #expect(found == 1)
        }
        #expect(try heap.read { tx in try count(tx) } == 1)
    }

    @Test("A root that is not there is an error in a read transaction and is made in a write one")
    func missingRoots() throws {
        let heap = try PersistentHeap.inMemory()
        #expect(throws: HeapError.rootNotFound(path: heap.path, name: "stock")) {
            try heap.read { tx in _ = try tx.stock().count }
        }
        try heap.write { tx in
            let before = tx.hasRoot("stock")
            #expect(!before)
            #expect(throws: HeapError.rootNotFound(path: heap.path, name: "stock")) {
                _ = try tx.existing.stock()
            }
            let isEmpty = try tx.stock().isEmpty
            let after = tx.hasRoot("stock")
            #expect(isEmpty)
            #expect(after)
        }
    }

    @Test("Every kind of root is found through the protocol")
    func everyKind() throws {
        let heap = try PersistentHeap.inMemory()
        try heap.write { tx in
            try touchAll(tx)
            #expect(throws: HeapError.rootNotFound(path: heap.path, name: "limit")) {
                _ = try tx.value("limit", of: Int.self)
            }
            _ = try tx.value("limit", initial: 7)
            let limit = try tx.value("limit", of: Int.self).value
            #expect(limit == 7)
        }
        try heap.read { tx in
            try touchAll(tx)
            let limit = try tx.value("limit", of: Int.self).value
            #expect(limit == 7)
            let names = tx.roots.map(\.name)
            #expect(names == ["a", "b", "c", "d", "e", "f", "g", "h", "i", "limit"])
        }
    }

    private func names(_ tx: borrowing some HeapTransaction & ~Copyable) throws
        -> PersistentArray<String>
    {
        try tx.array("names", of: String.self)
    }

    private func count(_ tx: borrowing some HeapTransaction & ~Copyable) throws -> Int {
        try names(tx).count
    }

    private func touchAll(_ tx: borrowing some HeapTransaction & ~Copyable) throws {
        let areEmpty = [
            try tx.map("a", Int.self, Int.self).isEmpty,
            try tx.sortedMap("b", Int.self, Int.self).isEmpty,
            try tx.array("c", of: Int.self).isEmpty,
            try tx.deque("d", of: Int.self).isEmpty,
            try tx.set("e", of: Int.self).isEmpty,
            try tx.sortedSet("f", of: Int.self).isEmpty,
            try tx.string("g").string.isEmpty,
            try tx.bytes("h").isEmpty,
            try tx.bitSet("i").isEmpty,
        ]
        #expect(areEmpty == [Bool](repeating: true, count: 9))
    }
}

extension HeapTransaction where Self: ~Copyable {
    fileprivate func stock() throws -> PersistentMap<String, Int> {
        try map("stock", String.self, Int.self)
    }
}
