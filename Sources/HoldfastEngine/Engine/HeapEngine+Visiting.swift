import HoldfastFormat
import HoldfastSystem
import MemoryMapping

/// Reading a heap at rest without taking part: an opening that finds nobody else makes no shared
/// file, and so leaves nothing behind either.
///
/// A *visitor* knows the heap as the header said it to be at rest, and that header's sequence
/// numbers. It may read once; with its second read transaction, or when it is asked for something
/// that only a registered opening knows, it becomes a member like everybody else. What its one read
/// transaction rests on:
///
/// 1. *The base image changes only after the header has.* Commits go to a log, and who starts one
///    first writes a header that says so (`startedLog`), durably and before the first commit is
///    published; who gives back pages, reserves or recovers finds such a header or writes one
///    first. So as long as the sequence numbers are those of the visit, and a header at rest had
///    them, no record exists that a checkpoint or a recovery could write.
/// 2. *From then on the visitor's lock keeps it as it is.* The lock `visitorsRead` is taken before
///    the numbers are looked at. A checkpoint looks for it before it writes anything
///    (`checkpointLocked`), and has nothing to write before the header has changed: so either it
///    finds the lock, or the visitor finds another header. A recovery is put off
///    (`joinBesideReaders`) or waits until the lock is free (`awaitVisitors`), and has a header
///    before it that no visitor takes for its own. Pages that are given back meanwhile are free in
///    the visitor's view too, and a file that is cut short is cut behind it.
/// 3. *The lock is held while the read transaction is open and no longer*, so that an opening that
///    does nothing holds up nobody. It belongs to the open file: whoever dies lets go of it, and a
///    forked child cannot give it back for its parent.
///
/// A second lock, `visitor`, is held from the opening until the registration or the close. Only who
/// is about to put another file in this one's place looks for it.
extension HeapEngine {
    /// What a visitor goes by.
    ///
    /// `@unchecked Sendable`: the headers are only read, and mapped for as long as the engine
    /// lives.
    struct Visit: @unchecked Sendable {
        /// Where the header's copies are, for threads that do not pass the gate.
        var headers: UnsafeRawPointer
        /// Of the header's copies.
        var sequences: (UInt64, UInt64)
        /// The heap as of this position is what the base image holds.
        var position: UInt64
    }

    /// How far a visitor has come.
    enum VisitorsRead {
        case notYet, open, over
    }

    /// Opens a heap at rest that nobody else has open, for a visit. False, with nothing changed,
    /// wherever it is not as simple as that, or goes wrong: then everything must be looked at under
    /// the opening lock, and what is wrong is said there.
    func beginVisit() -> Bool {
        guard mode == .readOnly, !options.isSnapshot, !options.salvages, !options.verifiesPages
        else { return false }
        do throws(SystemError) {
            let file = try disk.open(place.withLock { $0 } ?? path, .readWrite)
            if let visit = try visit(file) {
                self.file = file
                attachment = .visitor(visit)
                return true
            }
            file.close()
        } catch {}
        // Nothing may be left of the mapping of a file that can be another one by now.
        image.cancelVisit()
        return false
    }

    private func visit(_ file: any DiskFile) throws(SystemError) -> Visit? {
        // In this order: who replaces the file holds the presence lock when it looks for visitors,
        // so one of the two finds the other; and a file that has its name after that keeps it.
        guard try file.tryLock(.visitor, exclusive: false), !(try file.isLockedByOthers(.presence))
        else { return nil }
        let facts = try file.facts()
        guard facts.isNamed else { return nil }
        do throws(HeapError) {
            fileBytes = facts.size
            warnings = []
            try requireSuitableFileSystem(file)
        } catch { return nil }
        knownIdentity = facts.identity
        return try headerForVisit(file)
    }

    /// Where the file is, of a visitor that opened it by the user's path: the open file knows.
    /// Where that has changed since, the file is no longer in place, or in place by another name.
    func locate() -> String {
        place.withLock { place in
            if let place { return place }
            var found = file?.currentPath() ?? disk.resolve(path)
            if let knownIdentity, disk.fileIdentity(at: found) != knownIdentity {
                found = disk.resolve(path)
            }
            place = found
            return found
        }
    }

