import HoldfastEngine

#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif

/// Figures of a heap at one moment. See ``PersistentHeap/statistics()``.
public typealias HeapStatistics = HoldfastEngine.HeapStatistics

extension HeapStatistics {
    /// When the heap was created, or nil if the file does not record it.
    public var creationDate: Date? { Self.date(creationSeconds) }

    /// When the log was last moved into the heap file, or nil if the file does not record it.
    public var lastCheckpoint: Date? { Self.date(checkpointSeconds) }

    private static func date(_ seconds: Int) -> Date? {
        seconds > 0 ? Date(timeIntervalSince1970: TimeInterval(seconds)) : nil
    }
}

extension PersistentHeap {
    /// Returns figures of the file, the log, the free space, and all openings of the heap.
    ///
    /// Changes nothing on the disk or for other processes, except that a view is open during the
    /// call. Safe on any thread; waits like `read`.
    ///
    /// - Throws: ``HeapError/replaced(path:)`` if the path no longer names the open file;
    ///   ``HeapError/damaged(path:what:)`` if the page map is damaged.
    /// - Complexity: O(runs of pages and slabs), independent of the amount of data.
    public func statistics() throws(HeapError) -> HeapStatistics {
        try requireOpen()
        return try engine.statistics()
    }
}
