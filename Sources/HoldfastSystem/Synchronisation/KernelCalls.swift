import Synchronization

/// Counts how often this process has entered the kernel to wait for others or to wake them. While a
/// heap is idle, or all processes that share it are busy, none of these numbers changes.
package enum KernelCalls {
    static let sleepCount = Atomic<Int>(0)
    static let wakeCount = Atomic<Int>(0)
    static let lockWaitCount = Atomic<Int>(0)

    /// Sleeps until a word changes.
    package static var sleeps: Int { sleepCount.load(ordering: .relaxed) }
    /// Calls that woke sleepers.
    package static var wakes: Int { wakeCount.load(ordering: .relaxed) }
    /// Waits for a lock between processes.
    package static var lockWaits: Int { lockWaitCount.load(ordering: .relaxed) }
}
