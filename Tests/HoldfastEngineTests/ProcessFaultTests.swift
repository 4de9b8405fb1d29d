import HoldfastFormat
import HoldfastSystem
import Synchronization
import Testing
import TestSupport

@testable import HoldfastEngine

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// A lack of memory, addresses or descriptors concerns one process only: the heap is as sound as
/// before, for all others and for the process itself when it tries again.
@Suite(.progress) struct ProcessFaultTests {
    private let heap = TestHeap()

    /// An opening that fails to map `suffix` while `isShort` is set, beside one that does not.
    private func pair(failingToMap suffix: String) throws -> (
        first: HeapEngine, second: HeapEngine, isShort: Flag
    ) {
        let isShort = Flag()
        let tapped = TappedDisk(heap.disk) { call throws(SystemError) in
            guard isShort.isSet, call.operation == .map, call.path.hasSuffix(suffix) else { return }
            throw SystemError(.map, call.path, .noMemory)
        }
        var options = heap.options
        options.initialLogBytes = 64 * 1024
        let first = try HeapEngine(
            path: TestHeap.path, mode: .readWrite, options: options, disk: heap.disk)
        let second = try HeapEngine(
            path: TestHeap.path, mode: .readWrite, options: options, disk: tapped)
        return (first, second, isShort)
    }

    private final class Flag: Sendable {
        private let value = Atomic<Bool>(false)
        var isSet: Bool { value.load(ordering: .relaxed) }
        func set(_ new: Bool) { value.store(new, ordering: .relaxed) }
    }

    private func expectNoMemory(_ path: String, _ body: () throws -> Void) {
        #expect(throws: HeapError.outOfMemory(path: path)) { try body() }
    }

    @Test func noMemoryForTheRing() throws {
        let (first, second, isShort) = try pair(failingToMap: LogLayout.sharedSuffix)
        let block = try first.change { $0.allocate(byteCount: 300_000) }
        _ = try second.look { $0.load(block, as: UInt8.self) }
        // The ring grows, so the other opening has to remap it, under the sync lock and before it
        // has written anything.
        let before = first.writerLog!.capacity
        for value in 1 ..< 4 as Range<UInt8> {
            try first.change {
                $0.writableAddress(block, 100_000).initializeMemory(
                    as: UInt8.self, repeating: value, count: 100_000)
            }
        }
        #expect(first.writerLog!.capacity > before)
        isShort.set(true)
        let shared = TestHeap.path + LogLayout.sharedSuffix
        expectNoMemory(shared) { try second.makeDurable() }
        expectNoMemory(shared) { try second.change { $0.store(1, at: block) } }
        expectNoMemory(shared) { _ = try second.moveLogIntoDataFile(waits: true) }
        expectNoMemory(shared) { try second.look { _ in } }
        // Other openings are not affected.
        try first.change { $0.store(2, at: block) }
        try first.makeDurable()
        try first.checkpoint()
        isShort.set(false)
        try second.change { $0.store(3, at: block) }
        try second.makeDurable()
        #expect(try first.look { $0.load(block, as: Int.self) } == 3)
        try second.close()
        try first.close()
        #expect(heap.disk.currentFiles().keys.sorted() == [TestHeap.path])
    }

    /// Compaction maps the heap file once more, after a header that records that holes are being
    /// punched.
    @Test func noMemoryForACompaction() throws {
        let (first, second, isShort) = try pair(failingToMap: TestHeap.path)
        let block = try second.change { $0.allocate(byteCount: 300_000) }
        let cell = try second.change { $0.allocate(byteCount: 64) }
        try second.checkpoint()
        try second.change { $0.free(block, byteCount: 300_000) }
        isShort.set(true)
        expectNoMemory(TestHeap.path) { _ = try second.compact() }
        try first.change { $0.store(2, at: cell) }
        try first.makeDurable()
        isShort.set(false)
        _ = try second.compact()
        #expect(try second.look { $0.load(cell, as: Int.self) } == 2)
        #expect(try first.scrub().damagedPages == [])
        try second.close()
        try first.close()
    }
}
