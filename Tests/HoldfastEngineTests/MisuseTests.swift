import Testing
import TestSupport

@testable import HoldfastEngine

/// Programming errors trap with a message that names the error, and never continue with a damaged
/// heap. Each runs in a process of its own.
@Suite(.progress) struct MisuseTests {
    /// Whether the process printed `sentence` before it ended.
    private func said(_ sentence: String, _ result: ExitTest.Result?) -> Bool {
        guard let result else { return false }
        return String(decoding: result.standardErrorContent, as: UTF8.self).contains(sentence)
    }

    @Test func freeingABlockTwice() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent])
        {
            let engine = try TestHeap().open()
            try engine.change { access in
                let block = access.allocate(byteCount: 100)
                _ = access.allocate(byteCount: 100)
                access.free(block, byteCount: 100)
                access.free(block, byteCount: 100)
            }
        }
        #expect(said("no block in use begins there (freed twice?)", result))
    }

    @Test func freeingARunTwice() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent])
        {
            let engine = try TestHeap().open()
            try engine.change { access in
                let run = access.allocate(byteCount: 40_000)
                _ = access.allocate(byteCount: 40_000)
                access.free(run, byteCount: 40_000)
                access.free(run, byteCount: 40_000)
            }
        }
        #expect(said("freed twice?", result))
    }

    /// A run that has been coalesced with a free one is recognised as well.
    @Test func freeingAJoinedRunTwice() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent])
        {
            let engine = try TestHeap().open()
            try engine.change { access in
                let first = access.allocate(byteCount: 40_000)
                let second = access.allocate(byteCount: 40_000)
                _ = access.allocate(byteCount: 40_000)
                access.free(first, byteCount: 40_000)
                access.free(second, byteCount: 40_000)
                access.free(second, byteCount: 40_000)
            }
        }
        #expect(said("is damaged", result))
    }

    @Test func freeingWithAnotherClass() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent])
        {
            let engine = try TestHeap().open()
            try engine.change { access in
                let block = access.allocate(byteCount: 100)
                access.free(block, byteCount: 200)
            }
        }
        #expect(said("freed with another size than it was allocated with", result))
    }

    @Test func freeingARunWithAnotherLength() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent])
        {
            let engine = try TestHeap().open()
            try engine.change { access in
                let run = access.allocate(byteCount: 100_000)
                access.free(run, byteCount: 50_000)
            }
        }
        #expect(said("freed with another size than it was allocated with", result))
    }

    @Test func freeingTheMiddleOfABlock() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent])
        {
            let engine = try TestHeap().open()
            try engine.change { access in
                let block = access.allocate(byteCount: 96)
                access.free(block + 8, byteCount: 96)
            }
        }
        #expect(said("no block in use begins there", result))
    }

    @Test func usingAnEndedTransaction() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent])
        {
            let engine = try TestHeap().open()
            let kept = try engine.change { access in
                _ = access.allocate(byteCount: 8)
                return access
            }
            // The context is in use again, by another transaction: the epoch distinguishes them.
            try engine.look { _ in print(kept.load(8192, as: UInt64.self)) }
        }
        #expect(said("a handle was used after its transaction had ended", result))
        #expect(said("It was done in the heap ", result))
        #expect(said("SWIFT_BACKTRACE=enable=yes", result))
    }

    @Test func pointingOutsideTheHeap() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent])
        {
            let engine = try TestHeap().open()
            try engine.look { print($0.load(1 << 40, as: UInt64.self)) }
        }
        #expect(said("outside the heap", result))
    }

    /// Offset and length whose sum overflows.
    @Test func pointingAroundTheEndOfAllNumbers() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent])
        {
            let engine = try TestHeap().open()
            try engine.look { print($0.load(.max - 3, as: UInt64.self)) }
        }
        #expect(said("outside the heap", result))
    }

    @Test func writingInARead() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent])
        {
            let engine = try TestHeap().open()
            try engine.look { $0.store(1, at: 16_000) }
        }
        #expect(said("a read transaction was written through", result))
    }

    // The next are preconditions: the standard library drops their messages in optimised builds.

    @Test func writeInsideARead() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent])
        {
            let engine = try TestHeap().open()
            try engine.look { _ in try engine.change { _ in } }
        }
        #expect(said("heap.write was called inside a transaction", result))
    }

    @Test func writeInsideAWrite() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent])
        {
            let engine = try TestHeap().open()
            try engine.change { _ in try engine.change { _ in } }
        }
        #expect(said("heap.write was called inside a transaction", result))
    }

    @Test func readInsideAWrite() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent])
        {
            let engine = try TestHeap().open()
            try engine.change { _ in try engine.look { _ in } }
        }
        #expect(said("heap.read was called inside heap.write", result))
    }

    @Test func negativeSize() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent])
        {
            try TestHeap().open().change { _ = $0.allocate(byteCount: -1) }
        }
        #expect(said("a negative number of bytes", result))
    }

    @Test func alignmentBeyondAPage() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent])
        {
            try TestHeap().open().change { _ = $0.allocate(byteCount: 8, alignment: 8192) }
        }
        #expect(said("alignment beyond a page", result))
    }
}
