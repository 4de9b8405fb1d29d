#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// The table of open views in the shared file: one entry for each opening of the heap by a process.
///
/// An entry's position protects the view: no checkpoint goes past it. How that works without a lock: a reader stores *some* position that it has
/// already reached and only then loads the newest published one, P, and catches up to it; a checkpoint loads the published
/// position as its target T and only then the entries. All four are sequentially consistent. So either the checkpoint sees the entry, and T is
/// at most its position; or the reader's load came after the checkpoint's, and T is at most P: it writes nothing
/// that the reader has not laid over its own copy of the page, or is about to.
///
///     offset size
///        0     4   process number; 0: the entry is free. Stored last when an entry is taken, first when it is given up
///        4     4   kind: 1 catches up, 2 stays where it is (private copies, snapshots)
///        8     8   the process's start time
///       16     8   position of the open view; all ones: none is open
///       24     8   when the view was opened, in nanoseconds of the system's monotonic clock
///       32     8   when the heap was opened, by the same clock
///       40     8   the commit that the open view stands at, or an earlier one if it is just being opened
struct ViewTable {
    static let entryBytes = 64
    static let count = LogLayout.viewsBytes / entryBytes
    static let none = UInt64.max

    let shared: SharedFile

    private func offset(_ index: Int) -> Int { LogLayout.viewsOffset + index * Self.entryBytes }

    /// Takes a free entry; nil if there is none. Under the opening lock.
    func take(for process: ProcessIdentity, isFixed: Bool, directory: any ProcessDirectory) -> Int? {
        for index in 0 ..< Self.count {
            let at = offset(index)
            let owner = shared.loadInOrder(at: at)
            if owner != 0 {
                guard !directory.isAlive(self.process(index)) else { continue }
                shared.storeInOrder(0, at: at)
            }
            shared.storeInOrder(process.startTime, at: at + 8)
            shared.storeRelaxed(Deadline.coarseNow, at: at + 32)
            shared.storeInOrder(Self.none, at: at + 16)
            shared.storeInOrder(UInt64(UInt32(bitPattern: process.number)) | (isFixed ? 2 : 1) << 32, at: at)
            return index
        }
        return nil
    }

    func giveUp(_ index: Int) {
        let at = offset(index)
        shared.storeInOrder(Self.none, at: at + 16)
        shared.storeInOrder(0, at: at)
    }

    private func process(_ index: Int) -> ProcessIdentity {
        ProcessIdentity(
            number: Int32(bitPattern: UInt32(truncatingIfNeeded: shared.loadInOrder(at: offset(index)))),
            startTime: shared.loadInOrder(at: offset(index) + 8))
    }

    /// Opens the view of an entry. On every transaction's path, so these two take the shared file as it is instead of a table that refers to it.
    @inline(__always)
    static func open(_ index: Int, at position: UInt64, commit: UInt64, in shared: SharedFile) {
        let at = LogLayout.viewsOffset + index * entryBytes
        shared.storeRelaxed(commit, at: at + 40)
        shared.storeRelaxed(Deadline.coarseNow, at: at + 24)
        shared.storeInOrder(position, at: at + 16)
    }

    /// Not one of the four: a checkpoint that still sees a closed view only does less than it could. Releasing, so that what the view has read was read before.
    @inline(__always)
    static func close(_ index: Int, in shared: SharedFile) {
        shared.storeReleasing(none, at: LogLayout.viewsOffset + index * entryBytes + 16)
    }

    /// The lowest position of an open view, or `limit` if none is lower. Entries of processes that no longer run are freed.
    func lowest(below limit: UInt64, directory: any ProcessDirectory) -> UInt64 {
        var lowest = limit
        for index in 0 ..< Self.count {
            let owner = shared.loadInOrder(at: offset(index))
            let position = shared.loadInOrder(at: offset(index) + 16)
            guard owner != 0, position < lowest else { continue }
            let process = process(index)
            if directory.isAlive(process) {
                lowest = position
            } else {
                // Only if it is still the dead one's: another process may have taken the entry by now.
                shared.replaceInOrder(owner, by: 0, at: offset(index))
            }
        }
        return lowest
    }

    /// Every process that has the heap open, as far as it is registered.
    func all(directory: any ProcessDirectory) -> [OpenView] {
        (0 ..< Self.count).compactMap { index in
            let word = shared.loadInOrder(at: offset(index))
            guard word != 0 else { return nil }
            let process = process(index)
            guard directory.isAlive(process) else { return nil }
            let position = shared.loadInOrder(at: offset(index) + 16)
            let since = shared.loadInOrder(at: offset(index) + 24)
            let published = shared[.published]
            let commits = (newest: shared[.commits], viewed: shared.loadInOrder(at: offset(index) + 40))
            let isOpen = position != Self.none
            let isWriting = !isOpen && shared.isWriter(process.number)
            let isBehind = isOpen && published > position
            return OpenView(
                processNumber: process.number, isOpen: isOpen, isWriting: isWriting,
                isSnapshot: word >> 32 == 2,
                age: isOpen ? Self.age(since) : .zero, openFor: Self.age(shared.loadInOrder(at: offset(index) + 32)),
                heldLogBytes: isBehind ? Int(published - position) : 0,
                commitsBehind: isBehind && commits.newest > commits.viewed ? Int(commits.newest - commits.viewed) : 0,
                start: isOpen ? since : 0, entry: index)
        }
    }

    private static func age(_ since: UInt64) -> Duration {
        .nanoseconds(Int64(clamping: Deadline.coarseNow.subtractingReportingOverflow(since).partialValue))
    }
}

/// One opening of a heap, by this process or another, and its view.
public struct OpenView: Equatable, Sendable {
    /// The operating system's number of the process.
    public let processNumber: Int32
    /// Whether a view is open just now.
    public let isOpen: Bool
    /// Whether its process has a write transaction open, which needs no view: as far as the system
    /// tells who holds the write lock.
    public let isWriting: Bool
    /// Whether the view stays where it is for as long as it is open: a snapshot, or a private copy of the heap.
    public let isSnapshot: Bool
    /// For how long at least it has been open; to a second or so.
    public let age: Duration
    /// For how long the process has had the heap open, in this opening; to a second or so.
    public let openFor: Duration
    /// Bytes of log, committed since, that no checkpoint can move into the heap file as long as it is open.
    public let heldLogBytes: Int
    /// How many commits the view is behind the newest.
    public let commitsBehind: Int

    /// When it was opened, by the system's monotonic clock: tells one view of a process from its next.
    let start: UInt64
    /// The entry in the table: tells this opening from others of the same process.
    let entry: Int
}
