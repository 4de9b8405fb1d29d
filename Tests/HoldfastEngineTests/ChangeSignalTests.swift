import Foundation
import Synchronization
import TestSupport
import Testing

@testable import HoldfastEngine

/// Sleeping until a position changes. A lost wake-up shows as a sleep that reaches its timeout.
@Suite(.progress) struct ChangeSignalTests {
    private static let secondsToSleep: Int64 = 5

    /// The two words, and the values that each of the threads has seen.
    private final class Shared: @unchecked Sendable {
        let words = UnsafeMutableRawPointer.allocate(byteCount: 64, alignment: 64)
        let seen: [Atomic<UInt64>.Box] = [.init(), .init(), .init()]
        let timeouts = Atomic<Int>(0)
        var signal: ChangeSignal { ChangeSignal(at: words, canAnnounce: true) }

        init() { words.initializeMemory(as: UInt8.self, repeating: 0, count: 64) }
        deinit { words.deallocate() }
    }

    /// Another thread's wake-up between the announcement and the sleep clears the announcement: the
    /// sleep must end at once, whatever others announce in the meantime.
    @Test(arguments: [false, true])
    func aWakeAfterTheAnnouncementIsSeen(othersAnnounce: Bool) {
        let shared = Shared()
        let signal = shared.signal
        defer { withExtendedLifetime(shared) {} }
        _ = signal.announce()
        let announcement = signal.announce()
        signal.wake()
        if othersAnnounce { _ = signal.announce() }
        #expect(!signal.sleep(after: announcement, nanoseconds: 1_000_000_000))
        // Without a wake-up, it sleeps.
        #expect(signal.sleep(after: signal.announce(), nanoseconds: 1_000_000))
    }

    /// One waiter is asleep when the position changes. Another begins to sleep just after the
    /// change, while the first is being woken. A third does the same one change later. Each must be
    /// woken by the next change.
    @Test func noWakeIsLost() {
        let shared = Shared()
        let rounds: UInt64 = 1000
        for index in shared.seen.indices {
            Thread.detachNewThread {
                var position: UInt64 = 0
                while position < rounds {
                    let looks = index > 0 && (position + UInt64(index)) % 2 == 0
                    if looks {
                        _ = shared.signal.spin(whileAt: position, atMost: .seconds(60))
                    } else if shared.signal.sleep(
                        whileAt: position, nanoseconds: Self.secondsToSleep * 1_000_000_000)
                    {
                        shared.timeouts.add(1, ordering: .relaxed)
                    }
                    position = shared.signal.position
                    shared.seen[index].value.store(position, ordering: .sequentiallyConsistent)
                }
            }
        }
        for position in 1 ... rounds {
            shared.signal.publish(position)
            for seen in shared.seen {
                while seen.value.load(ordering: .sequentiallyConsistent) < position { usleep(0) }
            }
        }
        #expect(shared.timeouts.load(ordering: .relaxed) == 0)
    }
}

extension Atomic where Value == UInt64 {
    final class Box: Sendable {
        let value = Atomic<UInt64>(0)
    }
}