    /// The header, through the mapping, if it says that the heap is at rest and all else agrees.
    private func headerForVisit(_ file: any DiskFile) throws(SystemError) -> Visit? {
        fileBytes -= fileBytes % HeapLayout.fileGranule
        // The mapping would be anyone's guess with fewer bytes.
        guard fileBytes > 0, fileBytes <= Int(HeapLayout.maximumBytes) else { return nil }
        let headers = try image.visit(file, byteCount: fileBytes)
        guard let (first, second) = mappedHeaders() else { return nil }
        let header = first.sequence > second.sequence ? first : second
        guard !header.logInUse, !header.isGivingBack,
            Int(header.heapPages) * HeapLayout.pageBytes <= image.byteCount
        else {
            return nil
        }
        do throws(HeapError) { try checkAllocatorRoot(pages: header.heapPages) } catch {
            return nil
        }
        let visit = Visit(
            headers: headers, sequences: (first.sequence, second.sequence),
            position: header.checkpointPosition)
        // What the root page said belongs to this header only if nobody has begun to write
        // meanwhile.
        guard isAtRest(as: visit) else { return nil }
        identity = header.identity
        seed = header.hashSeed
        reservedBytes = Int(header.reservedBytes)
        take(header)
        committedPages = header.heapPages
        return visit
    }

    /// Both copies of the header; nil unless both are whole.
    private func mappedHeaders() -> (HeapHeader, HeapHeader)? {
        // Decoded from copies: in the mapping they may change between their checksums and their
        // fields.
        withUnsafeTemporaryAllocation(byteCount: 2 * HeapHeader.byteCount, alignment: 8) { bytes in
            for copy in 0 ..< 2 {
                (bytes.baseAddress! + copy * HeapHeader.byteCount).copyMemory(
                    from: image.base + copy * HeapLayout.pageBytes, byteCount: HeapHeader.byteCount)
            }
            let (one, other) = (
                UnsafeRawBufferPointer(rebasing: bytes[..<HeapHeader.byteCount]),
                UnsafeRawBufferPointer(rebasing: bytes[HeapHeader.byteCount...])
            )
            guard case .header(let first) = HeapHeader.decode(one) else { return nil }
            // At rest they are usually the same.
            if one.elementsEqual(other) { return (first, first) }
            guard case .header(let second) = HeapHeader.decode(other) else { return nil }
            return (first, second)
        }
    }

    /// Whether nobody has written a header since the visit began.
    func isAtRest(as visit: Visit) -> Bool {
        headerSequence(0, at: visit.headers) == visit.sequences.0
            && headerSequence(1, at: visit.headers) == visit.sequences.1
    }

    // MARK: The visitor's read transaction

    /// Whether a visitor may read, beside others of its threads or, if it is the first, for the one
    /// time. Under the gate's mutex, or alone behind the gate.
    func isVisitorFresh(isFirst: Bool) -> Bool {
        guard case .visitor(let visit) = attachment, let file else { return true }
        if isFirst {
            guard visitorsRead == .notYet,
                (try? file.tryLock(.visitorsRead, exclusive: false)) == true
            else { return false }
            visitorsRead = .open
        }
        return isAtRest(as: visit)
    }

    /// Gives the lock back. In a forked child it is the parent's.
    func endVisitorsRead() {
        guard visitorsRead == .open, !isForked else { return }
        visitorsRead = .over
        file?.unlock(.visitorsRead)
    }

