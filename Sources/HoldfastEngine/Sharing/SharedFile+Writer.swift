import HoldfastFormat
import HoldfastSystem

/// The process that writes, for display only: it may be another a moment later.
extension SharedFile {
    /// Whether a thread of the process holds the write lock. False where that is unknown.
    func isWriter(_ process: Int32) -> Bool {
        ProcessLock.isHeld(at: base + LogLayout.lockOffset, by: process)
    }
}
