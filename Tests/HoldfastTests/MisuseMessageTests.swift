import Holdfast
import TestSupport
import Testing

/// The message of a trap names the operation, the handle's type as the program writes it, the root
/// and the heap, and says how to find the line. Each mistake is made in a process of its own.
@Suite(.progress) struct MisuseMessageTests {
    struct Node: HeapRecord {
        var name: String
        var next: HeapRef<Node>?
    }

    /// What a mistake printed, for the parts of it that are missing.
    private func expect(
        _ result: ExitTest.Result?, says parts: String...,
        at location: SourceLocation = #_sourceLocation
    ) {
        let text = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
        let missing = (parts + ["SWIFT_BACKTRACE=enable=yes"]).filter { !text.contains($0) }
        #expect(missing == [], "\(text)", sourceLocation: location)
    }

    /// A heap that is open while the mistake is made, and closed after it.
    private static func heap() throws -> PersistentHeap { try PersistentHeap.inMemory() }

    // MARK: After the transaction

    @Test func handlesAfterTheirTransaction() async {
        var result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent])
        {
            let heap = try Self.heap()
            let map = try heap.writeAndKeep { try $0.map("stock", String.self, Int.self) }
            _ = map["bolt"]
            try heap.close()
        }
        expect(
            result, says: "a handle was used after its transaction had ended",
            "PersistentMap<String, Int>, look-up of a key, root \"stock\", of the heap ")
        result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            let heap = try Self.heap()
            let array = try heap.writeAndKeep { try $0.array("list", of: Int.self) }
            array.append(1)
            try heap.close()
        }
        expect(result, says: "PersistentArray<Int>.append(_:), root \"list\", of the heap ")
        result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            let heap = try Self.heap()
            let deque = try heap.writeAndKeep { try $0.deque("queue", of: Int.self) }
            _ = deque.popFirst()
            try heap.close()
        }
        expect(result, says: "PersistentDeque<Int>.popFirst(), root \"queue\"")
        result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            let heap = try Self.heap()
            let map = try heap.writeAndKeep {
                try $0.sortedMap("days", Int.self, String.self)
            }
            map[1] = "Monday"
            try heap.close()
        }
        expect(result, says: "PersistentSortedMap<Int, String>, insertion of a key, root \"days\"")
    }

    /// These are other collections within, but not to the program.
    @Test func wrappersAfterTheirTransaction() async {
        var result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent])
        {
            let heap = try Self.heap()
            let set = try heap.writeAndKeep { try $0.set("seen", of: Int.self) }
            _ = set.count
            try heap.close()
        }
        expect(result, says: "PersistentSet<Int>.count, root \"seen\"")
        result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            let heap = try Self.heap()
            let text = try heap.writeAndKeep { try $0.string("text") }
            text.append("more")
            try heap.close()
        }
        expect(result, says: "PersistentString.", "root \"text\"")
    }

    @Test func recordsAndValuesAfterTheirTransaction() async {
        var result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent])
        {
            let heap = try Self.heap()
            let node = try heap.writeAndKeep { tx in
                try tx.value("first", initial: Node(name: "a", next: nil)).ref
            }
            _ = node.name
            try heap.close()
        }
        expect(result, says: "HeapRef<Node>.name, root \"first\", of the heap ")
        result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            let heap = try Self.heap()
            let value = try heap.writeAndKeep { try $0.value("number", initial: 1) }
            _ = value.value
            try heap.close()
        }
        expect(result, says: "PersistentValue<Int>.value, root \"number\"")
    }

    /// The transaction that is open now tells the root, whatever its name is and wherever the
    /// handle came from.
    @Test func handlesInALaterTransaction() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent])
        {
            let heap = try Self.heap()
            let list = try heap.writeAndKeep { tx in
                let lists = try tx.map(
                    "a name that is not short", String.self, PersistentArray<Int>.self)
                return lists[creating: "ada"]
            }
            try heap.read { _ in print(list.count) }
        }
        expect(
            result, says: "PersistentArray<Int>.count",
            "root \"a name that is not short\", [\"ada\"], of the heap ")
    }

    @Test func handlesAfterTheirSavepoint() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent])
        {
            try Self.heap().write { tx in
                var kept: PersistentArray<Int>?
                try tx.savepoint { tx in kept = try tx.array("inner", of: Int.self) }
                kept!.append(1)
            }
        }
        expect(result, says: "PersistentArray<Int>.append(_:), root \"inner\"")
    }

    // MARK: In a read transaction

    @Test func changesInAReadTransaction() async {
        var result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent])
        {
            let heap = try Self.heap()
            try heap.write { try $0.array("list", of: Int.self).append(1) }
            try heap.read { try $0.array("list", of: Int.self)[0] = 2 }
        }
        expect(
            result, says: "a read transaction was written through",
            "PersistentArray<Int>.subscript(_:), root \"list\", of the heap ")
        result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            let heap = try Self.heap()
            try heap.write { try $0.map("stock", String.self, String.self)["bolt"] = "one" }
            try heap.read { tx in
                try tx.map("stock", String.self, String.self)["a key that is not short"] = "two"
            }
        }
        expect(
            result,
            says: "PersistentMap<String, String>, insertion of a key, root \"stock\"")
        result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            let heap = try Self.heap()
            try heap.write { _ = try $0.value("node", initial: Node(name: "a", next: nil)) }
            try heap.read { try $0.value("node", of: Node.self).name = "a name that is not short" }
        }
        expect(result, says: "PersistentValue<Node>.name, root \"node\"")
        result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            let heap = try Self.heap()
            try heap.write { tx in
                try tx.map("lists", Int.self, PersistentDeque<Int>.self)[creating: 7].append(1)
            }
            try heap.read { tx in
                try tx.map("lists", Int.self, PersistentDeque<Int>.self)[7]!.append(2)
            }
        }
        expect(result, says: "PersistentDeque<Int>.append(_:), root \"lists\", [7], of the heap ")
    }

    // MARK: Positions

    @Test func positionsOutOfRange() async {
        var result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent])
        {
            try Self.heap().write { tx in _ = try tx.array("list", of: Int.self)[3] }
        }
        expect(
            result, says: "index 3 is out of range; the array has 0 elements",
            "PersistentArray<Int>.subscript(_:), root \"list\", of the heap ")
        result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            try Self.heap().write { tx in
                _ = try tx.deque("queue", of: String.self).removeFirst()
            }
        }
        expect(
            result, says: "cannot remove 1 elements: there are 0",
            "PersistentDeque<String>.removeFirst(), root \"queue\"")
        result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            try Self.heap().write { tx in
                try tx.array("list", of: Int.self).replaceSubrange(2 ..< 4, with: [])
            }
        }
        expect(
            result, says: "the range 2..<4 is out of bounds; there are 0 elements",
            "PersistentArray<Int>.replaceSubrange(_:with:), root \"list\"")
    }

    // MARK: What is no longer there, or elsewhere

    @Test func recordsThatHaveBeenFreed() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent])
        {
            try Self.heap().write { tx in
                let node = try tx.new(Node(name: "a", next: nil))
                node.free()
                print(node.name)
            }
        }
        expect(
            result, says: "a handle no longer leads to its", "HeapRef<Node>.name, of the heap ")
    }

    @Test func collectionsThatHaveBeenRemoved() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent])
        {
            try Self.heap().write { tx in
                let lists = try tx.map("lists", Int.self, PersistentArray<Int>.self)
                let list = lists[creating: 1]
                lists[1] = nil
                list.append(1)
            }
        }
        expect(
            result, says: "a handle no longer leads to its array",
            "PersistentArray<Int>.append(_:), of the heap ")
    }

    @Test func referencesIntoAnotherHeap() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent])
        {
            let (first, second) = (try Self.heap(), try Self.heap())
            try first.write { tx in
                let node = try tx.value("node", initial: Node(name: "a", next: nil)).ref
                try second.write { try $0.array("nodes", of: HeapRef<Node>.self).append(node) }
            }
        }
        expect(
            result, says: "or into another heap", "HeapRef<Node>.ref, root \"node\", of the heap ")
    }

    @Test func changesDuringAnIteration() async {
        var result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent])
        {
            try Self.heap().write { tx in
                let map = try tx.map("stock", Int.self, Int.self)
                for key in 0 ..< 10 { map[key] = key }
                for (key, _) in map { map[key + 100] = 1 }
            }
        }
        expect(
            result, says: "a map or set was changed during iteration",
            "PersistentMap<Int, Int>.next(), root \"stock\"")
        result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            let heap = try Self.heap()
            var iterator = try heap.writeAndKeep { tx in
                let array = try tx.array("list", of: Int.self)
                array.append(1)
                return array.makeIterator()
            }
            _ = iterator.next()
            try heap.close()
        }
        expect(
            result, says: "an iterator was used after its transaction had ended",
            "PersistentArray<Int>.next(), root \"list\"")
    }

    // MARK: Transactions

    @Test func transactionsInTransactions() async {
        var result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent])
        {
            let heap = try Self.heap()
            try heap.write { _ in try heap.write { _ in } }
        }
        expect(
            result, says: "heap.write was called inside a transaction",
            "It was done in: heap.write, of the heap ")
        result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            let heap = try Self.heap()
            try heap.write { _ in try heap.read { _ in } }
        }
        expect(
            result, says: "heap.read was called inside heap.write",
            "It was done in: heap.read, of the heap ")
        result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            let heap = try Self.heap()
            try heap.read { _ in try heap.close() }
        }
        expect(result, says: "heap.close was called inside a transaction")
    }

    @Test func savepointsInLentMemory() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent])
        {
            try Self.heap().write { tx in
                let array = try tx.array("list", of: Int.self)
                array.append(1)
                try array.withMutableSpan { _ in try tx.savepoint { _ in } }
            }
        }
        expect(
            result, says: "tx.savepoint was called inside a closure",
            "WriteTransaction.savepoint(_:), of the heap ")
    }

    @Test func collectionsMadeOutsideOfWriting() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent])
        {
            _ = PersistentArray([1, 2])
        }
        expect(
            result, says: "was created outside of a write transaction",
            "It was done in: PersistentArray<Int>.init.")
    }
}
