import HoldfastEngine

/// The block that the handle of a collection leads to. It begins with a magic number.
@usableFromInline
protocol HandleHeader: BitwiseCopyable {
    /// The first four bytes of each header of this kind.
    static var magic: UInt32 { get }
    /// The alignment with which each header is allocated.
    static var blockAlignment: Int { get }
    /// The name of the collection in messages.
    static var kind: String { get }

    /// `Self.magic`, or 0 once the collection has been removed.
    var magic: UInt32 { get set }

    /// The header of an empty collection.
    init()
}

/// A collection with a header of its own: the common part of arrays, deques, maps and sorted maps.
///
/// The handle consists of the place of the header and the transaction in which it is valid. The
/// stored form is the place alone.
///
/// This protocol must not define `init()` in an extension. A literal's `init(arrayLiteral:)` takes
/// any number of elements, so that `Self()` matches it too, and a member of the type itself is
/// preferred to a member of a protocol extension: `Self()` would create an empty literal, which is
/// created by `Self()`. Each type therefore has an `init()` of its own.
@usableFromInline
protocol HeapHandle: PersistableContainer where Stored == RelativePointer<Mark> {
    /// The type that distinguishes the relative pointers to such headers.
    associatedtype Mark: BitwiseCopyable
    /// The header, at `offset`.
    associatedtype Header: HandleHeader

    /// The transaction that the handle belongs to.
    var access: HeapAccess { get }
    /// The place of the header.
    var offset: UInt64 { get }

    init(access: HeapAccess, offset: UInt64)

    /// Whether the elements own memory, and can therefore contain other collections.
    static var ownsContents: Bool { get }

    /// Traps if the fields of the header contradict each other or the heap.
    ///
    /// Code that allocates or computes by the fields is then safe in a damaged heap.
    func requireConsistent(_ header: UnsafeMutablePointer<Header>)

    /// Copies the contents of `other` into this collection, which is empty.
    func fill(with other: Self)

    /// Frees everything except the header. Returns the header, marked dirty and with its magic
    /// number checked.
    func freeContents() -> UnsafeMutablePointer<Header>
}

extension HeapHandle {
    /// The name of the collection in messages.
    static var kind: String { Header.kind }

    /// The header, for reading. A header without its magic number has been freed, because the
    /// collection was removed from its place. `operation` is what a trap says was done.
    @inlinable @inline(__always)
    func opened(_ operation: StaticString = #function) -> UnsafeMutablePointer<Header> {
        // `address` would trap as well, without the type.
        guard access.isOpen else { Self.trapNotOpen(access, offset, operation.utf8Start) }
        let header = access.address(offset, MemoryLayout<Header>.size).assumingMemoryBound(
            to: Header.self)
        guard header.pointee.magic == Header.magic else {
            Self.trapRemoved(access.context, header, operation.utf8Start)
        }
        requireConsistent(header)
        return header
    }

    /// The header, where the operation is not known.
    @inlinable @inline(__always)
    var header: UnsafeMutablePointer<Header> { opened("") }

    /// The header, marked dirty for changing.
    @inlinable @inline(__always)
    func openedForChange(
        _ operation: StaticString = #function
    ) -> UnsafeMutablePointer<Header> {
        let header = opened(operation)
        markHeader(operation)
        return header
    }

    /// Marks the header dirty. Traps in a read transaction.
    @inlinable @inline(__always)
    func markHeader(_ operation: StaticString = #function) {
        requireWritable(operation)
        access.markDirty(offset, MemoryLayout<Header>.size)
    }

    @inlinable @inline(__always)
    func requireConsistent(_ header: UnsafeMutablePointer<Header>) {}

    // MARK: The stored form

    @inlinable
    public static func load(_ stored: RelativePointer<Mark>, from access: HeapAccess) -> Self {
        Self(access: access, offset: stored.offset)
    }

    /// Copies `value` with all its elements. A new collection is taken over without a copy.
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
        Self(access: access, offset: 0).requireWritable("init()")
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
        // Without the magic number, a handle that is still in use traps.
        load(stored, from: access).freeContents().pointee.magic = 0
        access.free(
            stored.offset, byteCount: MemoryLayout<Header>.size, alignment: Header.blockAlignment)
        if ownsContents { access.leaveLevel() }
    }

    @inlinable
    public static var ownsMemory: Bool { true }
}

/// A collection that is stored as another collection: sets as maps without values, strings, bytes
/// and bit sets as arrays.
@usableFromInline
protocol WrappingHandle: PersistableContainer, StoredAsOther where Base: PersistableContainer {
    /// The collection that holds the contents.
    var base: Base { get }

    init(base: Base)
}

extension WrappingHandle {
    @inlinable
    public static func load(_ stored: Base.Stored, from access: HeapAccess) -> Self {
        Self(base: Base.load(stored, from: access))
    }

    /// Copies `value` with all its elements. A new collection is taken over without a copy.
    @inlinable
    public static func store(_ value: Self, in access: HeapAccess) -> Base.Stored {
        Base.store(value.base, in: access)
    }

    @inlinable
    public static func storeEmpty(in access: HeapAccess) -> Base.Stored {
        Base.storeEmpty(in: access)
    }
}
