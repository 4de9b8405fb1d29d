import Testing
import TestSupport

@testable import HoldfastEngine

/// Opening costs the same whatever the heap's size: nothing is scanned, and unused pages are never
/// touched.
@Suite(.progress) struct SparseHeapTests {
    /// The reads and mappings of opening a heap of about `bytes` bytes, and the bytes read.
    private func opening(bytes: Int) throws -> (reads: [Int], maps: Int, mapped: Int) {
        var options = TestHeap.options
        options.reservesBlocks = false
        let heap = TestHeap(options)
        let engine = try heap.open()
        let run = try engine.change { access in
            let run = access.allocate(byteCount: bytes)
            access.store(1, at: run)
            access.store(2, at: run + UInt64(bytes) - 8)
            access.catalogue = access.allocate(byteCount: 64)
            return run
        }
        try engine.close()
        heap.disk.clearCounts()
        let again = try heap.open()
        let reads = heap.disk.reads.map(\.bytes)
        let maps = heap.disk.maps
        #expect(try again.look { $0.load(run, as: Int.self) } == 1)
        #expect(try again.look { $0.load(run + UInt64(bytes) - 8, as: Int.self) } == 2)
        let audit = try again.audit()
        #expect(audit.problems.isEmpty)
        #expect(audit.usedBytes == UInt64(bytes + 64))
        // Using and emptying it is as fast.
        try again.change { access in
            access.free(access.catalogue, byteCount: 64)
            access.catalogue = 0
            access.free(run, byteCount: bytes)
        }
        try again.close()
        #expect(heap.fileBytes() == 65_536)
        return (reads, maps.count, maps.reduce(0) { $0 + $1.bytes })
    }

    @Test func openingDoesNotDependOnTheSize() throws {
        let small = try opening(bytes: 1 << 20)
        let large = try opening(bytes: 1 << 40)
        #expect(small.reads == large.reads)
        #expect(small.maps == large.maps)
        #expect(small.mapped >= 1 << 20 && large.mapped >= 1 << 40)
    }
}
