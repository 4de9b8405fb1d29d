import HoldfastSystem

#if os(Linux)
    import Foundation
    import Synchronization
    import TestSupport
    import Testing

    @testable import HoldfastEngine

    /// Timeouts keep their length when the system's date changes.
    @Suite(.progress) struct ClockTests {
        /// From here on the kernel kills this process if this thread, or one of its new threads,
        /// sleeps until a wall-clock time.
        private static func forbidWaitingByTheDate() -> Bool {
            #if arch(x86_64)
                let futex: UInt64 = 202
            #else
                let futex: UInt64 = 98
            #endif
            // Instructions of the kernel's filter: 16 bits of code, 8 and 8 of jumps, 32 of a
            // constant.
            func load(_ offset: UInt64) -> UInt64 { 0x20 | offset << 32 }
            func jump(_ code: UInt64, _ number: UInt64, then yes: UInt64, else no: UInt64) -> UInt64
            {
                code | yes << 16 | no << 24 | number << 32
            }
            func answer(_ value: UInt64) -> UInt64 { 0x06 | value << 32 }
            var program = [
                load(0), jump(0x15, futex, then: 0, else: 6),
                // The operation's flag FUTEX_CLOCK_REALTIME, and a timeout.
                load(24), jump(0x45, 256, then: 0, else: 4),
                load(40), jump(0x15, 0, then: 0, else: 3),
                load(44), jump(0x15, 0, then: 0, else: 1),
                answer(0x7fff_0000), answer(0x8000_0000),
            ]
            typealias Control = @convention(c) (Int32, UInt, UInt, UInt, UInt) -> Int32
            let prctl = unsafeBitCast(
                dlsym(UnsafeMutableRawPointer(bitPattern: 0), "prctl")!, to: Control.self)
            return program.withUnsafeMutableBytes { bytes in
                var filter = (
                    count: UInt64(bytes.count / 8),
                    address: UInt64(UInt(bitPattern: bytes.baseAddress!))
                )
                return withUnsafeMutablePointer(to: &filter) {
                    prctl(38, 1, 0, 0, 0) == 0 && prctl(22, 2, UInt(bitPattern: $0), 0, 0) == 0
                }
            }
        }

        @Test func nobodyWaitsByTheDate() async {
            await #expect(processExitsWith: .success) {
                guard Self.forbidWaitingByTheDate() else { exit(2) }
                var heap = TestHeap()
                heap.options.timeout = .milliseconds(30)
                heap.options.readerImages = 0
                let engine = try heap.open()
                let other = try heap.open()
                let cell = try engine.change { $0.allocate(byteCount: 64) }
                try other.change { $0.store(1, at: cell) }
                // A reader keeps the only image for readers on an older state.
                heap.options.readerImages = 1
                let third = try heap.open()
                let held = HeldRead(third) { $0.load(cell, as: Int.self) }
                try third.change { $0.store(2, at: cell) }
                func isTimedOut(_ body: () throws -> Void) -> Bool {
                    do { try body() } catch HeapError.timedOut { return true } catch {
                        return false
                    }
                    return false
                }
                // A thread that blocks all others.
                let isIn = Atomic<Bool>(false)
                let isOver = Atomic<Bool>(false)
                let isOut = Atomic<Bool>(false)
                Thread.detachNewThread {
                    guard let context = try? engine.beginWrite(),
                        let lock = engine.shared?.syncLock,
                        (try? lock.lock(timeout: .zero)) != nil
                    else { exit(3) }
                    isIn.store(true, ordering: .sequentiallyConsistent)
                    while !isOver.load(ordering: .sequentiallyConsistent) { usleep(500) }
                    lock.unlock()
                    engine.abort(context)
                    isOut.store(true, ordering: .sequentiallyConsistent)
                }
                while !isIn.load(ordering: .sequentiallyConsistent) { usleep(500) }
                let uses: [() throws -> Void] = [
                    // Threads of one opening, to read and to write; an image for a reader; the
                    // write lock; the sync lock, with and without a round.
                    { _ = try engine.beginRead() }, { _ = try engine.beginWrite() },
                    { _ = try third.beginRead() },
                    { _ = try other.beginWrite() },
                    { try other.makeDurable() },
                    { try other.heap.log.ifJoined!.withSyncLock { () throws(SystemError) in } },
                ]
                for (index, use) in uses.enumerated() where !isTimedOut(use) {
                    exit(Int32(10 + index))
                }
                isOver.store(true, ordering: .sequentiallyConsistent)
                while !isOut.load(ordering: .sequentiallyConsistent) { usleep(500) }
                guard held.end() == [1, 1] else { exit(4) }
                try third.close()
                try other.close()
                try engine.close()
                exit(0)
            }
        }
    }
#endif
