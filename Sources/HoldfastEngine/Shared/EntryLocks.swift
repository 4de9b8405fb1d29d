import HoldfastSystem
import Synchronization

/// Who is alive: each opening holds a lock of the shared file for each of its entries in the reader
/// table, from before the entry names it until after. The kernel releases the lock when the process
/// dies, `exec` included, and tells every other process so, in whatever namespace it is.
///
/// The lock belongs to the open file. A forked child keeps none (`InheritedFiles`). The lock does
/// not exclude the opening itself, so the opening keeps account of its own entries. Any thread.
final class EntryLocks: Sendable {
    private let file: any DiskFile
    private let own = Mutex<Set<Int>>([])

    init(_ file: any DiskFile) { self.file = file }

    /// Whether the entry belongs to this opening.
    func isOwn(_ entry: Int) -> Bool { own.withLock { $0.contains(entry) } }

    /// Makes the entry this opening's; false if it has a living owner.
    func take(_ entry: Int) throws(SystemError) -> Bool {
        guard !isOwn(entry), try file.tryLock(FileLock(slot: entry), exclusive: true) else {
            return false
        }
        own.withLock { _ = $0.insert(entry) }
        return true
    }

    /// The lock goes first: a thread of this opening that takes the entry meanwhile would get a
    /// lock that is about to be released.
    func giveUp(_ entry: Int) {
        file.unlock(FileLock(slot: entry))
        own.withLock { _ = $0.remove(entry) }
    }

    /// Whether the entry's owner is alive. True if the system does not tell.
    func isAlive(_ entry: Int) -> Bool {
        if isOwn(entry) { return true }
        do throws(SystemError) {
            // A process that may only read the file can hold such a lock in shared mode. That makes
            // no dead owner alive.
            return try file.isLockedByOthers(FileLock(slot: entry), exclusively: true)
        } catch { return true }
    }
}
