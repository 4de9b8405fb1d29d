import HoldfastArchive
import HoldfastEngine
import HoldfastSystem

/// A standby: a heap that follows the archive of another heap.
///
///     let follower = try HeapFollower(of: HeapArchive("backup/inventory"), at: "standby.heap")
///     while isNeeded {
///         try follower.catchUp()
///         …
///     }
///
/// Any process can open the standby for reading meanwhile. It sees whole states of the original, as
/// of the checkpoints that its archive has, and cannot change them: to write throws
/// ``HeapError/following(path:)``, until ``PersistentHeap/promote()`` makes it a heap of its own.
///
/// Which state the standby has is stored with its contents. So after a kill or a power cut on
/// either side it is at some state of the original, and goes on from there; and if anything else
/// has changed it, that is found.
///
/// Any thread.
public final class HeapFollower: Sendable {
    private let engine: HeapEngine
    private let archive: HeapArchive

    /// Opens the standby at `path`, or makes it from the archive if there is none.
    ///
    /// - Throws: ``ArchiveError/notFollowing(path:)`` if there is a heap at `path` that follows no
    ///   archive; other ``ArchiveError``, and ``HeapError``.
    /// - Complexity: O(size of the heap), if it is made.
    public convenience init(
        of archive: HeapArchive, at path: String,
        progress: ((ArchiveProgress) throws -> Void)? = nil
    ) throws {
        try self.init(
            of: archive, at: path, engineOptions: PersistentHeap.Options().engineOptions,
            progress: progress)
    }

    package init(
        of archive: HeapArchive, at path: String, engineOptions: EngineOptions,
        progress: ((ArchiveProgress) throws -> Void)?
    ) throws {
        if !SystemDisk.shared.exists(path) {
            try ArchiveRestorer(archive.folder, follows: true).restore(
                to: path, at: .newest, progress: progress)
        }
        var options = engineOptions
        options.createsIfMissing = false
        engine = try HeapEngine(path: path, mode: .readWrite, options: options)
        self.archive = archive
        do {
            guard try engine.followedPlace() != nil else {
                throw ArchiveError.notFollowing(path: path)
            }
        } catch {
            try? engine.close()
            throw error
        }
    }

    /// Stores everything that is new in the archive. Returns the number of the original's commit
    /// that the standby is at then.
    ///
    /// - Throws: ``ArchiveError``; ``ArchiveError/missingSegment(path:after:)`` if the archive has
    ///   begun anew, or does not reach back far enough: then remove the standby and make it again.
    ///   ``HeapError/parted(path:)`` if something else has changed the standby.
    /// - Complexity: O(bytes of the new segments). Each checkpoint's changes are one transaction.
    @discardableResult
    public func catchUp(progress: ((ArchiveProgress) throws -> Void)? = nil) throws -> UInt64 {
        try ArchiveFollower(engine, archive.folder).catchUp(progress: progress).commitNumber
    }

    /// Closes the standby.
    public func close() throws(HeapError) { try engine.close() }

    deinit { try? engine.close() }
}

extension PersistentHeap {
    /// Makes a standby (``HeapFollower``) a heap of its own, which can be changed and does not
    /// follow the archive any more. Durable on return. Does nothing for other heaps.
    ///
    /// The former original and this heap then go separate ways: their archives are different ones.
    public func promote() throws(HeapError) {
        try requireChangeableFile()
        try engine.promote()
    }
}
