/// The state of a transient reader: an opening that runs one read transaction on a heap at rest
/// without registering. It creates no shared file, and so leaves no files behind.
///
/// It knows the heap from the header at rest, and that header's sequence numbers. It registers
/// before its second read transaction, or when a call needs a registered opening. Its one read
/// transaction relies on this:
///
/// 1. *The data file changes only after the header has.* Commits go to a log. A process that starts
///    a log first writes a header that says so (`Committer.startedLog`), durably and before the
///    first commit is published; a process that punches holes, reserves or recovers finds such a
///    header or writes one first. So as long as the sequence numbers are unchanged since the
///    opening, and the header is one at rest, no record exists that a checkpoint or a recovery
///    could write.
/// 2. *From then on its lock protects the file.* The lock `transientRead` is taken before the
///    sequence numbers are compared. A checkpoint checks that lock before it writes anything, and
///    has nothing to write before the header has changed: so either it finds the lock, or the
///    reader finds another header. A recovery is postponed (`Opener.joinBesideReaders`) or waits
///    until the lock is free (`DataFile.awaitTransientReaders`), and its header is one that no
///    transient reader accepts. Pages in which holes are punched meanwhile are free in the reader's
///    snapshot too, and a file is truncated only behind the snapshot.
/// 3. *The lock is held only while the read transaction is open*, so that an idle opening delays no
///    other. It belongs to the open file: the kernel releases it if the process dies, and a forked
///    child cannot release it for its parent.
///
/// A second lock, `transientReader`, is held from the opening until the registration or the close.
/// Only a process that is about to replace the file checks it.
///
/// `@unchecked Sendable`: the headers are only read, and stay mapped as long as the engine lives.
struct TransientRead: @unchecked Sendable {
    /// The address of the header's copies, for threads outside the latch.
    var headers: UnsafeRawPointer
    /// The sequence numbers of the header's copies.
    var sequences: (UInt64, UInt64)
    /// The log position of the data file's contents.
    var position: UInt64

    /// Whether no process has written a header since the opening.
    var isAtRest: Bool { HeapView.headerSequences(at: headers) == sequences }
}

extension Participation {
    /// Whether a transient reader may read: beside other threads of its process, or, if it is the
    /// first, for the one time. Requires the latch's mutex or exclusive access.
    func beginTransientRead(isFirst: Bool) -> Bool {
        guard case .transientReader(let read) = kind, let file = dataFile.file else { return true }
        if isFirst {
            guard transientState == .notYet,
                (try? file.tryLock(.transientRead, exclusive: false)) == true
            else { return false }
            transientState = .open
        }
        return read.isAtRest
    }

    /// Releases the lock. In a forked child it belongs to the parent.
    func endTransientRead() {
        guard transientState == .open, !lifecycle.isForked else { return }
        transientState = .over
        dataFile.file?.unlock(.transientRead)
    }

    /// Reads the shared file, if there is one: for a transient reader that cannot register at the
    /// moment.
    func peek<R>(_ body: (SharedMemory) -> R) -> R? {
        guard dataFile.file != nil,
            let found = try? SharedMemory.join(
                disk: dataFile.disk, heapPath: dataFile.location,
                identity: dataFile.identity, process: dataFile.options.process,
                isWritable: false)
        else { return nil }
        defer { found.close() }
        return body(found)
    }

    /// The registered openings of this heap, in all processes. A transient reader that cannot
    /// register at the moment is not in the table, but others may be.
    var openViews: [OpenView] {
        let process = dataFile.options.process.identity
        if let shared = sharedMemory { return ReaderTable(shared: shared).all(for: process) }
        guard visit != nil else { return [] }
        return peek { ReaderTable(shared: $0).all(for: process) } ?? []
    }
}
