import Holdfast
import HoldfastEngine
import HoldfastInspection
import Testing
import TestSupport

/// The cost of each operation of the collections in logged lines: exact numbers, so that an
/// additional line fails a test. Counted from the bytes that a sync writes: 72 for a record's
/// header, 8 for each run of adjacent lines, 64 for each line.
@Suite(.progress) struct CollectionCostTests {
    private let disk = SimulatedDisk()

    private func open() throws -> PersistentHeap {
        let heap = try PersistentHeap.open(
            "/sim/cost.heap", engineOptions: EngineOptions(), disk: disk)
        // The catalogue and the log exist, and slabs for the roots.
        try heap.write { tx in
            let map = try tx.map("map", UInt64.self, UInt64.self)
            for key in 0 ..< 3 { map[UInt64(key)] = 0 }
            let array = try tx.array("array", of: UInt64.self)
            array.reserveCapacity(64)
            array.append(1)
            try tx.map("text", String.self, String.self)["a"] = "b"
        }
        try heap.sync()
        return heap
    }

    /// The lines and runs in the transaction's record.
    private func cost(_ heap: PersistentHeap, _ body: (borrowing WriteTransaction) throws -> Void)
        throws -> [String: Int]
    {
        let start = disk.journal.count
        try heap.write(durability: .device, body)
        var writes: [[UInt8]] = []
        for case .write(_, _, let bytes) in disk.journal[start...] { writes.append(bytes) }
        guard let record = writes.first else { return [:] }
        #expect(writes.count == 1, "a durable transaction is one write")
        let runs = Int(record.withUnsafeBytes { $0.load(fromByteOffset: 4, as: UInt32.self) })
        return ["lines": (record.count - 72 - runs * 8) / 64]
    }

    @Persistable fileprivate struct Task {
        var title: Int
        @Indexed var due: Int
        @Indexed var owner: Int
    }

    @Test func tables() throws {
        let heap = try open()
        try heap.write { tx in
            let tasks = try tx.table("tasks", of: Task.self)
            for number in 0 ..< 3 { tasks.insert(Task(title: 0, due: number, owner: number)) }
            // Slabs for the blocks of rows.
            for id in tasks.map(\.id) { tasks[id]?.title = -1 }
        }
        try heap.sync()
        let id = Task.RowID(2)
        func change(_ body: (inout Task) -> Void) throws -> [String: Int] {
            try cost(heap) { try $0.table("tasks", of: Task.self).update(id, body) }
        }
        // No line of an index: the row's new record, the old one, and the slot that leads to it.
        let title = try change { $0.title = 1 }
        #expect(title == ["lines": 4])
        let due = try change { $0.due = 9 }
        #expect(due == ["lines": 7])
        let insertion = try cost(heap) {
            try $0.table("tasks", of: Task.self).insert(Task(title: 0, due: 1, owner: 1))
        }
        #expect(insertion == ["lines": 12])
    }

