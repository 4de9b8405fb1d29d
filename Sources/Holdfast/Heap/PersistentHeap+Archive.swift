import HoldfastArchive
import HoldfastEngine

/// The heap's history in an archive.
extension PersistentHeap {
    /// Adds everything that has been committed since the last time to the archive in a folder,
    /// which is created if there is none.
    ///
    /// The first time, and after a gap, the whole heap is archived. From then on the heap keeps
    /// what checkpoints take from its log until the archive has it, in the file `NAME-archive`
    /// beside it; so nothing is missing between two runs, whoever opens, closes and recovers the
    /// heap meanwhile. Beyond `limit` bytes, by default 1 GiB, that file is given up, and the next
    /// run begins with the whole heap. A heap has one archive; see ``endArchive()``.
    ///
    /// Writers wait for a checkpoint, and otherwise go on, as all readers do. The run can be
    /// interrupted anywhere: the next one goes on.
    ///
    /// `retention` says how much of the past is kept; nil for everything. What is older is removed
    /// when that pays.
    ///
    /// - Throws: ``ArchiveError``; ``HeapError``, for example
    ///   ``HeapError/damagedPages(path:pages:)`` if a page that is archived does not match its
    ///   checksum; and what `progress` throws to cancel the work.
    /// - Complexity: O(bytes that have been logged since the last run), and now and then the
    ///   merging of eight segments; O(size of the heap) for a base.
    @discardableResult
    public func archive(
        to folder: String, keeping retention: ArchiveRetention? = nil, limit: Int = 1 << 30,
        progress: ((ArchiveProgress) throws -> Void)? = nil
    ) throws -> ArchiveReport {
        try requireChangeableFile()
        let place = ArchiveFolder(folder, rights: engine.fileRights)
        return try HeapArchiver(engine, place, queueLimit: limit).run(
            retention: retention, progress: progress)
    }

    /// Ends the archiving of this heap: it keeps nothing for an archive any more. The archive
    /// stays.
    public func endArchive() throws(HeapError) {
        try requireChangeableFile()
        try engine.endArchive(forGood: true)
    }
}
