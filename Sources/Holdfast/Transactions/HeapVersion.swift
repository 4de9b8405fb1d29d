/// A state of a heap. Later commits have later versions.
///
/// Versions can be compared between all processes that have the heap open.
public struct HeapVersion: Hashable, Comparable, Sendable {
    /// The number of log bytes ever committed, up to this version. A heap without a log counts
    /// commits differently.
    package let position: UInt64

    public static func < (left: HeapVersion, right: HeapVersion) -> Bool {
        left.position < right.position
    }

    /// Returns the number of log bytes written between `earlier` and this version.
    package func bytes(since earlier: HeapVersion) -> Int {
        position > earlier.position ? Int(position - earlier.position) : 0
    }
}