    @Test func mapOperations() throws {
        let heap = try open()
        // The slot's line: neither the count nor the control bytes change.
        #expect(
            try cost(heap) { try $0.map("map", UInt64.self, UInt64.self)[1] = 9 } == ["lines": 1])
        #expect(
            try cost(heap) { try $0.map("map", UInt64.self, UInt64.self)[1, default: 0] += 1 } == [
                "lines": 1
            ])
        // The fourth entry of a chunk of seven: its slot is in the chunk's second line, the control
        // bytes are in the first; and the map's count.
        #expect(
            try cost(heap) { try $0.map("map", UInt64.self, UInt64.self)[50] = 1 } == ["lines": 3])
        // That slot crosses from one line into the next; only its value changes.
        #expect(
            try cost(heap) { try $0.map("map", UInt64.self, UInt64.self)[50] = 2 } == ["lines": 1])
        // The control bytes and the count; the slot is left unchanged.
        #expect(
            try cost(heap) { try $0.map("map", UInt64.self, UInt64.self)[50] = nil } == ["lines": 2]
        )
        // A lookup changes nothing: no record.
        #expect(try cost(heap) { _ = try $0.map("map", UInt64.self, UInt64.self)[1] } == [:])
        // A short string is stored in the slot; the second slot of 32 bytes begins at byte 40 and
        // crosses into the chunk's second line.
        #expect(
            try cost(heap) { try $0.map("text", String.self, String.self)["a"] = "c" } == [
                "lines": 1
            ])
        #expect(
            try cost(heap) { try $0.map("text", String.self, String.self)["b"] = "c" } == [
                "lines": 3
            ])
    }

    /// A segment of 512 chunks, each of two lines, splits. The new one is logged whole; of the old
    /// one, the control words and the few entries that move up to their homes. Rewriting both
    /// halves would be 2048 lines.
    @Test func splittingASegment() throws {
        let heap = try open()
        try heap.write { tx in
            let map = try tx.map("map", UInt64.self, UInt64.self)
            // Up to half of the slots: far from the first split.
            for key in 3 ..< 1792 { map[UInt64(key)] = 0 }
        }
        try heap.sync()
        var most = 0
        for key in 1792 ..< 3584 as Range<UInt64> {
            most = max(
                most,
                try cost(heap) { try $0.map("map", UInt64.self, UInt64.self)[key] = 0 }["lines"]
                    ?? 0)
            if most > 1024 { break }
        }
        #expect(most > 1024 + 256 && most < 1024 + 512 + 256, "\(most) lines")
        #expect(try heap.check().problems.isEmpty)
    }

    @Test func arrayOperations() throws {
        let heap = try open()
        // The element's line and the header's.
        #expect(try cost(heap) { try $0.array("array", of: UInt64.self).append(2) } == ["lines": 2])
        // Adjacent elements share a line.
        #expect(
            try cost(heap) { for _ in 0 ..< 6 { try $0.array("array", of: UInt64.self).append(3) } }
                == ["lines": 2])
        #expect(try cost(heap) { try $0.array("array", of: UInt64.self)[0] = 5 } == ["lines": 1])
        #expect(
            try cost(heap) { _ = try $0.array("array", of: UInt64.self).removeLast() } == [
                "lines": 1
            ])
    }

    @Test func dequeOperations() throws {
        let heap = try open()
        try heap.write { tx in
            // 40 numbers in slots 10 to 49: five lines.
            let deque = try tx.deque("deque", of: UInt64.self)
            deque.append(contentsOf: 0 ..< 50)
            deque.removeFirst(10)
            let texts = try tx.deque("texts", of: String.self)
            texts.append(contentsOf: ["a", "b", "c", "d", "e"])
            _ = try tx.deque("queue", of: UInt64.self)
        }
        try heap.sync()
        // The element's line and the header's, at both ends.
        #expect(try cost(heap) { try $0.deque("deque", of: UInt64.self).append(2) } == ["lines": 2])
        #expect(
            try cost(heap) { try $0.deque("deque", of: UInt64.self).prepend(2) } == ["lines": 2])
        // Adjacent elements share a line: slots 51 to 55.
        #expect(
            try cost(heap) { for _ in 0 ..< 5 { try $0.deque("deque", of: UInt64.self).append(3) } }
                == ["lines": 2])
        // A removal leaves the slot unchanged.
        #expect(
            try cost(heap) { _ = try $0.deque("deque", of: UInt64.self).popFirst() } == ["lines": 1]
        )
        #expect(
            try cost(heap) { _ = try $0.deque("deque", of: UInt64.self).popLast() } == ["lines": 1])
        #expect(
            try cost(heap) { try $0.deque("deque", of: UInt64.self).removeFirst(3) } == ["lines": 1]
        )
        #expect(try cost(heap) { try $0.deque("deque", of: UInt64.self)[3] = 5 } == ["lines": 1])
        // The shorter side moves: slot 12 opens at the front, slot 55 at the back.
        #expect(
            try cost(heap) { try $0.deque("deque", of: UInt64.self).insert(7, at: 2) } == [
                "lines": 2
            ])
        #expect(
            try cost(heap) { try $0.deque("deque", of: UInt64.self).remove(at: 2) } == ["lines": 2])
        #expect(try cost(heap) { _ = try $0.deque("deque", of: UInt64.self).first } == [:])
        // A short string is stored in its slot of 16 bytes, which never straddles two lines.
        #expect(
            try cost(heap) { try $0.deque("texts", of: String.self).append("f") } == ["lines": 2])
        #expect(
            try cost(heap) { _ = try $0.deque("texts", of: String.self).popFirst() } == ["lines": 1]
        )
        // A queue that is alternately filled and emptied needs the allocator once, and stays on its
        // first line.
        #expect(try cost(heap) { try $0.deque("queue", of: UInt64.self).append(1) } != ["lines": 2])
        for _ in 0 ..< 100 {
            #expect(
                try cost(heap) { _ = try $0.deque("queue", of: UInt64.self).popFirst() } == [
                    "lines": 1
                ])
            #expect(
                try cost(heap) { try $0.deque("queue", of: UInt64.self).append(1) } == ["lines": 2])
        }
    }

    /// Growth and shrinking, averaged over the operations that cause them: a fixed number of logged
    /// bytes per element, whatever the size.
    @Test(arguments: [1000, 10_000, 100_000])
    func growthIsAmortised(size: Int) throws {
        let folder = try TemporaryFolder()
        let heap = try PersistentHeap.open(folder.file())
        // In transactions of 100, because each logs a line only once; two deques, so that they
        // obstruct each other and cannot grow in place.
        func lines(_ change: (PersistentDeque<UInt64>, _ batch: Int) -> Void) throws -> Double {
            let start = heap.version.position
            for batch in 0 ..< size / 100 {
                try heap.write { tx in
                    change(try tx.deque("one", of: UInt64.self), batch)
                    change(try tx.deque("other", of: UInt64.self), batch)
                }
            }
            return Double(heap.version.position - start) / 64 / Double(size * 2)
        }
        let appended = try lines { deque, batch in
            for number in 0 ..< 100 { deque.append(UInt64(batch * 100 + number)) }
        }
        // An eighth of a line for the element itself, and as much again each time that it is moved:
        // twice, because the ring grows by half.
        #expect(
            appended > 0.125 && appended < 1, "\(appended) lines an element appended, to \(size)")
        let removed = try lines { deque, _ in for _ in 0 ..< 100 { _ = deque.popFirst() } }
        #expect(removed > 0 && removed < 0.5, "\(removed) lines an element removed, from \(size)")
        try heap.close()
    }

    /// The cost of an insertion does not grow with the map: counted over maps of 1,000 to 100,000
    /// entries, including growth.
    @Test func insertionCostsTheSameForEverySize() throws {
        let heap = try PersistentHeap.open(
            "/sim/cost.heap", engineOptions: EngineOptions(), disk: disk)
        disk.recordsContents = true
        func lines(from: UInt64, to: UInt64) throws -> Double {
            var bytes = 0
            for batch in stride(from: from, to: to, by: 20) {
                let start = disk.journal.count
                try heap.write(durability: .device) { tx in
                    let map = try tx.map("map", UInt64.self, UInt64.self)
                    for key in batch ..< batch + 20 { map[key &* 0x9e37_79b9_7f4a_7c15] = key }
                }
                for case .write(_, _, let written) in disk.journal[start...]
                where written.count > 256 { bytes += written.count }
            }
            return Double(bytes) / 64 / Double(to - from)
        }
        _ = try lines(from: 0, to: 2000)
        let small = try lines(from: 2000, to: 6000)
        try heap.write { tx in
            let map = try tx.map("map", UInt64.self, UInt64.self)
            for key in 6000 ..< 100_000 as Range<UInt64> { map[key &* 0x9e37_79b9_7f4a_7c15] = key }
        }
        try heap.sync()
        let large = try lines(from: 100_000, to: 104_000)
        #expect(
            large < small * 3, "\(small) lines an insertion at 4,000 entries, \(large) at 100,000")
        #expect(small < 20 && large < 20)
    }

    // MARK: Sorted maps

    /// The lines changed by an insertion of a random key: the header's, the leaf's first and the
    /// slot's, and on average the splitting of nodes, which does not grow with the map. Counted
    /// from the log bytes of insertions in a transaction each.
    @Test(
        arguments: TestExtent.choose(
            quick: [(1000, 3.74), (100_000, 3.67)],
            full: [(1000, 3.74), (100_000, 3.67), (1_000_000, 3.72)]))
    func sortedInsertion(entries: Int, expected: Double) throws {
        let folder = try TemporaryFolder()
        let heap = try PersistentHeap.open(folder.file())
        var random = SplitMix(state: 1)
        try heap.write { tx in
            let map = try tx.sortedMap("map", UInt64.self, UInt64.self)
            for _ in 0 ..< entries { map[random.next()] = 1 }
        }
        let start = try heap.read { $0.version.position }
        let insertions = 2000
        for _ in 0 ..< insertions {
            try heap.write { try $0.sortedMap("map", UInt64.self, UInt64.self)[random.next()] = 2 }
        }
        let bytes = try heap.read { $0.version.position } - start
        // A record's header has 72 bytes; a line has 64, and 8 more if it begins a run.
        let lines = (Double(bytes) / Double(insertions) - 72) / 72
        #expect(abs(lines - expected) < 0.03, "\(lines) lines")
        try heap.close()
    }

    @Test func sortedOperations() throws {
        let heap = try open()
        try heap.write { tx in
            let map = try tx.sortedMap("sorted", UInt64.self, UInt64.self)
            for key in 0 ..< 20 as Range<UInt64> { map[key * 10] = 0 }
            try tx.sortedSet("texts", of: String.self).insert("a")
        }
        try heap.sync()
        // Only the slot's line.
        #expect(
            try cost(heap) { try $0.sortedMap("sorted", UInt64.self, UInt64.self)[70] = 9 } == [
                "lines": 1
            ])
        #expect(
            try cost(heap) {
                try $0.sortedMap("sorted", UInt64.self, UInt64.self)[70, default: 0] += 1
            } == ["lines": 1])
        // The new slot's, the leaf's first line and the map's header, wherever the key belongs.
        for key in [5, 95, 1000 as UInt64] {
            #expect(
                try cost(heap) { try $0.sortedMap("sorted", UInt64.self, UInt64.self)[key] = 1 }
                    == ["lines": 3])
        }
        // The last slot's entry moves to the free one; removing the last entry itself moves
        // nothing.
        #expect(
            try cost(heap) { try $0.sortedMap("sorted", UInt64.self, UInt64.self)[0] = nil } == [
                "lines": 3
            ])
        #expect(
            try cost(heap) { try $0.sortedMap("sorted", UInt64.self, UInt64.self)[95] = nil } == [
                "lines": 2
            ])
        // Lookups and iterations change nothing.
        #expect(
            try cost(heap) {
                _ = try $0.sortedMap("sorted", UInt64.self, UInt64.self)[10 ... 90].reversed()
            } == [:])
        #expect(
            try cost(heap) { _ = try $0.sortedSet("texts", of: String.self).insert("b") } == [
                "lines": 3
            ])
        // An element that is there already stays as it is.
        #expect(
            try cost(heap) { _ = try $0.sortedSet("texts", of: String.self).insert("b") } == [:])
    }
}
