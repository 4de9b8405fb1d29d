import HoldfastFormat
import HoldfastSystem

/// The result of a scrub.
public struct PageReport: Equatable, Sendable {
    /// Pages of 4096 bytes that were compared with their checksums.
    public var checkedPages = 0
    /// Pages that have changed since a checkpoint. Their new contents are in the log, which has its
    /// own checksums. The old contents in the file are compared too, unless a checkpoint was
    /// interrupted while it wrote them.
    public var loggedPages = 0
    /// Pages with wrong contents, in ascending order.
    public var damagedPages: [Int] = []

    public init() {}

    func requireSound(path: String) throws(HeapError) {
        guard damagedPages.isEmpty else {
            throw HeapError.damagedPages(path: path, pages: damagedPages)
        }
    }
}

/// Compares the data file with its checksums, in steps of 1 MiB.
///
/// Each step is independent: it holds the checkpoint lock, so that no process writes to the data
/// file or its headers, and compares the next pages with the header of that moment. Between two
/// steps any process may commit, checkpoint, grow or compact: whether a page is right does not
/// depend on the pages before it.
struct Scrubber {
    let dataFile: DataFile
    let view: HeapView
    let participation: Participation
    let lock: CheckpointLock

    init(_ heap: OpenHeap) {
        dataFile = heap.dataFile
        view = heap.view
        participation = heap.participation
        lock = heap.checkpointer.lock
    }

    /// Reads every page of the data file and compares it with its checksum. `look` runs a step in a
    /// read transaction, because the image is used where the data file is torn.
    ///
    /// Pages added to the heap meanwhile are not checked. `progress` is called between the steps
    /// with the number of pages done and in total. O(heap); reads through a buffer of 1 MiB, not
    /// through the mapping. If `parts` is not nil, only those pages are read.
    static func run(
        _ opening: OpenHeap, only parts: [Range<Int>]? = nil,
        looking look: ((OpenHeap) throws(HeapError) -> Void) throws(HeapError) -> Void,
        progress: ((_ done: Int, _ of: Int) -> Void)?
    ) throws(HeapError) -> PageReport {
        var scrub = Scrub(only: parts)
        while true {
            try look { (heap) throws(HeapError) in try Scrubber(heap).step(&scrub) }
            progress?(min(scrub.page, scrub.end), scrub.end)
            if opening.dataFile.options.isCancelled?() == true {
                throw HeapError.cancelled(path: opening.dataFile.path)
            }
            guard !scrub.isComplete else { return scrub.report }
            Scrubber(opening).letCheckpointsPass()
        }
    }

    func step(_ scrub: inout Scrub) throws(HeapError) {
        guard let file = dataFile.file else { throw HeapError.closed(path: dataFile.path) }
        var next = scrub
        if dataFile.isWritable {
            try lock.holding(waits: true) { () throws(HeapError) in
                let header = try dataFile.headerAndSize(of: file).0
                try step(of: &next, in: file, header)
            }
        } else {
            try stepWithoutLock(of: &next, in: file)
        }
        scrub = next
    }

    /// For a process without write permission, which cannot lock checkpoints out. A step is
    /// repeated if a header was written during it.
    private func stepWithoutLock(of scrub: inout Scrub, in file: any DiskFile) throws(HeapError) {
        for _ in 0 ..< 1000 {
            var next = scrub
            let header = try dataFile.headerAndSize(of: file).0
            var result: Result<Void, HeapError> = .success(())
            do throws(HeapError) { try step(of: &next, in: file, header) } catch {
                result = .failure(error)
            }
            guard try dataFile.headerAndSize(of: file).0.sequence == header.sequence else {
                continue
            }
            try result.get()
            scrub = next
            return
        }
        throw HeapError.timedOut(
            path: dataFile.path, waitingFor: "a checkpoint by another thread or process")
    }

