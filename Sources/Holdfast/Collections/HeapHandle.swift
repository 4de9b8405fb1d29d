import HoldfastEngine

/// What lies where the handle of a collection leads to: a block that begins with a number which
/// says what it is.
@usableFromInline
protocol HandleHeader: BitwiseCopyable {
    /// The first four bytes of each such block.
    static var magic: UInt32 { get }
    /// What each is allocated with.
    static var blockAlignment: Int { get }
    /// What the collection is called in messages.
    static var kind: String { get }

    /// `Self.magic`; 0 once the collection has been removed.
    var magic: UInt32 { get set }

    /// The header of an empty collection.
    init()
}

/// A collection that lies behind a header of its own: what arrays, deques, maps and sorted maps
/// have in common.
///
/// The handle is the place of the header and the transaction that it is valid in. As a stored form
/// it is the place alone.
@usableFromInline
protocol HeapHandle: PersistableContainer where Stored == RelativePointer<Mark> {
    /// What a relative pointer is marked with that leads to such a header.
    associatedtype Mark: BitwiseCopyable
    /// What lies at `offset`.
    associatedtype Header: HandleHeader

    /// The transaction that the handle belongs to.
    var access: HeapAccess { get }
    /// Where the header lies.
    var offset: UInt64 { get }

    init(access: HeapAccess, offset: UInt64)

    /// Whether what the collection holds owns memory, and may hold others like it.
    static var ownsContents: Bool { get }

    /// Traps if the header's words contradict each other or the heap, so that what allocates by
    /// them, or computes with them, does not go astray in a damaged heap.
    func requireConsistent(_ header: UnsafeMutablePointer<Header>)

    /// Copies the contents of `other` into this one, which is empty.
    func fill(with other: Self)

    /// Notes the header for changing, and frees everything but the header.
    func freeContents()
}

extension HeapHandle {
    /// The header's address, whatever lies there.
    @inlinable @inline(__always)
    var uncheckedHeader: UnsafeMutablePointer<Header> {
        access.address(offset, MemoryLayout<Header>.size).assumingMemoryBound(to: Header.self)
    }

    /// The header, for reading. A header without its magic number has been freed: the collection
    /// was removed from where it lay.
    @inlinable @inline(__always)
    var header: UnsafeMutablePointer<Header> {
        let header = uncheckedHeader
        guard header.pointee.magic == Header.magic else { Handle.removed(access, Header.kind) }
        requireConsistent(header)
        return header
    }

    /// The header, noted for changing.
    @inlinable @inline(__always)
    var writableHeader: UnsafeMutablePointer<Header> {
        let header = header
        access.note(offset, MemoryLayout<Header>.size)
        return header
    }

    @inlinable @inline(__always)
    func requireConsistent(_ header: UnsafeMutablePointer<Header>) {}

    // MARK: The stored form

    /// An empty collection for a field of a new record: it is made in the heap when the record is
    /// stored. Until then it must not be used.
    @inlinable
    public init() { self.init(access: .detached, offset: 0) }

    @inlinable
    public static func load(_ stored: RelativePointer<Mark>, from access: HeapAccess) -> Self {
        Self(access: access, offset: stored.offset)
    }

    /// Copies `value` with all that it holds; a new one is taken over as it is.
    @inlinable
    public static func store(_ value: Self, in access: HeapAccess) -> RelativePointer<Mark> {
        if access.takeNewCollection(value.offset, of: value.access) {
            return Stored(offset: value.offset)
        }
        let stored = storeEmpty(in: access)
        if value.access.isDetached { return stored }
        guard !ownsContents || access.enterLevel() else {
            access.postpone(following: value.access) {
                load(stored, from: access).fill(with: value)
            }
            return stored
        }
        load(stored, from: access).fill(with: value)
        if ownsContents { access.leaveLevel() }
        return stored
    }

    @inlinable
    public static func storeEmpty(in access: HeapAccess) -> RelativePointer<Mark> {
        guard access.isWritable else { Misuse.writeInReadTransaction() }
        let offset = access.allocate(
            byteCount: MemoryLayout<Header>.size, alignment: Header.blockAlignment)
        access.store(Header(), at: offset)
        return Stored(offset: offset)
    }

    @inlinable
    public static func destroy(_ stored: RelativePointer<Mark>, in access: HeapAccess) {
        guard !ownsContents || access.enterLevel() else {
            return access.postpone(following: access) { destroy(stored, in: access) }
        }
        let handle = load(stored, from: access)
        handle.freeContents()
        // Without its magic number, a handle that is still in use traps.
        handle.uncheckedHeader.pointee.magic = 0
        access.free(
            stored.offset, byteCount: MemoryLayout<Header>.size, alignment: Header.blockAlignment)
        if ownsContents { access.leaveLevel() }
    }

    @inlinable
    public static var ownsMemory: Bool { true }
}

/// A collection that is another one seen in another way: sets are maps without values, strings and
/// bytes are arrays.
@usableFromInline
protocol WrappingHandle: PersistableContainer where Stored == Base.Stored {
    associatedtype Base: PersistableContainer

    /// What the collection is made of.
    var base: Base { get }

    init(base: Base)
}

extension WrappingHandle {
    @inlinable
    public static func load(_ stored: Base.Stored, from access: HeapAccess) -> Self {
        Self(base: Base.load(stored, from: access))
    }

    /// Copies `value` with all that it holds.
    @inlinable
    public static func store(_ value: Self, in access: HeapAccess) -> Base.Stored {
        Base.store(value.base, in: access)
    }

    @inlinable
    public static func storeEmpty(in access: HeapAccess) -> Base.Stored {
        Base.storeEmpty(in: access)
    }

    @inlinable
    public static func destroy(_ stored: Base.Stored, in access: HeapAccess) {
        Base.destroy(stored, in: access)
    }

    @inlinable
    public static var ownsMemory: Bool { true }

    public static func verify(at place: UInt64, in verification: inout some BlockVerifier) {
        Base.verify(at: place, in: &verification)
    }

    public static func moveOwned(at place: UInt64, by mover: BlockMover) {
        Base.moveOwned(at: place, by: mover)
    }
}
