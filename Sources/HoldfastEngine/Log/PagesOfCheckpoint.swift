import HoldfastFormat
import HoldfastSystem

/// Every page of the data file that a checkpoint may write, except checksum pages that were in use
/// at the checkpoint before: a snapshot reads none of those.
struct PagesOfCheckpoint {
    /// The log that the checkpoint empties, and up to where.
    private let log: (file: FileIdentity, epoch: UInt64)
    let target: UInt64
    private let changed: PageSet
    /// From here on the checkpoint clears everything.
    private let lowestEnd: Int

    init(_ lines: LineIndex, of log: RedoLog) throws(SystemError) {
        self.log = (try log.shared.file.fileIdentity(), log.epoch)
        target = lines.end
        lowestEnd = Int(lines.lowestHeapPages)
        var changed = PageSet()
        lines.forEachPage { changed.insert($0.number) }
        // Pages that have become checksum pages, which are not logged.
        for pages in lines.formerChecksumPages() {
            for page in pages { changed.insert(page) }
        }
        self.changed = changed
    }

    /// Whether that log is in `shared`.
    func belong(to shared: SharedMemory) -> Bool {
        shared[.epoch] == log.epoch && (try? shared.file.fileIdentity()) == log.file
    }

    /// Calls `body` with the pages below `end`, in no particular order.
    func forEach(below end: Int, _ body: (Int) -> Void) {
        for pages in changed.ranges {
            for page in pages.clamped(to: 0 ..< min(end, lowestEnd)) { body(page) }
        }
        for page in min(end, lowestEnd) ..< end { body(page) }
    }
}
