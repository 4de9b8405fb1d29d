import HoldfastSystem

/// The locks of a heap file: the meaning of each slot.
extension FileLock {
    /// Held while the heap is opened or closed; exclusively by a process that may change the file.
    package static var opening: FileLock { FileLock(slot: 0) }
    /// Held in shared mode by every process that uses the log. Exclusive possession means that no
    /// other process uses the heap.
    package static var presence: FileLock { FileLock(slot: 1) }
    /// Held in shared mode by readers that cannot register their snapshots. Meanwhile no checkpoint
    /// may write to the data file.
    package static var unregisteredReader: FileLock { FileLock(slot: 2) }
    /// Held exclusively while a checkpoint writes to the data file.
    package static var checkpoint: FileLock { FileLock(slot: 3) }
    /// Held exclusively by an opening that keeps all others out, except its own snapshots.
    package static var exclusive: FileLock { FileLock(slot: 4) }
    /// Held in shared mode by transient readers. It shows them to a process that would replace the
    /// file.
    package static var transientReader: FileLock { FileLock(slot: 6) }
    /// Held in shared mode by transient readers that have a read transaction open. Meanwhile no
    /// process may write to the data file.
    package static var transientRead: FileLock { FileLock(slot: 7) }

    /// All locks of a heap file.
    package static var allOfHeap: [FileLock] { [0, 1, 2, 3, 4, 6, 7].map { FileLock(slot: $0) } }
}
