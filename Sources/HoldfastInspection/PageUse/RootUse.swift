import Holdfast
import HoldfastEngine

/// The space that one root takes in a heap. See ``HeapPages/roots``.
public struct RootUse: Hashable, Sendable {
    /// The name and type of the root.
    public let root: Root
    /// The number of bytes in all blocks that the root leads to, as allocated: rounded up to size
    /// classes and pages. A record that several roots refer to counts for one of them.
    public let bytes: Int
    /// The number of those blocks.
    public let blocks: Int
    /// Whether this program knows the type. If not, the root was not followed, and `bytes` and
    /// `blocks` are 0.
    public let isFollowed: Bool
}
