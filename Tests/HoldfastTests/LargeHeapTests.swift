import Foundation
import HoldfastSystem
import Testing
import TestSupport

@testable import Holdfast
@testable import HoldfastEngine
@testable import HoldfastInspection

/// What is large costs what it holds: smaller forms of the table in Docs/Performance.md.
@Suite(.progress) struct LargeHeapTests {
    struct Node: HeapRecord {
        var number: Int
        var next: HeapRef<Node>?
    }

    struct Owned: HeapRecord {
        var number: Int
        var next: SharedRef<Owned>?
    }

    private func lines(
        _ heap: PersistentHeap, _ body: (borrowing WriteTransaction) throws -> Void
    ) throws -> Int {
        try heap.write { tx in
            try body(tx)
            return heap.engine.view.dirty.lineCount
        }
    }

    // MARK: Roots

    /// A root costs the same whether it is the thousandth or the hundred thousandth.
    @Test func manyRoots() throws {
        let count = TestExtent.choose(quick: 10_000, full: 100_000)
        let heap = try PersistentHeap.inMemory()
        let step = count / 5
        func name(_ number: Int) -> String { "root number \(number)" }
        var costs: [Int] = []
        for start in stride(from: 0, to: count, by: step) {
            try costs.append(
                lines(heap) { tx in
                    for number in start ..< start + step {
                        _ = try tx.value(name(number), initial: number)
                    }
                })
        }
        // Some parts of the catalogue split in one step, and others in another.
        let most = costs.max()!
        #expect(most < costs[0] * 3, "\(costs)")
        try heap.read { tx in
            #expect(tx.roots.count == count)
            for number in stride(from: 0, to: count, by: 97) {
                let value = try tx.value(name(number), of: Int.self).value
                #expect(value == number)
            }
        }
        let check = try heap.check()
        #expect(check.isSound && check.roots.count == count)
        let one = try lines(heap) { tx in
            try tx.removeRoot(name(7), PersistentValue<Int>.self)
        }
        #expect(one < 12)
        try heap.write { tx in
            for number in 0 ..< count where number != 7 {
                try tx.removeRoot(name(number), PersistentValue<Int>.self)
            }
        }
        try heap.checkpoint()
        #expect(try heap.statistics().heapBytes == 5 * 4096)
    }

    // MARK: Sparse heaps

