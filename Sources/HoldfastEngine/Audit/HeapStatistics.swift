import HoldfastFormat

/// Figures of a heap at one moment; see `PersistentHeap.statistics()`. Sizes are in bytes.
///
/// The parts of the file add up: ``fileBytes`` = ``usedBytes`` + ``overheadBytes`` + ``freeBytes``,
/// unless the newest commits have grown the heap in the log but not yet in the file.
public struct HeapStatistics: Equatable, Sendable {
    /// Free and used blocks of one size.
    public struct BlockClass: Equatable, Sendable {
        /// Bytes of each block.
        public let blockBytes: Int
        /// Runs of pages that are split into such blocks.
        public let slabs: Int
        /// Blocks in use.
        public let usedBlocks: Int
        /// Blocks that are free.
        public let freeBlocks: Int

        /// Total bytes of the free blocks.
        public var freeBytes: Int { freeBlocks * blockBytes }
    }

    /// Free runs of similar length.
    public struct FreeRuns: Equatable, Sendable {
        /// The number of pages of such a run: from a power of two to just below the next.
        public let pageCounts: Range<Int>
        /// The number of runs.
        public let count: Int
        /// Total pages of these runs.
        public let pages: Int

        /// Total bytes of these runs.
        public var freeBytes: Int { pages * HeapLayout.pageBytes }
    }

    /// The state of a heap's files.
    public enum Condition: String, Sendable {
        /// All data is in the heap file, and there is no log.
        case atRest
        /// A process has the heap open for writing, and the log belongs to it.
        case inUse
        /// The last process to use it ended without closing it. Nothing is lost: the next opening
        /// replays the log.
        case notClosed
        /// There is no file: the heap and its log are in the memory of this process.
        case inMemory
    }

    /// The newest version of the format that this program knows.
    public static let currentFormatVersion = Int(HeapLayout.formatVersion)

    /// The version of the file's format.
    public internal(set) var formatVersion = Self.currentFormatVersion
    /// The heap's permanent identity, as hexadecimal digits.
    public internal(set) var identity: String
    /// The state of the heap's files.
    public internal(set) var condition = Condition.inMemory
    /// The length of the heap file; for a heap in memory, of the memory in its place.
    public internal(set) var fileBytes = 0
    /// Disk space of the heap file: less than its length if it has holes. For a heap in memory, the
    /// memory that it takes without the log and the private pages.
    public internal(set) var diskBytes = 0
    /// The minimum length of the file, whatever the heap needs; 0 if none was requested.
    public internal(set) var reservedBytes = 0
    /// The part of the file that the heap uses, up to the last page in use.
    public internal(set) var heapBytes = 0
    /// Blocks and runs of pages in use, each as allocated: rounded up to a size class or to whole
    /// pages.
    public internal(set) var usedBytes = 0
    /// Headers, the page map, checksums, and the headers and unusable remainders of slabs.
    public internal(set) var overheadBytes = 0
    /// Free pages, free blocks in slabs, and the space between the heap's end and the file's end.
    public internal(set) var freeBytes = 0
    /// The part of ``freeBytes`` that lies behind the heap's end.
    public internal(set) var freeTailBytes = 0
    /// The part of ``freeBytes`` in free pages inside the heap, as runs grouped by length, the
    /// shortest first. Lengths without runs are omitted.
    public internal(set) var freeRuns: [FreeRuns] = []
    /// Pages of the longest free run.
    public internal(set) var longestFreeRun = 0
    /// Size classes that have slabs in the heap, the smallest first.
    public internal(set) var blockClasses: [BlockClass] = []
    /// Blocks and runs in use.
    public internal(set) var usedBlocks = 0
    /// Commits since the heap was created; a bulk build counts as one.
    public internal(set) var commits = 0
    /// Bytes of log that are not in the heap file yet.
    public internal(set) var logBytes = 0
    /// Commits that are not in the heap file yet.
    public internal(set) var logCommits = 0
    /// Total length of the files beside the heap file.
    public internal(set) var logFileBytes = 0
    /// Bytes of memory in which this process keeps pages for its open views, so that they hold no
    /// log. See ``OpenView/heldLogBytes``.
    public internal(set) var keptBytes = 0
    /// The heap's creation time in seconds since 1970; 0 if the file does not record it.
    public internal(set) var creationSeconds = 0
    /// The time of the last checkpoint in seconds since 1970; 0 if the file does not record it.
    public internal(set) var checkpointSeconds = 0
    /// The openings of the heap by other processes, and further openings by this process, as far as
    /// they are registered. Readers without permission to write beside the heap are not.
    public internal(set) var otherOpenings: [OpenView] = []

    /// Fragmentation of the free space inside the heap: the fraction of it that lies outside the
    /// longest free run. 0 if all free space is contiguous, or if there is none; near 1 if it lies
    /// in many small pieces, so that a large block is only available by extending the heap.
    public var fragmentation: Double {
        let free = freeBytes - freeTailBytes
        return free > 0 ? 1 - Double(longestFreeRun * HeapLayout.pageBytes) / Double(free) : 0
    }
}
