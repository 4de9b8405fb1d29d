/// A state of a heap: later commits have later versions. Comparable between all processes that have
/// the heap open.
public struct HeapVersion: Hashable, Comparable, Sendable {
    /// Bytes of log ever committed, up to this version. Counts something else where there is no
    /// log.
    package let position: UInt64

    public static func < (left: HeapVersion, right: HeapVersion) -> Bool {
        left.position < right.position
    }

    /// Bytes of log that were written from `earlier` up to this version.
    package func bytes(since earlier: HeapVersion) -> Int {
        position > earlier.position ? Int(position - earlier.position) : 0
    }
}