    /// Arrays and deques of 1e9 elements' capacity, where only the elements that are there take
    /// space: in memory, in the log, in the file and in its copy.
    @Test func aSparseHeap() throws {
        let folder = try TemporaryFolder()
        let count = 1_000_000_000
        var options = PersistentHeap.Options()
        options.reservesDiskSpace = false
        let heap = try PersistentHeap.open(folder.file(), options: options)
        let reserving = try lines(heap) { tx in
            try tx.array("array", of: Int64.self).reserveCapacity(count)
            try tx.deque("deque", of: Int64.self).reserveCapacity(count)
            // Nothing can grow in place.
            try tx.array("behind", of: Int64.self).reserveCapacity(10_000)
        }
        #expect(reserving < 100)
        try heap.write { tx in
            let array = try tx.array("array", of: Int64.self)
            let deque = try tx.deque("deque", of: Int64.self)
            for number in 0 ..< 1000 as Range<Int64> {
                array.append(number)
                deque.append(number)
                deque.prepend(-number)
            }
        }
        try heap.checkpoint()
        #expect(try heap.check().isSound)
        #expect(try heap.statistics().heapBytes > 16 * count)
        try heap.copy(to: folder.file("copy.heap"))
        for name in [folder.file(), folder.file("copy.heap")] {
            var status = stat()
            #expect(stat(name, &status) == 0)
            #expect(Int(status.st_blocks) * 512 < 8 << 20, "\(name)")
        }
        // A ring that has elements at both ends, and must move to grow.
        let growing = try lines(heap) { tx in
            let deque = try tx.deque("deque", of: Int64.self)
            deque.reserveCapacity(count + count / 4)
            #expect(deque.capacity >= count + count / 4)
            #expect(deque.first == -999 && deque.last == 999 && deque[1000] == 0)
        }
        #expect(growing < 2000 / 8 + 200)
        let removing = try lines(heap) { tx in
            try tx.removeRoot("array", PersistentArray<Int64>.self)
            try tx.removeRoot("deque", PersistentDeque<Int64>.self)
            try tx.removeRoot("behind", PersistentArray<Int64>.self)
        }
        #expect(removing < 100)
        #expect(try heap.audit().problems == [])
        try heap.close()
        #expect(
            try FileManager.default.attributesOfItem(atPath: folder.file())[.size] as? Int
                == 65_536)
    }

    // MARK: Large blocks

    /// Two large blocks that grow side by side stand in each other's way. They move a few times,
    /// not each time they grow. No element is stored, so nothing is copied here.
    @Test func blocksThatGrowSideBySideSeldomMove() throws {
        let heap = try PersistentHeap.inMemory()
        try heap.write { tx in
            let arrays = try ["a", "b"].map { try tx.array($0, of: UInt8.self) }
            for array in arrays { array.reserveCapacity(64 << 20) }
            var places = arrays.map(\.header.pointee.buffer)
            var moves = 0
            var growths = 0
            while arrays[0].capacity < 4 << 30 {
                for (index, array) in arrays.enumerated() {
                    array.reserveCapacity(array.capacity + 1)
                    growths += 1
                    let place = array.header.pointee.buffer
                    if place != places[index] { moves += 1 }
                    places[index] = place
                }
            }
            // Half more eleven times is from 64 MiB to 5 GiB; an eighth more, 37 times.
            #expect(moves <= 2 * 11, "\(moves) of \(growths)")
        }
        #expect(try heap.audit().problems == [])
    }

    /// The same for the ring of a deque. Alone, it grows in place by an eighth.
    @Test func aBlockAloneGrowsByAnEighth() throws {
        let heap = try PersistentHeap.inMemory()
        try heap.write { tx in
            let deque = try tx.deque("d", of: UInt64.self)
            deque.reserveCapacity((128 << 20) / 8)
            let before = deque.capacity
            deque.reserveCapacity(before + 1)
            #expect(deque.capacity * 8 <= before * 9 + 8 * 4096)
            _ = try tx.array("wall", of: UInt8.self).reserveCapacity(40_000)
            let walled = deque.capacity
            deque.reserveCapacity(walled + 1)
            #expect(deque.capacity >= walled * 3 / 2)
        }
    }

    /// A value that has the end of the heap for itself grows where it is, whatever its size; once
    /// or twice the page map is in its way. Nothing is stored, so nothing is copied here.
    @Test func largeBytesGrowWhereTheyAre() throws {
        let heap = try PersistentHeap.inMemory()
        try heap.write { tx in
            let bytes = try tx.bytes("bytes")
            var moved = 0
            while bytes.capacity < 2 << 30 {
                let place = bytes.bytes.header.pointee.buffer
                let before = bytes.capacity
                bytes.reserveCapacity(before + 1)
                if bytes.bytes.header.pointee.buffer != place { moved += before }
            }
            #expect(moved < 32 << 20, "\(moved)")
        }
    }

    /// Each appended piece costs its own lines, however long the value is.
    @Test func appendedPiecesCostTheirLines() throws {
        let heap = try PersistentHeap.inMemory()
        let piece = Data(repeating: 7, count: 256 << 10)
        var costs: [Int] = []
        for _ in 0 ..< TestExtent.choose(quick: 128, full: 1024) {
            try costs.append(lines(heap) { try $0.bytes("bytes").append(contentsOf: piece) })
        }
        let most = costs.suffix(costs.count - 32).max()!
        #expect(most <= piece.count / 64 + 16, "\(costs)")
        let half = costs.count * piece.count / 2
        #expect(try lines(heap) { try $0.bytes("bytes").truncate(to: half) } < 16)
        #expect(try lines(heap) { try $0.bytes("bytes").write([1, 2], at: half - 2) } == 1)
        #expect(try lines(heap) { try $0.removeRoot("bytes", PersistentBytes.self) } < 32)
    }

    // MARK: Many entries

    /// No insertion moves more than one segment of a map and its directory, however large the map.
    @Test func aMapGrowsBySegments() throws {
        let heap = try PersistentHeap.inMemory()
        let count = TestExtent.choose(quick: 20_000, full: 200_000)
        var costs: [Int] = []
        for number in 0 ..< count {
            try costs.append(
                lines(heap) { tx in
                    let key = UInt64(number) &* 0x9e37_79b9_7f4a_7c15
                    try tx.map("map", UInt64.self, UInt64.self)[key] = 1
                })
        }
        // A segment has 64 KiB, and splits into two.
        #expect(costs.max()! < 2 * 1024 + 100, "\(costs.max()!)")
        let mean = Double(costs.suffix(count / 2).reduce(0, +)) / Double(count / 2)
        #expect(mean < 5, "\(mean)")
    }

    /// A transaction may change more than the memory limit. Afterwards the limit holds again.
    @Test func aLargeTransactionEnds() throws {
        let folder = try TemporaryFolder()
        var options = PersistentHeap.Options()
        options.memoryLimit = 2 << 20
        options.logLimit = 1 << 20
        options.checkpointsInBackground = false
        let heap = try PersistentHeap.open(folder.file(), options: options)
        let count = TestExtent.choose(quick: 200_000, full: 2_000_000)
        func privateBytes() -> Int { heap.engine.view.image.privatePageBound * 4096 }
        func change(_ add: Int) throws {
            try heap.write { tx in
                let map = try tx.map("map", Int.self, Int.self)
                for number in 0 ..< count { map[number, default: 0] += add }
            }
            #expect(privateBytes() > options.memoryLimit)
            try heap.write { tx in _ = try tx.value("small", initial: 0) }
            #expect(privateBytes() <= options.memoryLimit)
        }
        try change(1)
        try change(2)
        struct Stop: Error {}
        #expect(throws: Stop.self) {
            try heap.write { tx in
                let map = try tx.map("map", Int.self, Int.self)
                for number in 0 ..< count { map[number] = nil }
                throw Stop()
            }
        }
        try heap.read { tx in
            let map = try tx.map("map", Int.self, Int.self)
            let isWhole = (0 ..< count).allSatisfy { map[$0] == 3 }
            #expect(map.count == count && isWhole)
        }
        try heap.checkpoint()
        // Two files.
        #expect(try heap.statistics().logFileBytes < 3 * options.logLimit)
        try heap.close()
    }

    /// A long list takes a few lines for each node to make, and to free, and leaves nothing.
    @Test func aLongListLeavesNothing() throws {
        let heap = try PersistentHeap.inMemory()
        let count = TestExtent.choose(quick: 50_000, full: 1_000_000)
        let making = try lines(heap) { tx in
            var node = try tx.share(Owned(number: 0))
            for number in 1 ..< count { node = try tx.share(Owned(number: number, next: node)) }
            _ = try tx.value("list", initial: node)
        }
        // A node of 24 bytes, which is stored in 32.
        #expect(making < count, "\(making)")
        let freeing = try lines(heap) { tx in
            try tx.removeRoot("list", PersistentValue<SharedRef<Owned>>.self)
        }
        #expect(freeing < count, "\(freeing)")
        try heap.checkpoint()
        #expect(try heap.statistics().heapBytes == 5 * 4096)
        #expect(try heap.audit().problems == [])
    }

    // MARK: Memory of a walk

    #if os(Linux)
        /// The most memory that this process has had at a time since it was asked to forget.
        private static func peakMemory() -> Int {
            let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
            let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
            let number = line?.split(whereSeparator: { !$0.isNumber }).first
            return number.flatMap { Int($0) }! << 10
        }

        private static func forgetPeak() -> Bool {
            (try? "5".write(toFile: "/proc/self/clear_refs", atomically: false, encoding: .utf8))
                != nil
        }

        /// Walking records takes bits for each, not words: the walk of a check or of a collection
        /// takes much less memory than the records.
        @Test func walksTakeLittleMemory() async {
            await #expect(processExitsWith: .success) {
                let heap = try PersistentHeap.inMemory()
                let count = 400_000
                try heap.write { tx in
                    var node = try tx.new(Node(number: 0))
                    var owned = try tx.share(Owned(number: 0))
                    for number in 1 ..< count {
                        node = try tx.new(Node(number: number, next: node))
                        owned = try tx.share(Owned(number: number, next: owned))
                    }
                    _ = try tx.value("nodes", initial: node)
                    _ = try tx.value("owned", initial: owned)
                    _ = try tx.new(Node(number: -1))
                }
                let check = try heap.check()
                require(check.isSound && check.unreachedBlocks == 1, "\(check)")
                guard Self.forgetPeak() else {
                    return print("SKIPPED: the system does not forget the most memory")
                }
                let before = Self.peakMemory()
                try heap.write { tx in
                    let freed = try tx.collectGarbage(knowing: [Node.self])
                    require(freed > 0 && freed < 100, "\(freed) bytes were freed")
                }
                let more = Self.peakMemory() - before
                // 8 bytes for each of 800,000 records would be 6 MiB.
                require(more < 4 << 20, "\(more) bytes for \(2 * count) records")
            }
        }
    #endif
}
