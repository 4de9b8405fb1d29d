import Testing
import TestSupport

@testable import HoldfastEngine

/// Only readers have views: a writer that has caught up with others protects nothing, and holds
/// nothing up.
@Suite(.progress) struct WriterViewTests {
    private let heap = TestHeap()

    @Test func aWriterHoldsNoViewAfterwards() throws {
        let first = try heap.open()
        let second = try heap.open()
        let cell = try first.change { $0.allocate(byteCount: 64) }
        for value in 0 ..< 10 {
            // The second has to catch up with the first before it writes.
            try first.change { $0.store(value, at: cell) }
            try second.change { $0.store(value + 100, at: cell) }
        }
        #expect(!second.openViews().contains { $0.isOpen })
        try first.change { $0.store(1, at: cell) }
        try first.checkpoint()
        #expect(first.writerLog!.usedBytes == 0)
        try second.close()
        try first.close()
    }

    /// The last to close has to catch up, and then makes a commit of its own to release the
    /// allocator's spare memory.
    @Test func theLastToCloseLeavesOneFile() throws {
        let first = try heap.open()
        let second = try heap.open()
        let block = try first.change { $0.allocate(byteCount: 1 << 20) }
        #expect(try second.look { $0.load(block, as: UInt8.self) } == 0)
        try first.change { access in
            access.free(block, byteCount: 1 << 20)
            _ = access.allocate(byteCount: 40)
        }
        try first.close()
        try second.close()
        #expect(heap.disk.currentFiles().keys.sorted() == [TestHeap.path])
    }
}
