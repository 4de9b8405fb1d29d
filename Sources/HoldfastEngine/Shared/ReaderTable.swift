import HoldfastFormat
import HoldfastSystem

/// The reader table in the shared file: one entry for each opening of the heap by a process, and
/// one for each further image that the opening reads from.
///
/// An entry's position protects its snapshot: no checkpoint goes past it. The protocol needs no
/// lock. A reader stores *some* position that it has already reached, then loads the newest
/// published position, P, and catches up to it. A checkpoint loads the published position as its
/// target T, and then the entries. All four operations are sequentially consistent. So either the
/// checkpoint sees the entry, and limits T to its position; or the reader's load came after the
/// checkpoint's, and T is at most P. In the second case the checkpoint writes nothing that the
/// reader has not applied to its own copy of the page, or is about to.
///
/// An entry that is *seated* protects its snapshot only while readers have seats; see
/// `ReaderSeats`.
///
/// An opening that has made private copies of all pages that checkpoints up to some position may
/// write has *kept* its snapshot up to there, and says so in the entry: checkpoints may go that
/// far. This holds for the position that stands beside it, so a word that an earlier snapshot, or
/// an earlier owner, has left does not count for another one.
///
///     offset size
///        0     4   process ID; 0: the entry is free. Stored last when an entry is taken, and first
///                  when it is released
///        4     1   kind: 1 catches up, 2 fixed (private copies, snapshots), 3 a further image of
///                  an opening that has an entry of kind 1; plus 4 if the entry is seated
///        5     3   how often the entry has been taken, so that these eight bytes differ for two
///                  openings, even of processes with the same ID: freeing the entry of a dead
///                  process cannot free another's, and a lock that names it is not another's
///        8     8   the PID namespace in which the process has that ID; 0: unknown
///       16     8   position of the open snapshot; all ones: none is open
///       24     8   when the snapshot was opened, in nanoseconds of the system's monotonic clock
///       32     8   when the heap was opened, by the same clock
///       40     8   the open snapshot's commit, or an earlier one while it is being opened
///       48     8   up to where the snapshot is kept whose position stands at offset 56
///       56     8
///
/// Whether an owner is alive is not judged by its process ID; see `EntryLocks`.
struct ReaderTable {
    static let entryBytes = 64
    static let count = LogLayout.viewsBytes / entryBytes
    static let none = UInt64.max

    let shared: SharedMemory

    /// What an entry protects.
    ///
    /// The raw values are those of the format.
    enum Kind: UInt64 {
        case following = 1
        case fixed = 2
        case furtherImage = 3
    }

    /// The first word of an entry.
    private struct Owner {
        private static let seated: UInt64 = 4 << 32

        var word: UInt64

        init(_ word: UInt64) { self.word = word }

        var number: Int32 { Int32(bitPattern: UInt32(truncatingIfNeeded: word)) }
        var kind: Kind? { Kind(rawValue: (word >> 32) & 3) }
        var isTaken: Bool { number != 0 }
        var isSeated: Bool { word & Self.seated != 0 }
        /// How often the entry has been taken.
        var count: UInt32 { UInt32(truncatingIfNeeded: word >> 40) }
        /// The same entry released; the count stays.
        var freed: UInt64 { (word >> 40) << 40 }

        func next(_ number: Int32, _ kind: Kind, isSeated: Bool) -> UInt64 {
            UInt64(UInt32(bitPattern: number)) | kind.rawValue << 32
                | (isSeated ? Self.seated : 0) | ((word >> 40) &+ 1) << 40
        }
    }

    private func offset(_ index: Int) -> Int { LogLayout.viewsOffset + index * Self.entryBytes }

    /// Takes a free entry; nil if there is none. `wantsSeats`: rather one that can be seated.
    /// Requires the opening lock.
    func take(
        for process: ProcessIdentity, _ kind: Kind, wantsSeats: Bool = false
    ) throws(SystemError) -> Int? {
        if wantsSeats {
            for index in 0 ..< ReaderSeats.entries where try claim(index) {
                // A process that died while it read has left its seats taken. They are not cleared:
                // a thread of an earlier owner, which looked for a seat as it gave the entry up,
                // may still have to leave one.
                if ReaderSeats.isAnyTaken(of: index, in: shared) {
                    shared.entryLocks.giveUp(index)
                    continue
                }
                occupy(index, process, kind, isSeated: true)
                return index
            }
        }
        for index in 0 ..< Self.count where try claim(index) {
            occupy(index, process, kind, isSeated: false)
            return index
        }
        return nil
    }

