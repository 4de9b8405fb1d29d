import HoldfastArchive
import HoldfastEngine
import HoldfastSystem

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// An error of an archive. The cases say what each error means and how to respond to it.
public typealias ArchiveError = HoldfastArchive.ArchiveError

/// How far work on an archive has come, in bytes.
public typealias ArchiveProgress = HoldfastArchive.ArchiveProgress

/// What a run of an archive has added. See ``PersistentHeap/archive(to:keeping:limit:progress:)``.
public typealias ArchiveReport = HoldfastArchive.ArchiveReport

/// What a verification of an archive has found. See ``HeapArchive/verify(in:progress:)``.
public typealias ArchiveFindings = HoldfastArchive.ArchiveFindings

/// How much of its past an archive keeps.
public typealias ArchiveRetention = HoldfastArchive.Retention

/// A moment of a heap's history.
public typealias ArchiveMoment = HoldfastArchive.RestorationMoment

/// The history of a heap in a folder of segments: files that are written once and never changed.
///
/// ``PersistentHeap/archive(to:keeping:limit:progress:)`` adds to it what has been committed since
/// the last time. From it the heap can be restored as of any of its commits.
///
///     try heap.archive(to: "backup/inventory")          // now and then, or every second
///     …
///     let archive = HeapArchive("backup/inventory")
///     try archive.restore(to: "yesterday.heap", at: .time(…))
///
/// Segments are ordinary files: other programs can copy the folder to another machine, with `rsync`
/// or to an object store, at any time and in any order. What is there is usable up to the first
/// missing file.
///
/// A value; nothing is held open. Any thread, any number of processes: those that read take no
/// lock, and those that add, merge or remove exclude each other.
public struct HeapArchive: Sendable {
    /// The path of the folder.
    public let path: String

    /// The archive in the folder at `path`, whether or not there is one yet.
    public init(_ path: String) { self.path = path }

    var folder: ArchiveFolder { ArchiveFolder(path) }

    /// Returns the numbers of the first and the last commit that the archive has; nil if it has
    /// none. Commits in between may be missing if the archive has begun anew.
    ///
    /// - Throws: ``ArchiveError``.
    /// - Complexity: O(number of segments).
    public func commits() throws -> ClosedRange<UInt64>? {
        let catalogue = try ArchiveCatalogue(of: folder)
        guard let oldest = catalogue.oldest, let newest = catalogue.newest, oldest <= newest else {
            return nil
        }
        return oldest ... newest
    }

    /// A state of a heap that has been restored.
    public struct RestoredState: Equatable, Sendable {
        /// The number of its last commit.
        public let commit: UInt64
        /// When the last checkpoint up to it was made, in seconds since 1970.
        public let checkpointTime: UInt64
    }

    /// Makes a new heap file at `path`, as the heap was at `moment`.
    ///
    /// The new heap has all pages of the old one, byte for byte, and an identity of its own,
    /// because from here on it may be changed independently. All checksums on the way are compared,
    /// and where the archive knows it, the sum of the checksums of the heap's pages. The file
    /// appears at `path` when it is complete and durable, or not at all.
    ///
    /// A moment in time means the last checkpoint at or before it: each run of the archive makes
    /// one.
    ///
    /// - Throws: ``ArchiveError``, which names the file that is damaged, missing, misplaced or of
    ///   another heap; ``HeapError/alreadyExists(path:)`` if there is a file at `path` and
    ///   `replacing` is false; and what `progress` throws to cancel the work.
    /// - Complexity: O(size of the heap, and of what has changed since the base), from at most
    ///   eight files for each level. Memory: 16 MiB, and 8 bytes for each page.
    @discardableResult
    public func restore(
        to path: String, at moment: ArchiveMoment = .newest, replacing: Bool = false,
        progress: ((ArchiveProgress) throws -> Void)? = nil
    ) throws -> RestoredState {
        let heap = try ArchiveRestorer(folder).restore(
            to: path, at: moment, replacing: replacing, progress: progress)
        return RestoredState(
            commit: heap.state.place.commitNumber, checkpointTime: heap.state.time)
    }

    /// Runs `body` with the heap as it was at `moment`, for reading.
    ///
    /// It is restored to the folder for temporary files, or to `folder`, and removed afterwards.
    ///
    /// - Throws: As ``restore(to:at:replacing:progress:)`` does, and what `body` throws.
    public func withHeap<R>(
        at moment: ArchiveMoment, in folder: String? = nil,
        _ body: (PersistentHeap) throws -> R
    ) throws -> R {
        let place = Self.unusedPath(in: folder)
        try restore(to: place, at: moment)
        defer { try? SystemDisk.shared.remove(place) }
        let heap = try PersistentHeap.open(place, mode: .readOnly)
        defer { try? heap.close() }
        return try body(heap)
    }

    /// Reads the whole archive, compares all checksums in it, and makes each state again whose sum
    /// of page checksums it knows, to compare that too.
    ///
    /// The states are made in a file in the folder for temporary files, or in `folder`, of up to
    /// the size of the heap.
    ///
    /// - Throws: ``ArchiveError`` of the disk or the folder as a whole, and what `progress` throws
    ///   to cancel the work. What is wrong with the archive is in the findings.
    /// - Complexity: O(size of the archive).
    public func verify(
        in folder: String? = nil, progress: ((ArchiveProgress) throws -> Void)? = nil
    ) throws -> ArchiveFindings {
        try ArchiveRestorer(self.folder).verify(
            scratch: Self.unusedPath(in: folder), progress: progress)
    }

    /// A path for a temporary heap, in `folder` or the folder for temporary files.
    package static func unusedPath(in folder: String? = nil) -> String {
        (folder ?? FileManager.default.temporaryDirectory.path()) + "/holdfast-\(UUID()).heap"
    }

    /// Removes what is older than `retention` keeps, even where a large base has to be written for
    /// that.
    ///
    /// - Throws: ``ArchiveError``, and what `progress` throws to cancel the work.
    /// - Complexity: O(bytes of the segments up to the oldest moment that is kept).
    public func prune(
        keeping retention: ArchiveRetention, progress: ((ArchiveProgress) throws -> Void)? = nil
    ) throws {
        let change = try ArchiveChange(folder)
        defer { change.end() }
        _ = try ArchivePruner(change).prune(
            retention, now: CalendarClock.seconds, isForced: true, progress: progress)
    }
}
