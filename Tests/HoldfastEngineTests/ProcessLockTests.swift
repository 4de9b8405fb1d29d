#if canImport(Glibc)
    import Foundation
    import HoldfastSystem
    import Synchronization
    import TestSupport
    import Testing

    @testable import HoldfastEngine

    /// Waiting for the lock between processes.
    @Suite(.progress) struct ProcessLockTests {
        /// The mutex, and whether the thread that waits for it gets it.
        private final class Shared: @unchecked Sendable {
            let words = UnsafeMutableRawPointer.allocate(byteCount: 128, alignment: 128)
            let lock: ProcessLock
            let isAcquired = Atomic(false)

            init() throws {
                words.initializeMemory(as: UInt8.self, repeating: 0, count: 128)
                let file = try SimulatedDisk().open("/lock", .createNew(isPrivate: true))
                lock = ProcessLock(at: words, file: file, lock: .write, isNew: true)
            }

            deinit { words.deallocate() }

            /// Clears the bit by which a waiter asks the holder to wake it.
            func withdrawRequest() -> Bool {
                let word = words.assumingMemoryBound(to: Atomic<UInt32>.self)
                let (old, _) = word.pointee.bitwiseAnd(
                    0x7fff_ffff, ordering: .sequentiallyConsistent)
                return old & 0x8000_0000 != 0
            }
        }

        /// The state that a killed process leaves if it was woken to take the lock: the lock has a
        /// new holder, which does not know that others sleep.
        @Test func aWaiterWhoseWakeUpIsLostLooksItself() throws {
            let shared = try Shared()
            guard case .acquired = try shared.lock.lock(timeout: .zero) else {
                Issue.record("a new lock is not free")
                return
            }
            let waiter = try #require(
                SystemThread {
                    let outcome = try? shared.lock.lock(timeout: .seconds(10))
                    guard case .acquired? = outcome else { return }
                    shared.isAcquired.store(true, ordering: .relaxed)
                    shared.lock.unlock()
                })
            // A thread that is about to sleep repeats its request; a sleeping one does not.
            while !shared.withdrawRequest() { usleep(1000) }
            var silent = 0
            while silent < 5 {
                silent = shared.withdrawRequest() ? 0 : silent + 1
                usleep(1000)
            }
            _ = shared.withdrawRequest()
            shared.lock.unlock()
            waiter.join()
            let isAcquired = shared.isAcquired.load(ordering: .relaxed)
            #expect(isAcquired)
        }
    }
#endif
