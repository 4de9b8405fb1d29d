/// What a transient reader goes by: an opening that reads a heap at rest once, without taking part.
/// It makes no shared file, and so leaves nothing behind either.
///
/// It knows the heap as the header described it at rest, and that header's sequence numbers. It
/// registers with its second read transaction, or when a call needs what only a registered opening
/// knows. Its one read transaction relies on this:
///
/// 1. *The data file changes only after the header has.* Commits go to a log. A process that starts
///    a log first writes a header that says so (`Committer.startedLog`), durably and before the
///    first commit is published; a process that punches holes, reserves or recovers finds such a
///    header or writes one first. So as long as the sequence numbers are those of the visit, and a
///    header at rest had them, no record exists that a checkpoint or a recovery could write.
/// 2. *From then on its lock keeps the file as it is.* The lock `transientRead` is taken before the
///    numbers are looked at. A checkpoint looks for it before it writes anything, and has nothing
///    to write before the header has changed: so either it finds the lock, or the reader finds
///    another header. A recovery is put off (`Opener.joinBesideReaders`) or waits until the lock is
///    free (`DataFile.awaitTransientReaders`), and has a header before it that no transient reader
///    takes for its own. Pages in which holes are punched meanwhile are free in the reader's
///    snapshot too, and a file that is truncated is truncated behind the snapshot.
/// 3. *The lock is held while the read transaction is open and no longer*, so that an idle opening
///    holds up no other. It belongs to the open file: the kernel releases it if the process dies,
///    and a forked child cannot give it back for its parent.
///
/// A second lock, `transientReader`, is held from the opening until the registration or the close.
/// Only a process that is about to replace the file looks for it.
///
/// `@unchecked Sendable`: the headers are only read, and mapped for as long as the engine lives.
struct TransientRead: @unchecked Sendable {
    /// Where the header's copies are, for threads outside the latch.
    var headers: UnsafeRawPointer
    /// Of the header's copies.
    var sequences: (UInt64, UInt64)
    /// The heap as of this position is the content of the data file.
    var position: UInt64

    /// Whether no process has written a header since the visit began.
    var isAtRest: Bool { HeapView.headerSequences(at: headers) == sequences }
}

extension Participation {
    /// Whether a transient reader may read, beside other threads of its process or, if it is the
    /// first, for the one time. Under the latch's mutex, or alone behind the latch.
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

    /// Gives the lock back. In a forked child it is the parent's.
    func endTransientRead() {
        guard transientState == .open, !lifecycle.isForked else { return }
        transientState = .over
        dataFile.file?.unlock(.transientRead)
    }

    /// The contents of the shared file, if there is one: for a transient reader that cannot
    /// register just now.
    func peek<R>(_ body: (SharedMemory) -> R) -> R? {
        guard let file = dataFile.file,
            let found = try? SharedMemory.join(
                disk: dataFile.disk, heapPath: dataFile.location, heapFile: file,
                identity: dataFile.identity, processes: dataFile.options.processes,
                isWritable: false)
        else { return nil }
        defer { found.close() }
        return body(found)
    }

    /// The openings of this heap by all processes, as far as they are registered. A transient
    /// reader that cannot register just now is not in the table, but others may be.
    var openViews: [OpenView] {
        let processes = dataFile.options.processes
        if let shared = sharedMemory {
            return ReaderTable(shared: shared).all(directory: processes)
        }
        guard visit != nil else { return [] }
        return peek { ReaderTable(shared: $0).all(directory: processes) } ?? []
    }
}
