import HoldfastFormat

/// Figures of a heap, as of one moment; see `PersistentHeap.statistics()`. Sizes are bytes.
///
/// The file is divided without a rest: ``fileBytes`` = ``usedBytes`` + ``overheadBytes`` +
/// ``freeBytes``, unless the newest commits have grown the heap in the log and not in the file yet.
public struct HeapStatistics: Equatable, Sendable {
    /// Free and used blocks of one size.
    public struct BlockClass: Equatable, Sendable {
        /// Bytes of each block.
        public let blockBytes: Int
        /// Runs of pages that are cut into such blocks.
        public let slabs: Int
        /// Blocks in use.
        public let usedBlocks: Int
        /// Blocks that are free.
        public let freeBlocks: Int

        /// Bytes of the free blocks together.
        public var freeBytes: Int { freeBlocks * blockBytes }
    }

    /// Free runs of about the same length.
    public struct FreeRuns: Equatable, Sendable {
        /// How many pages such a run has: from a power of two to just below the next.
        public let pageCounts: Range<Int>
        /// How many there are.
        public let count: Int
        /// Pages of all of them together.
        public let pages: Int

        /// Bytes of all of them together.
        public var freeBytes: Int { pages * HeapLayout.pageBytes }
    }

    /// In which state a heap's files are.
    public enum Condition: String, Sendable {
        /// Everything is in the heap file, and there is no log.
        case atRest
        /// A process has it open for writing, and the log belongs to it.
        case inUse
        /// Whoever used it has ended without closing it. Nothing is lost: the log is replayed by
        /// whoever opens it next.
        case notClosed
        /// There is no file.
        case inMemory
    }

    /// The newest version of the format that this program knows.
    public static let currentFormatVersion = Int(HeapLayout.formatVersion)

    /// The version of the file's format.
    public internal(set) var formatVersion = Self.currentFormatVersion
    /// The heap's name for life, as hexadecimal digits.
    public internal(set) var identity: String
    /// The state of the heap's files.
    public internal(set) var condition = Condition.inMemory
    /// The length of the heap file. 0 for a heap in memory.
    public internal(set) var fileBytes = 0
    /// What the heap file takes of the disk: less than its length where it has holes.
    public internal(set) var diskBytes = 0
    /// The length that the file keeps at least, whatever the heap needs; 0 if none was asked for.
    public internal(set) var reservedBytes = 0
    /// The part of the file that the heap uses, up to the last page in use.
    public internal(set) var heapBytes = 0
    /// Blocks and runs of pages in use, each as it was allocated: rounded up to a size class, or to
    /// whole pages.
    public internal(set) var usedBytes = 0
    /// Headers, the page map, checksums, and what slabs need for themselves or have left over.
    public internal(set) var overheadBytes = 0
    /// Free pages, free blocks in slabs, and the room between the heap's end and the file's.
    public internal(set) var freeBytes = 0
    /// Of that, the room behind the heap's end.
    public internal(set) var freeTailBytes = 0
    /// Of that, free pages inside the heap, in runs by their lengths, the shortest first; only
    /// lengths that there are.
    public internal(set) var freeRuns: [FreeRuns] = []
    /// Pages of the longest free run.
    public internal(set) var longestFreeRun = 0
    /// Size classes that the heap has slabs of, the smallest first.
    public internal(set) var blockClasses: [BlockClass] = []
    /// Blocks and runs in use.
    public internal(set) var usedBlocks = 0
    /// Commits since the heap was made; a bulk build counts as one.
    public internal(set) var commits = 0
    /// Bytes of log that the heap file does not have yet.
    public internal(set) var logBytes = 0
    /// Commits that the heap file does not have yet.
    public internal(set) var logCommits = 0
    /// The lengths of the files beside the heap file, together.
    public internal(set) var logFileBytes = 0
    /// Seconds since 1970 when the heap was made; 0 where the file does not say.
    public internal(set) var creationSeconds = 0
    /// Seconds since 1970 when the log was last moved into the heap file; 0 where the file does not
    /// say.
    public internal(set) var checkpointSeconds = 0
    /// The openings of the heap by other processes, and further ones by this process, as far as
    /// they are registered: readers that have no right to write beside the heap are not.
    public internal(set) var otherOpenings: [OpenView] = []

    /// How broken up the free space inside the heap is: the share of it that is not in the longest
    /// run of free pages. 0 if all free space is in one piece, or if there is none; near 1 if it
    /// lies in many small pieces, so that a large block could only be had by making the heap
    /// longer.
    public var fragmentation: Double {
        let free = freeBytes - freeTailBytes
        return free > 0 ? 1 - Double(longestFreeRun * HeapLayout.pageBytes) / Double(free) : 0
    }
}
