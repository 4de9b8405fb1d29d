import HoldfastFormat
import HoldfastSystem

/// The archive's share of a heap: starts its queue, and removes what the archive has taken.
///
/// Any thread. Each call takes the checkpoint lock.
struct ArchiveRegistration {
    let dataFile: DataFile
    let lock: CheckpointLock

    /// What the queue has after `place`, up to the last checkpoint; nil if it does not continue
    /// from there.
    func history(after place: HistoryPlace) throws(HeapError) -> QueuedHistory? {
        try holding { (file, header) throws(SystemError) in
            guard let queue = ArchiveQueue.open(of: dataFile),
                let entries = try queue.entries(upTo: header.place)
            else { return nil }
            let first =
                entries.firstIndex { $0.entry.before == place }
                ?? (place == header.place ? entries.endIndex : nil)
            guard let first else { return nil }
            if header.pageSum == nil {
                header.pageSum = try entriesOfPages(file, header).sum
                try dataFile.writeNextHeader(&header, file)
            }
            return QueuedHistory(queue, entries[first...], before: place, checkpoint: header)
        }
    }

    /// Starts the queue anew at the last checkpoint. Returns its header, and the checksums of all
    /// pages; nil if the checkpoint is not at `position`.
    func startQueue(at position: UInt64, limit: UInt64) throws(HeapError)
        -> (HeapHeader, PageEntries)?
    {
        try holding { (file, header) throws(SystemError) in
            guard header.checkpointPosition == position else { return nil }
            let entries = try entriesOfPages(file, header)
            _ = try ArchiveQueue.start(of: dataFile, at: header.place, limit: limit)
            return (header, entries)
        }
    }

    /// Records that the archive has all of `history`, durably.
    func take(_ history: QueuedHistory) throws(HeapError) {
        try holding { (_, _) throws(SystemError) in
            // Another archive may have started it anew meanwhile.
            guard let queue = ArchiveQueue.open(of: dataFile), history.isPart(of: queue) else {
                return
            }
            try queue.take(upTo: history.after, offset: history.endOffset)
        }
    }

    /// Gives up the queue. `forGood`: the heap has no archive any more.
    func end(forGood: Bool) throws(HeapError) {
        try holding { (_, _) throws(SystemError) in
            if forGood {
                try ArchiveQueue.remove(of: dataFile)
            } else {
                ArchiveQueue.open(of: dataFile)?.abandon()
            }
        }
    }

    private func entriesOfPages(_ file: any DiskFile, _ header: HeapHeader) throws(SystemError)
        -> PageEntries
    {
        try PageEntries(
            of: file, PageChecksums(parts: header.pageMapParts), end: Int(header.heapPages))
    }

    private func holding<R>(
        _ body: (_ file: any DiskFile, inout HeapHeader) throws(SystemError) -> R
    ) throws(HeapError) -> R {
        try lock.holding(waits: true) { () throws(HeapError) in
            guard let file = dataFile.file else { throw HeapError.closed(path: dataFile.path) }
            var (header, _, _) = try dataFile.headerAndSize(of: file)
            return try dataFile.translating { () throws(SystemError) in try body(file, &header) }
        }!
    }
}
