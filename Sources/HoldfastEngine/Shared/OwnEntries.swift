import Synchronization

/// The entries of one opening in the reader table, one for each of its images. Any thread.
final class OwnEntries: Sendable {
    private let entries = Mutex<Set<Int>>([])

    func add(_ entry: Int) { entries.withLock { _ = $0.insert(entry) } }

    func remove(_ entry: Int) { entries.withLock { _ = $0.remove(entry) } }

    func contains(_ entry: Int) -> Bool { entries.withLock { $0.contains(entry) } }
}