    /// Takes the lock of an entry that has no living owner, and frees the entry of a dead one.
    private func claim(_ index: Int) throws(SystemError) -> Bool {
        guard try shared.entryLocks.take(index) else { return false }
        shared.storeInOrder(owner(index).freed, at: offset(index))
        return true
    }

    private func occupy(_ index: Int, _ process: ProcessIdentity, _ kind: Kind, isSeated: Bool) {
        let at = offset(index)
        shared.storeInOrder(process.namespace, at: at + 8)
        shared.storeRelaxed(Deadline.coarseNow, at: at + 32)
        forgetKept(index)
        shared.storeInOrder(Self.none, at: at + 16)
        shared.storeInOrder(
            owner(index).next(process.number, kind, isSeated: isSeated), at: at)
    }

    func giveUp(_ index: Int) {
        let at = offset(index)
        shared.storeInOrder(Self.none, at: at + 16)
        shared.storeInOrder(owner(index).freed, at: at)
        shared.entryLocks.giveUp(index)
    }

    func isSeated(_ index: Int) -> Bool { owner(index).isSeated }

    private func owner(_ index: Int) -> Owner { Owner(shared.loadInOrder(at: offset(index))) }

    /// Opens the snapshot of an entry. `open` and `close` are on every transaction's path, so they
    /// take the shared memory instead of a table that refers to it.
    @inline(__always)
    static func open(_ index: Int, at position: UInt64, commit: UInt64, in shared: SharedMemory) {
        let at = LogLayout.viewsOffset + index * entryBytes
        shared.storeRelaxed(commit, at: at + 40)
        shared.storeRelaxed(Deadline.coarseNow, at: at + 24)
        shared.storeInOrder(position, at: at + 16)
    }

    /// Sets the time of an open snapshot that no reader has had open since before `time`.
    static func restamp(_ index: Int, _ time: UInt64, in shared: SharedMemory) {
        shared.storeRelaxed(time, at: LogLayout.viewsOffset + index * entryBytes + 24)
    }

    /// Needs no sequential consistency: a checkpoint that still sees a closed snapshot merely does
    /// less than it could. Releasing, so that the reads of the snapshot are complete before.
    @inline(__always)
    static func close(_ index: Int, in shared: SharedMemory) {
        shared.storeReleasing(none, at: LogLayout.viewsOffset + index * entryBytes + 16)
    }

    /// The lowest position of an open snapshot, or the one that it is kept up to, or `limit` if
    /// none is lower: a checkpoint may go up to there. Frees entries of processes that no longer
    /// run.
    func lowest(below limit: UInt64) -> UInt64 { lowest(below: limit, boundary) }

    /// The lowest position of an open snapshot, whether it is kept or not, or `limit` if none is
    /// lower.
    func oldest(below limit: UInt64) -> UInt64 { lowest(below: limit) { $1 } }

    private func lowest(
        below limit: UInt64, _ measure: (_ index: Int, _ position: UInt64) -> UInt64
    ) -> UInt64 {
        var lowest = limit
        for index in 0 ..< Self.count {
            let owner = owner(index)
            let position = shared.loadInOrder(at: offset(index) + 16)
            guard owner.isTaken, position < lowest, isProtected(index, owner) else { continue }
            let measured = measure(index, position)
            guard measured < lowest else { continue }
            if shared.entryLocks.isAlive(index) {
                lowest = measured
            } else {
                // Only if it still belongs to the dead process: another may have taken the entry
                // meanwhile.
                shared.replaceInOrder(owner.word, by: owner.freed, at: offset(index))
            }
        }
        return lowest
    }

    /// Whether a reader may have the entry's snapshot open.
    private func isProtected(_ index: Int, _ owner: Owner) -> Bool {
        !owner.isSeated || ReaderSeats.isAnyTaken(of: index, in: shared)
    }

    // MARK: Kept snapshots

