import HoldfastFormat
import HoldfastSystem

/// The holder of the write lock, for display only: a moment later it may be another.
extension SharedMemory {
    /// Whether a thread of the process holds the write lock. False if that is unknown.
    func isWriter(_ process: Int32) -> Bool {
        ProcessLock.isHeld(at: base + LogLayout.lockOffset, by: process)
    }
}
