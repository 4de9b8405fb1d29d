import HoldfastSystem

/// The locks of a heap file: the meaning of each slot.
extension FileLock {
    /// Held while the heap is opened or closed, exclusively by a process that may change the file.
    package static var opening: FileLock { FileLock(slot: 0) }
    /// Held in shared mode by every process that uses the log. The process that gets it exclusively
    /// has the heap to itself.
    package static var presence: FileLock { FileLock(slot: 1) }
    /// Held in shared mode by readers that cannot register their views: nothing may be moved into
    /// the data file meanwhile.
    package static var unregisteredReader: FileLock { FileLock(slot: 2) }
    /// Held exclusively while a checkpoint writes to the data file.
    package static var checkpoint: FileLock { FileLock(slot: 3) }
    /// The write lock where the platform has no robust mutex.
    package static var write: FileLock { FileLock(slot: 4) }
    /// The sync lock where the platform has no robust mutex.
    package static var sync: FileLock { FileLock(slot: 5) }
    /// Held in shared mode by readers that have the heap open as it was at rest, without being
    /// registered. A process that would replace the file finds them by it.
    package static var transientReader: FileLock { FileLock(slot: 6) }
    /// Held in shared mode by those of them that have a read transaction open: nothing may be
    /// written to the data file meanwhile.
    package static var transientRead: FileLock { FileLock(slot: 7) }

    /// All locks of a heap file.
    package static var allOfHeap: [FileLock] { (0 ..< 8).map { FileLock(slot: $0) } }
}