    /// A snapshot that is open, of an entry of this process.
    struct Snapshot {
        let position: UInt64
        /// How far a checkpoint may go.
        let boundary: UInt64
        let age: Duration
    }

    /// The entry's snapshot; nil if a checkpoint need not mind it.
    func snapshot(_ index: Int) -> Snapshot? {
        let position = shared.loadInOrder(at: offset(index) + 16)
        guard position != Self.none, isProtected(index, owner(index)) else { return nil }
        return Snapshot(
            position: position, boundary: boundary(index, position),
            age: Self.age(shared.loadInOrder(at: offset(index) + 24)))
    }

    /// Up to where a checkpoint may go in spite of the entry's snapshot at `position`.
    private func boundary(_ index: Int, _ position: UInt64) -> UInt64 {
        // In this order: `keep` stores them in the other one.
        guard shared.loadInOrder(at: offset(index) + 56) == position else { return position }
        return max(position, shared.loadInOrder(at: offset(index) + 48))
    }

    /// Declares the entry's open snapshot kept up to `end`, once all private copies are made.
    func keep(_ index: Int, at position: UInt64, upTo end: UInt64) {
        shared.storeInOrder(end, at: offset(index) + 48)
        shared.storeInOrder(position, at: offset(index) + 56)
    }

    /// Before the private copies are dropped.
    func forgetKept(_ index: Int) { shared.storeInOrder(Self.none, at: offset(index) + 56) }

    // MARK: Locks

    /// The number that stands for an entry's owner in a lock between processes. Another owner of
    /// the same entry has another number.
    func member(_ index: Int) -> ProcessLock.Member { member(index, owner(index)) }

    private func member(_ index: Int, _ owner: Owner) -> ProcessLock.Member {
        owner.count << UInt32(Self.indexBits) & (1 << UInt32(ProcessLock.memberBits) - 1)
            | UInt32(index)
    }

    /// Whether the owner that the number stands for is alive.
    func isAlive(_ member: ProcessLock.Member) -> Bool {
        let index = Int(member) & (1 << Self.indexBits - 1)
        guard index < Self.count else { return false }
        // Asked first: a process that dies after that is found dead the next time.
        return self.member(index) == member && shared.entryLocks.isAlive(index)
    }

    private static let indexBits = 8

    // MARK: Views

    /// The registered openings of the heap, in all processes; a further image of an opening counts
    /// while it has a snapshot open.
    /// `process`: the one that asks.
    func all(for process: ProcessIdentity) -> [OpenView] {
        let writer = shared.writeLock.holder
        return (0 ..< Self.count).compactMap { index in
            let owner = owner(index)
            guard owner.isTaken, shared.entryLocks.isAlive(index) else { return nil }
            let namespace = shared.loadInOrder(at: offset(index) + 8)
            let position = shared.loadInOrder(at: offset(index) + 16)
            let since = shared.loadInOrder(at: offset(index) + 24)
            let published = shared[.published]
            let commits = (
                newest: shared[.commits], viewed: shared.loadInOrder(at: offset(index) + 40)
            )
            let isOpen = position != Self.none && isProtected(index, owner)
            if owner.kind == .furtherImage, !isOpen { return nil }
            let isWriting = !isOpen && writer == member(index, owner)
            let boundary = boundary(index, position)
            let isBehind = isOpen && published > position
            return OpenView(
                processNumber: owner.number,
                isInOtherNamespace: namespace != process.namespace && namespace != 0
                    && process.namespace != 0,
                isOpen: isOpen, isWriting: isWriting,
                isSnapshot: owner.kind == .fixed,
                age: isOpen ? Self.age(since) : .zero,
                openFor: Self.age(shared.loadInOrder(at: offset(index) + 32)),
                heldLogBytes: isBehind && published > boundary ? Int(published - boundary) : 0,
                commitsBehind: isBehind && commits.newest > commits.viewed
                    ? Int(commits.newest - commits.viewed) : 0,
                start: isOpen ? since : 0, entry: index)
        }
    }

    private static func age(_ since: UInt64) -> Duration {
        .nanoseconds(
            Int64(clamping: Deadline.coarseNow.subtractingReportingOverflow(since).partialValue))
    }
}
