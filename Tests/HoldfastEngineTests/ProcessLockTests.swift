import Foundation
import HoldfastSystem
import Synchronization
import TestSupport
import Testing

/// The lock between processes. The members of these tests are alive unless a test kills them.
@Suite(.progress) struct ProcessLockTests {
    /// The words of a lock, and objects that lock them as different members, like processes do.
    private final class Shared: @unchecked Sendable {
        let words = UnsafeMutableRawPointer.allocate(byteCount: 128, alignment: 128)
        private let dead = Mutex<Set<ProcessLock.Member>>([])
        let isAcquired = Atomic(false)

        init() { words.initializeMemory(as: UInt8.self, repeating: 0, count: 128) }

        deinit { words.deallocate() }

        func lock(as member: ProcessLock.Member) -> ProcessLock {
            let lock = ProcessLock(at: words)
            lock.become(member) { [unowned self] member in
                !dead.withLock { $0.contains(member) }
            }
            return lock
        }

        func kill(_ member: ProcessLock.Member) { dead.withLock { _ = $0.insert(member) } }

        private var word: UnsafeMutablePointer<Atomic<UInt32>> {
            words.assumingMemoryBound(to: Atomic<UInt32>.self)
        }

        var isSomebodyWaiting: Bool { word.pointee.load(ordering: .relaxed) & 0x8000_0000 != 0 }

        /// Clears the bit by which a waiter asks the holder to wake it.
        func withdrawRequest() -> Bool {
            let (old, _) = word.pointee.bitwiseAnd(0x7fff_ffff, ordering: .sequentiallyConsistent)
            return old & 0x8000_0000 != 0
        }

        /// A thread that waits for the lock as another member.
        func wait(as member: ProcessLock.Member, _ body: @escaping @Sendable (LockOutcome) -> Void)
            throws -> SystemThread
        {
            let lock = lock(as: member)
            return try #require(
                SystemThread {
                    guard let outcome = try? lock.lock(timeout: .seconds(60)) else { return }
                    body(outcome)
                    lock.unlock()
                })
        }
    }

    /// The state that a killed process leaves if it was woken to take the lock: the lock has a
    /// new holder, which does not know that others sleep.
    @Test func aWaiterWhoseWakeUpIsLostLooksItself() throws {
        let shared = Shared()
        let holder = shared.lock(as: 1)
        #expect(try holder.lock(timeout: .zero) == .acquired)
        let waiter = try shared.wait(as: 2) {
            shared.isAcquired.store($0 == .acquired, ordering: .relaxed)
        }
        while !shared.withdrawRequest() { usleep(100) }
        holder.unlock()
        waiter.join()
        let isAcquired = shared.isAcquired.load(ordering: .relaxed)
        #expect(isAcquired)
    }

    /// The lock of a dead holder passes on to a thread that sleeps for it, to one that only tries,
    /// and to one that does not wait.
    @Test func locksOfTheDead() throws {
        let shared = Shared()
        #expect(try shared.lock(as: 1).lock(timeout: .zero) == .acquired)
        let waiter = try shared.wait(as: 2) {
            shared.isAcquired.store($0 == .acquiredFromTheDead, ordering: .relaxed)
        }
        while !shared.isSomebodyWaiting { usleep(100) }
        #expect(shared.lock(as: 3).holder == 1)
        shared.kill(1)
        waiter.join()
        let isAcquired = shared.isAcquired.load(ordering: .relaxed)
        #expect(isAcquired)
        #expect(shared.lock(as: 3).holder == nil)
        #expect(try shared.lock(as: 3).lock(timeout: .zero) == .acquired)
        shared.kill(3)
        #expect(try shared.lock(as: 4).lockIfFree() == .acquiredFromTheDead)
        shared.kill(4)
        let last = shared.lock(as: 5)
        #expect(try last.lock(timeout: .zero) == .acquiredFromTheDead)
        last.unlock()
        #expect(try shared.lock(as: 6).lockIfFree() == .acquired)
    }

    /// A member that has been taken for dead, and goes on, does not release the next one's lock.
    @Test func theDeadReleaseNothing() throws {
        let shared = Shared()
        let dead = shared.lock(as: 1)
        #expect(try dead.lock(timeout: .zero) == .acquired)
        shared.kill(1)
        let next = shared.lock(as: 2)
        #expect(try next.lock(timeout: .zero) == .acquiredFromTheDead)
        dead.unlock()
        #expect(next.isMine && next.holder == 2)
        next.unlock()
        #expect(next.holder == nil)
    }

    /// A living holder keeps the lock, whatever thread asks and however; a timeout changes nothing.
    @Test func locksOfTheLiving() throws {
        let shared = Shared()
        let holder = shared.lock(as: 7)
        #expect(try holder.lock(timeout: .zero) == .acquired)
        let outcomes = try elsewhere { () -> [Bool] in
            let other = shared.lock(as: 8)
            return [
                (try? other.lockIfFree()) == .some(nil),
                (try? other.lock(timeout: .zero)) == .timedOut,
                (try? other.lock(timeout: .milliseconds(50), spinning: .milliseconds(1)))
                    == .timedOut,
            ]
        }
        #expect(outcomes == [true, true, true])
        #expect(holder.holder == 7)
        holder.unlock()
        #expect(holder.holder == nil)
        #expect(try shared.lock(as: 8).lockIfFree() == .acquired)
    }

    /// A thread that would wait for itself gets an error, through any object of its process.
    @Test func aThreadDoesNotWaitForItself() throws {
        let shared = Shared()
        let holder = shared.lock(as: 1)
        #expect(try holder.lock(timeout: .zero) == .acquired)
        for lock in [holder, shared.lock(as: 2)] {
            #expect(throws: SystemError.self) { _ = try lock.lock(timeout: .seconds(60)) }
            #expect(throws: SystemError.self) { _ = try lock.lockIfFree() }
        }
        holder.unlock()
        #expect(try shared.lock(as: 2).lockIfFree() == .acquired)
    }

    /// Threads that lock as different members, some of which die with the lock: nobody is ever
    /// inside together with another, and nobody waits for ever.
    @Test func manyMembers() throws {
        let shared = Shared()
        let inside = Atomic(0)
        let wrong = Atomic(0)
        let rounds = TestExtent.choose(quick: 2000, full: 20_000)
        let group = DispatchGroup()
        for thread in 1 ... 4 as ClosedRange<UInt32> {
            group.enter()
            Thread.detachNewThread {
                var member = thread
                var lock = shared.lock(as: member)
                for round in 0 ..< rounds {
                    let outcome = try? lock.lock(
                        timeout: .seconds(60), spinning: .microseconds(round % 3 * 10))
                    if outcome == nil || outcome == .timedOut {
                        wrong.add(1, ordering: .relaxed)
                        break
                    }
                    if inside.add(1, ordering: .relaxed).oldValue != 0 {
                        wrong.add(1, ordering: .relaxed)
                    }
                    if round % 64 == 0 { usleep(50) }
                    inside.subtract(1, ordering: .relaxed)
                    if round % 100 == 99 {
                        shared.kill(member)
                        member += 4
                        lock = shared.lock(as: member)
                    } else {
                        lock.unlock()
                    }
                }
                group.leave()
            }
        }
        group.wait()
        let found = wrong.load(ordering: .relaxed)
        #expect(found == 0)
    }
}