    private func step(of scrub: inout Scrub, in file: any DiskFile, _ header: HeapHeader)
        throws(HeapError)
    {
        let base = try baseState(header, in: file, known: scrub.base)
        scrub.base = base
        do throws(SystemError) {
            try scrub.step(in: file, headersAreStill: base.isAtRest || dataFile.isWritable)
        } catch {
            throw HeapError(error)
        }
    }

    /// The state of the data file according to `header`; returns `known` if that is still current.
    private func baseState(
        _ header: HeapHeader, in file: any DiskFile, known: DataFileState?
    ) throws(HeapError) -> DataFileState {
        let shared = participation.sharedMemory
        let log = shared.flatMap { $0[.epoch] == 0 ? nil : $0 }
        let published = log?.loadInOrder(.published) ?? 0
        let moment = DataFileState.Moment(
            sequence: header.sequence, required: log?[.required] ?? 0, hasLog: log != nil,
            // With checkpoints locked out, later commits do not change the data file.
            published: dataFile.isWritable ? 0 : published)
        if let known, known.moment == moment { return known }
        let base = DataFileState(header, at: moment, isTorn: view.tornPages != nil)
        if let log, published > header.checkpointPosition {
            let lines = try lines(of: log, from: header)
            // An interrupted checkpoint may have written any of these pages, and cleared the pages
            // behind the lowest end. So may a running one, if it cannot be locked out.
            lines.forEachPage { base.logged.insert($0.number) }
            base.isTorn = !dataFile.isWritable || moment.required > header.checkpointPosition
            if base.isTorn {
                for pages in lines.formerChecksumPages() {
                    base.logged.formUnion(pages.clamped(to: 0 ..< base.end))
                }
                base.end = min(base.end, Int(lines.lowestHeapPages))
            }
            base.isAtRest = false
            base.mayBeTorn = base.mayBeTorn || moment.required > header.checkpointPosition
        } else if participation.fast.isUnregistered, header.logInUse {
            base.mayBeTorn = base.mayBeTorn || base.isTorn
            for page in 0 ..< min(base.end, view.image.byteCount / HeapLayout.pageBytes)
            where view.image.isPrivate(page: page) {
                base.logged.insert(page)
            }
            if let tornPages = view.tornPages {
                for pages in tornPages.pages {
                    base.logged.formUnion(pages.clamped(to: 0 ..< base.end))
                }
                base.end = min(base.end, tornPages.end)
            }
        }
        // From the data file itself; if that may be torn, from this process's image.
        if base.isTorn {
            base.freePages = PageWalk.freePages(
                base: view.image.base,
                end: min(view.committedPages, UInt64(view.image.byteCount / HeapLayout.pageBytes)))
        }
        return base
    }

    /// The lines in the log after `header`. Without the checkpoint lock the ring may grow or wrap
    /// meanwhile, which is not damage.
    private func lines(of log: SharedMemory, from header: HeapHeader) throws(HeapError) -> LineIndex
    {
        for _ in 0 ..< 1000 {
            let ring = try dataFile.translating { () throws(SystemError) in try log.ring() }
            let lines = LineIndex(
                of: ring, from: header, to: log.loadInOrder(.published), epoch: log[.epoch],
                keepsPagesBeyondEnd: true)
            if log.loadInOrder(.checkpoint) > header.checkpointPosition, !dataFile.isWritable {
                break
            }
            if Int(log[.capacity]) == ring.capacity, let lines { return lines }
            if Int(log[.capacity]) == ring.capacity { break }
        }
        throw HeapError.damagedLog(
            path: dataFile.path, logPath: log.file.path, lastWholeCommit: header.commitNumber)
    }

    /// Lets threads and processes that wait for the checkpoint lock run before the next step.
    /// Otherwise they would have to hit the short moment between two steps.
    func letCheckpointsPass() {
        guard let shared = participation.sharedMemory else {
            // An opening that is not registered cannot be told that another waits.
            SystemThread.sleep(microseconds: 200)
            return
        }
        while Deadline.isAhead(
            shared.loadInOrder(.checkpointWanted), byAtMost: CheckpointLock.longestWish)
        {
            SystemThread.sleep(microseconds: 100)
        }
    }
}
