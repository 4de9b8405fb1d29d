import HoldfastFormat
import HoldfastSystem

/// What a scrub has found.
public struct PageReport: Equatable, Sendable {
    /// Pages of 4096 bytes that were compared with their checksums.
    public var checkedPages = 0
    /// Pages that have changed since a checkpoint; what is new in them stands in the log, with
    /// checksums of its own. They are compared too, unless a checkpoint was cut short while it
    /// wrote them.
    public var loggedPages = 0
    /// Pages that do not hold what they should, in ascending order.
    public var damagedPages: [Int] = []

    public init() {}

    func requireSound(path: String) throws(HeapError) {
        guard damagedPages.isEmpty else {
            throw HeapError.damagedPages(path: path, pages: damagedPages)
        }
    }
}

/// Compares the data file with its checksums, in steps of a mebibyte.
///
/// Each step stands for itself: it holds the checkpoint lock, so that no process writes to the data
/// file or its headers, and compares the next pages with what the header says at that moment.
/// Between two steps any process may go on, make checkpoints, grow, compact: a page is right or
/// wrong by itself, whatever has become of those before it.
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
    /// read transaction: the image counts where the data file is torn.
    ///
    /// Pages that the heap gets meanwhile are not looked at. `progress` is called between the steps
    /// with the pages done and the pages in all. O(heap), read through a buffer of 1 MiB, not
    /// through the mapping.
    func run(
        looking look: (() throws(HeapError) -> Void) throws(HeapError) -> Void,
        progress: ((_ done: Int, _ of: Int) -> Void)?
    ) throws(HeapError) -> PageReport {
        var scrub = Scrub()
        while true {
            try look { () throws(HeapError) in try step(&scrub) }
            progress?(min(scrub.page, scrub.end), scrub.end)
            guard !scrub.isComplete else { return scrub.report }
            if dataFile.options.isCancelled?() == true {
                throw HeapError.cancelled(path: dataFile.path)
            }
            letCheckpointsPass()
        }
    }

    private func step(_ scrub: inout Scrub) throws(HeapError) {
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

    /// Who may not write the file cannot lock checkpoints out. A step beside which a header was
    /// written is made once more.
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

    /// What the base image is by `header`; `known` if that is still so.
    private func baseState(
        _ header: HeapHeader, in file: any DiskFile, known: DataFileState?
    ) throws(HeapError) -> DataFileState {
        let shared = participation.sharedMemory
        let log = shared.flatMap { $0[.epoch] == 0 ? nil : $0 }
        let published = log?.loadInOrder(.published) ?? 0
        let moment = DataFileState.Moment(
            sequence: header.sequence, required: log?[.required] ?? 0, hasLog: log != nil,
            // Where checkpoints are locked out, later commits change nothing of the base image.
            published: dataFile.isWritable ? 0 : published)
        if let known, known.moment == moment { return known }
        let base = DataFileState(header, at: moment, isTorn: view.tornPages != nil)
        if let log, published > header.checkpointPosition {
            let lines = try lines(of: log, from: header)
            // A checkpoint that was cut short may have written any of these, and cleared what lies
            // behind the lowest end. So may one that is under way where it cannot be locked out.
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
        // By what the base image says of itself; where that may be torn, by what this view says.
        if base.isTorn {
            let walk = PageWalk(
                base: view.image.base,
                end: min(view.committedPages, UInt64(view.image.byteCount / HeapLayout.pageBytes)))
            base.freePages = walk.filter { $0.kind == .free }.map(\.pages)
        }
        return base
    }

    /// The lines that the log has beyond `header`. Without the checkpoint lock the ring may grow or
    /// be used again meanwhile, which is no damage.
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

    /// Gives way to those who wait for the checkpoint lock, so that they need not meet the moment
    /// between two steps.
    private func letCheckpointsPass() {
        guard let shared = participation.sharedMemory else {
            // Nobody can say so to an opening that does not take part.
            SystemThread.sleep(microseconds: 200)
            return
        }
        while shared.loadInOrder(.checkpointWanted) > Deadline.now {
            SystemThread.sleep(microseconds: 100)
        }
    }
}