    /// Takes part where the last process that had the heap open left it, instead of recovering, as
    /// long as somebody reads who is not registered: a visitor, or a guest, whose pages of the base
    /// image are not to change. What the dead have left beside the heap is what those who outlive
    /// others always go on with, and the log can wait there. False where nobody reads, or nothing
    /// usable is left.
    func joinBesideReaders(_ file: any DiskFile, _ header: HeapHeader) throws(HeapError) -> Bool {
        guard try hasUnregisteredViews(file) else { return false }
        var isUsable = false
        do throws(SharingError) {
            let left = try joinShared(file, header, isWritable: false)
            isUsable = left[.epoch] == header.logEpoch && left[.failed] == 0
            left.close()
        } catch {
            // Nor is it recovered: whoever reads began before the dead of the other namespace
            // wrote.
            if case .otherNamespace = error { throw HeapError.otherNamespace(path: path) }
        }
        // A damaged copy of the header is for recovery to judge.
        guard isUsable, try translating({ () throws(SystemError) in try hasBothHeaders(file) })
        else {
            return false
        }
        // The same once more: guests that have laid the log over their images look for another
        // header, and no commit to a log that is there already writes one.
        var repeated = header
        try translating { () throws(SystemError) in try writeNextHeader(&repeated, file) }
        try join(file, repeated)
        return true
    }

    /// Waits for those who began to read when the heap was at rest, before the process died whose
    /// log this is: the pages that are about to be written are theirs as they are. Nobody can begin
    /// to while the header speaks of a log.
    func awaitVisitors(_ file: any DiskFile) throws(HeapError) {
        let reader =
            "a read transaction of another process, begun before the heap was left unclosed"
        try askAgain(waitingFor: reader) { () throws(HeapError) in
            try translating { () throws(SystemError) in !(try file.isLockedByOthers(.visitorsRead))
            }
        }
    }

    // MARK: Registering

    /// Whether this opening is a visitor. Any thread.
    var isVisiting: Bool { visit.withLock { $0 } != nil }

    /// Makes a member of a visitor that has no read transaction open, if nobody keeps it from that
    /// for `timeout`. For what only members know; any thread, outside of this heap's transactions.
    func takePart(timeout: Duration) throws(HeapError) {
        guard isVisiting, !hasOpenTransaction, gate.lockExclusively(timeout: timeout) else {
            return
        }
        defer { gate.unlockExclusively() }
        try requireUsable()
        try register()
    }

    /// A visitor takes part from now on, like any other opening. The caller is alone behind the
    /// gate.
    func register() throws(HeapError) {
        guard let file, case .visitor(let visit) = attachment else { return }
        endVisitorsRead()
        visitorsRead = .over
        try requireNoFault()
        try withOpeningLock(file) { () throws(HeapError) in
            do throws(HeapError) {
                try register(file, visit)
            } catch {
                if case .visitor = attachment { file.unlock(.presence) }
                throw error
            }
            file.unlock(.visitor)
        }
    }

    private func register(_ file: any DiskFile, _ visit: Visit) throws(HeapError) {
        let isInPlace = try translating { () throws(SystemError) in
            disk.fileIdentity(at: location) == (try file.fileIdentity())
        }
        // What lies beside the name is another file's: this one is read on as it is, and nothing
        // may be moved into it.
        if !isInPlace { try translating { () throws(SystemError) in try protectAllViews(file) } }
        let header = try readHeader(file)
        let isUnchanged = isAtRest(as: visit)
        image.endVisit()
        try translating { () throws(SystemError) in try image.separateVisit(file) }
        // Also what an earlier attempt has left.
        try image.dropPrivatePages(file, fileBytes: fileBytes)
        if !isInPlace {
            guard !header.logInUse else { throw HeapError.replaced(path: path) }
            take(header)
            try becomeGuest(file, giveUpPresence: false)
        } else if !(try isAlone(file)) {
            try join(file, header)
        } else if isUnchanged {
            try beginSharing(file, header)
        } else {
            try openAlone(file, header)
        }
        // What has not changed was looked at when it was opened.
        guard !isUnchanged else { return }
        try checkAllocatorRoot()
        committedPages = pagesInImage
    }

    // MARK: What visitors are told of others

    /// What the shared file says, if there is one: for a visitor that cannot take part just now.
    func peek<R>(_ body: (SharedFile) -> R) -> R? {
        guard let file,
            let found = try? SharedFile.join(
                disk: disk, heapPath: location, heapFile: file, identity: identity,
                processes: options.processes,
                isWritable: false)
        else { return nil }
        defer { found.close() }
        return body(found)
    }
}
