import Holdfast
import HoldfastEngine

/// What one root takes of a heap; see ``HeapPages/roots``.
public struct RootUse: Hashable, Sendable {
    /// Its name and type.
    public let root: Root
    /// Bytes of all blocks that it leads to, as they were allocated, that is, rounded up to size
    /// classes and pages. A record that several roots refer to counts for one of them.
    public let bytes: Int
    /// How many blocks those are.
    public let blocks: Int
    /// Whether this program knows its type. If not, it was not followed, and `bytes` and `blocks`
    /// are 0.
    public let isFollowed: Bool
}
