import HoldfastFormat
import HoldfastSystem

/// Who writes, for those who only want to show it: a moment later it may be another.
extension SharedMemory {
    /// Whether a thread of the process holds the write lock. False where that cannot be told.
    func isWriter(_ process: Int32) -> Bool {
        ProcessLock.isHeld(at: base + LogLayout.lockOffset, by: process)
    }
}
