import HoldfastEngine

#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif

/// Figures of a heap as of one moment; see ``PersistentHeap/statistics()``.
public typealias HeapStatistics = HoldfastEngine.HeapStatistics

extension HeapStatistics {
    /// When the heap was made; nil where the file does not say.
    public var creationDate: Date? { Self.date(creationSeconds) }

    /// When the log was last moved into the heap file; nil where the file does not say.
    public var lastCheckpoint: Date? { Self.date(checkpointSeconds) }

    private static func date(_ seconds: Int) -> Date? {
        seconds > 0 ? Date(timeIntervalSince1970: TimeInterval(seconds)) : nil
    }
}

extension PersistentHeap {
    /// Figures of the file, the log, the free space, and everybody who has the heap open.
    ///
    /// Changes nothing, on the disk or for others, beside a view that is open meanwhile. O(runs of
    /// pages and slabs), not of the data. Any thread, waiting as `read` does; throws
    /// ``HeapError/replaced(path:)`` where the file has lost its name, and
    /// ``HeapError/damaged(path:what:)`` where the account of pages cannot be followed.
    public func statistics() throws(HeapError) -> HeapStatistics {
        try requireOpen()
        return try engine.statistics()
    }
}
