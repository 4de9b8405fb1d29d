import HoldfastFormat

/// What an archive has to take next.
package enum PendingHistory {
    /// What has happened since the archive's last commit.
    case changes(QueuedHistory)
    /// The whole heap: it has no queue yet, or the queue does not continue the archive.
    case base(HistoryBase)
}

/// The history of the heap, for an archive.
extension HeapEngine {
    /// Makes a checkpoint, and returns what an archive that ends at `place` has to take; nil for a
    /// new archive. From here on the heap keeps what the archive has not taken, in the queue
    /// `NAME-archive`, up to `limit` bytes. Other threads and processes continue; writers wait for
    /// the checkpoint.
    ///
    /// Throws `noFile` for a heap in memory.
    package func pendingHistory(after place: HistoryPlace?, limit: Int) throws(HeapError)
        -> PendingHistory
    {
        guard !heap.dataFile.disk.isVolatile else { throw HeapError.noFile(path: path) }
        let found = try awake { () throws(HeapError) in
            try pool.maintain("heap.archive") { (work) throws(HeapError) in
                try work.pendingHistory(after: place, limit: UInt64(max(limit, 0))) {
                    () throws(HeapError) in try openSnapshot()
                }
            }
        }
        guard let found else { throw HeapError.noFile(path: path) }
        return found
    }

    /// Records that the archive has all of `history`, durably.
    package func archiveHas(_ history: QueuedHistory) throws(HeapError) {
        try awake { () throws(HeapError) in
            try heap.lifecycle.requireUsable()
            try archive.take(history)
        }
    }

    /// Gives up the queue: the next archive begins with a whole heap. `forGood`: the heap has no
    /// archive any more.
    package func endArchive(forGood: Bool) throws(HeapError) {
        try awake { () throws(HeapError) in
            try heap.lifecycle.requireUsable()
            try archive.end(forGood: forGood)
        }
    }

    /// When the heap was created, in seconds since 1970.
    package var creationTime: UInt64 {
        get throws(HeapError) {
            guard let file = heap.dataFile.file else { throw HeapError.closed(path: path) }
            return try heap.dataFile.headerAndSize(of: file).0.creationTime
        }
    }

    private var archive: ArchiveRegistration {
        ArchiveRegistration(dataFile: heap.dataFile, lock: heap.checkpointer.lock)
    }

    /// Passes pages of a snapshot to `body`, in pieces of at most 1 MiB. Throws `damagedPages` if a
    /// page does not match its checksum.
    func readingPages(
        _ ranges: [Range<Int>],
        _ body: (_ firstPage: Int, UnsafeRawBufferPointer) throws -> Void,
        progress: (_ done: Int) throws -> Void
    ) throws {
        let context = try beginRead()
        defer { endRead(context) }
        let heap = pool.openImage.heap
        let sound = CopiedPages(heap, for: path)
        var ahead = AscendingReads(heap.view.image)
        var done = 0
        for range in ranges {
            var first = range.lowerBound
            while first < range.upperBound {
                let end = min(range.upperBound, first + 256)
                ahead.reach(page: first)
                try sound.requireSound(first ..< end)
                try body(
                    first,
                    UnsafeRawBufferPointer(
                        start: heap.view.image.base + first * HeapLayout.pageBytes,
                        count: (end - first) * HeapLayout.pageBytes))
                done += end - first
                first = end
                try progress(done)
            }
        }
        try requireReadable()
    }
}
