/// An entry of the page map: describes a page that begins or ends a run (Knuth's boundary tags, The
/// Art of Computer Programming 2.5).
///
/// Only the descriptors of the first and the last page of a run are valid. In slabs of several
/// pages all are, so that a block's slab can be found from any of them. In other runs, the
/// descriptors in between are stale and must not be read.
@frozen
public struct PageDescriptor: BitwiseCopyable, Equatable, Sendable {
    @frozen
    public enum Kind: UInt8, Sendable {
        case none = 0
        case free = 1
        case run = 2
        case slab = 3
        /// Headers, the allocator root and the parts of the page map.
        case metadata = 4
        /// A page of a slab other than its first; `pages` is the distance to the first.
        case slabInterior = 5
        // The last page of a run of more than one page; `pages` is the run's length.
        case freeTail = 6
        case runTail = 7
        case metadataTail = 8
    }

    @usableFromInline
    package var rawKind: UInt8
    /// Slabs only.
    public var sizeClass: UInt8
    package var reserved: UInt16 = 0
    public var pages: UInt32
    /// Free runs only: neighbours in the bin's list, 0 for none.
    package var next: UInt32 = 0
    package var previous: UInt32 = 0

    @inlinable
    package init(kind: Kind, sizeClass: UInt8 = 0, pages: UInt32) {
        rawKind = kind.rawValue
        self.sizeClass = sizeClass
        self.pages = pages
    }

    @inlinable
    public var kind: Kind { Kind(rawValue: rawKind) ?? .none }

    /// The descriptor for the last page of the run that this one begins.
    @inlinable
    package var tail: PageDescriptor {
        switch kind {
        case .free: PageDescriptor(kind: .freeTail, pages: pages)
        case .run: PageDescriptor(kind: .runTail, pages: pages)
        case .metadata: PageDescriptor(kind: .metadataTail, pages: pages)
        case .slab: PageDescriptor(kind: .slabInterior, sizeClass: sizeClass, pages: pages - 1)
        case .none, .slabInterior, .freeTail, .runTail, .metadataTail: self
        }
    }
}
