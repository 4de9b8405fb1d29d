import Foundation
import HoldfastSystem
import Synchronization
import Testing
import TestSupport

@testable import HoldfastEngine

/// The meaning of two words that others change one after the other depends on the order in which
/// they are read.
@Suite(.progress) struct ReadingOrderTests {
    /// A heap with an opening whose disk lets another opening extend the heap before its next read
    /// of the heap file.
    private func growing(
        _ body: (_ disk: TappedDisk, _ options: EngineOptions, _ arm: () -> Void) throws -> Void
    ) throws {
        let heap = TestHeap()
        let writer = try heap.open()
        try writer.change { _ = $0.allocate(byteCount: 64) }
        try writer.checkpoint()
        let isArmed = Atomic<Bool>(false)
        let growths = Atomic<Int>(0)
        let problems = Problems()
        let tapped = TappedDisk(heap.disk)
        tapped.tap = { call throws(SystemError) in
            guard call.operation == .read, call.path == TestHeap.path,
                isArmed.exchange(false, ordering: .relaxed)
            else { return }
            growths.add(1, ordering: .relaxed)
            problems.collect {
                try writer.change { access in
                    let block = access.allocate(byteCount: 3_000_000)
                    access.writableAddress(block, 3_000_000).initializeMemory(
                        as: UInt8.self, repeating: 7, count: 3_000_000)
                }
                _ = try writer.moveLogIntoDataFile(waits: true)
            }
        }
        try body(tapped, heap.options) { isArmed.store(true, ordering: .relaxed) }
        #expect(growths.load(ordering: .relaxed) > 0)
        #expect(problems.all == [])
        try writer.close()
    }

    /// Another process extends the heap and its file while this one opens it.
    @Test(arguments: [OpenMode.readWrite, .readOnly, .privateCopy]) func openingBesideGrowth(
        mode: OpenMode
    ) throws {
        try growing { disk, options, arm in
            arm()
            let other = try HeapEngine(
                path: TestHeap.path, mode: mode, options: options, disk: disk)
            #expect(other.image.byteCount > 3_000_000)
            try other.close()
        }
    }

    /// The same while it reads the file's figures, or starts over from the data file.
    @Test func figuresBesideGrowth() throws {
        try growing { disk, options, arm in
            let other = try HeapEngine(
                path: TestHeap.path, mode: .readOnly, options: options, disk: disk)
            _ = try other.look { _ in }
            arm()
            #expect(try other.statistics().fileBytes > 3_000_000)
            try other.close()
        }
    }

    /// The size of the log, queried while others publish and checkpoint as fast as they can.
    @Test func usedBytesBesideCheckpoints() async {
        await #expect(processExitsWith: .success) {
            let engine = try TestHeap().open()
            let shared = engine.shared!
            let isOver = Atomic<Bool>(false)
            let start = shared[.published]
            shared.storeInOrder(start + 8, .published)
            // Eight or sixteen bytes at any moment.
            Thread.detachNewThread {
                var position = start
                while !isOver.load(ordering: .relaxed) {
                    position += 8
                    shared.storeInOrder(position + 8, .published)
                    shared.storeInOrder(position, .checkpoint)
                }
            }
            var least = Int.max
            for _ in 0 ..< 3_000_000 { least = min(least, shared.usedBytes) }
            isOver.store(true, ordering: .relaxed)
            exit(least >= 8 ? 0 : 1)
        }
    }
}
