import HoldfastFormat

/// The heap file that a restoration writes: one instance per file. After an error, or `abandon`,
/// nothing is left of it.
package protocol RestorationTarget {
    /// Makes pages read as zeros. They may reach beyond the heap's end.
    mutating func zero(pages: Range<Int>) throws
    /// Stores 1...65535 lines, in any order; later ones win.
    mutating func lay(firstLine: UInt64, _ lines: UnsafeRawBufferPointer) throws
    /// Ends an interval, or a part of one: everything from `heapPages` on is dropped, and reads as
    /// zeros if it becomes part of the heap again. Returns the sum, modulo 2^64, of the page
    /// checksums when asked for it, or nil if it does not know.
    mutating func settle(
        at place: HistoryPlace, heapPages: UInt64, wantsSum: Bool
    ) throws -> UInt64?
    /// Completes the file, gives it its name and makes it durable.
    mutating func finish(_ heap: RestoredHeap) throws
    /// Removes what has been written.
    mutating func abandon()
}

/// What a heap's header says, of a heap that has been restored.
package struct RestoredHeap: Equatable, Sendable {
    package var identity: HeapIdentity
    package var hashSeed: HeapIdentity
    /// Seconds since 1970.
    package var heapCreationTime: UInt64
    /// The state: its time is that of the last checkpoint before it.
    package var state: IntervalEnd

    package init(_ header: SegmentHeader, _ state: IntervalEnd) {
        identity = header.identity
        hashSeed = header.hashSeed
        heapCreationTime = header.heapCreationTime
        self.state = state
    }
}
