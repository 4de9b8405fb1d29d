import HoldfastEngine
import HoldfastFormat

/// An array that lives in a heap: contiguous, growing at the end in amortised constant time.
///
/// A `PersistentArray` is a handle: copying it does not copy the elements, and a change through one
/// copy is seen through all, as with a class. It is valid inside its transaction; used later, it
/// traps with a sentence. In a read transaction it can only be read. Assigning it to a place in a
/// heap (`map["a"] = array`) copies the elements.
///
/// Elements are read and written as values. Elements that are themselves collections are reached as
/// handles and changed in place: `table[3].append(7)`.
///
/// Memory is given back as the array gets emptier: a removal that leaves no more than a quarter of
/// the capacity in use halves it, until about 2 KiB are left, which `removeAll()` frees.
@frozen
public struct PersistentArray<Element: Persistable> {
    @usableFromInline package let access: HeapAccess
    /// Where the header lies.
    @usableFromInline let offset: UInt64

    @inlinable
    init(access: HeapAccess, offset: UInt64) {
        self.access = access
        self.offset = offset
    }

    /// What lies at `offset`.
    @frozen @usableFromInline
    struct Header: BitwiseCopyable {
        @usableFromInline static var magic: UInt32 { 0x5241_4648 }  // "HFAR"
        @usableFromInline var magic: UInt32
        /// Goes up with every insertion and removal but appending, which moves nothing that a walk
        /// has still to come to; shows a walk that it would skip elements, or come upon some twice.
        @usableFromInline var changes: UInt32 = 0
        @usableFromInline var count: UInt64 = 0
        /// Elements that fit the buffer.
        @usableFromInline var capacity: UInt64 = 0
        /// The elements' stored forms, one after the other; 0 while capacity is 0.
        @usableFromInline var buffer: UInt64 = 0

        @inlinable
        init() { magic = Header.magic }
    }

    @inlinable @inline(__always)
    static var stride: Int { MemoryLayout<Element.Stored>.stride }

    /// The header, for reading. A header without its magic number has been freed: the array was
    /// removed from where it lay.
    @inlinable @inline(__always)
    var header: UnsafeMutablePointer<Header> {
        let header = access.address(offset, MemoryLayout<Header>.size).assumingMemoryBound(
            to: Header.self)
        guard header.pointee.magic == Header.magic else { Handle.removed(access, "array") }
        // So that what allocates or goes on by the count does not go astray with a damaged one.
        guard header.pointee.count <= header.pointee.capacity,
            header.pointee.capacity <= access.context.pointee.byteCount
                / UInt64(truncatingIfNeeded: Self.stride)
        else { Handle.damaged(access, "array") }
        return header
    }

    /// The header, noted for changing.
    @inlinable @inline(__always)
    var writableHeader: UnsafeMutablePointer<Header> {
        let header = header
        access.markDirty(offset, MemoryLayout<Header>.size)
        return header
    }

    /// The address of `count` elements from `index` on; the caller has checked `index` against the
    /// array's count.
    @inlinable @inline(__always)
    func elements(_ header: UnsafeMutablePointer<Header>) -> UnsafeMutablePointer<Element.Stored> {
        // The product cannot overflow past the bounds check: a count beyond the heap is refused
        // before it is multiplied.
        let count = Int(truncatingIfNeeded: header.pointee.count)
        guard count >= 0, count <= Int.max / Swift.max(Self.stride, 1) else {
            Handle.damaged(access, "array")
        }
        guard
            header.pointee.buffer
                & UInt64(truncatingIfNeeded: MemoryLayout<Element.Stored>.alignment &- 1) == 0
        else {
            Handle.damaged(access, "array")
        }
        return access.address(header.pointee.buffer, count * Self.stride).assumingMemoryBound(
            to: Element.Stored.self)
    }

    // MARK: Reading

    /// The number of elements. O(1).
    @inlinable
    public var count: Int { Int(truncatingIfNeeded: header.pointee.count) }

    /// Elements that fit before the next growth. O(1).
    public var capacity: Int { Int(truncatingIfNeeded: header.pointee.capacity) }

    @inlinable @inline(__always)
    func checked(_ index: Int, _ header: UnsafeMutablePointer<Header>) -> Int {
        guard UInt64(bitPattern: Int64(index)) < header.pointee.count else {
            Handle.indexOutOfRange(index, Int(truncatingIfNeeded: header.pointee.count))
        }
        return index
    }

    /// The element at `index`; traps if there is none. Setting frees what the old element owned.
    /// O(1).
    @inlinable
    public subscript(index: Int) -> Element {
        get {
            let header = header
            return Element.load(elements(header)[checked(index, header)], from: access)
        }
        nonmutating set {
            let place = elementOffset(checked(index, header))
            let old = access.load(place, as: Element.Stored.self)
            access.store(Element.store(newValue, in: access), at: place)
            if Element.ownsMemory { Element.destroy(old, in: access) }
        }
    }

    @inlinable @inline(__always)
    func elementOffset(_ index: Int) -> UInt64 {
        header.pointee.buffer &+ UInt64(truncatingIfNeeded: index * Self.stride)
    }

    // MARK: Growing

    /// Adds an element at the end. Amortised O(1).
    @inlinable
    public func append(_ newElement: Element) {
        // The element first: storing it may allocate, and the header must not be half changed then.
        let stored = Element.store(newElement, in: access)
        append(stored: stored)
    }

    @inlinable
    package func append(stored: Element.Stored) {
        var header = header
        let count = header.pointee.count
        if count == header.pointee.capacity {
            grow(toHold: Int(truncatingIfNeeded: count) + 1)
            header = self.header
            if count == header.pointee.capacity { return }
        }
        access.markDirty(offset, MemoryLayout<Header>.size)
        access.store(stored, at: header.pointee.buffer &+ count &* UInt64(Self.stride))
        header.pointee.count = count + 1
    }

    /// Adds the elements of `newElements` at the end; the array itself can be among them. O(their
    /// number), amortised.
    ///
    /// Plain values that lie one behind the other (an `Array`, a `Data`, another array of the heap,
    /// a slice of one) are copied all at once.
    @inlinable
    public func append<S: Sequence>(contentsOf newElements: S) where S.Element == Element {
        let extra = newElements.underestimatedCount
        if extra > 0, !makeRoom(forMore: extra) { return }
        if Element.self == Element.Stored.self, appendContiguous(newElements) { return }
        for element in newElements { append(element) }
    }

    /// Makes room for `minimumCapacity` elements in all, so that appending up to there moves
    /// nothing. O(count). A removal that leaves three quarters of the room free gives half of it
    /// back.
    @inlinable
    public func reserveCapacity(_ minimumCapacity: Int) {
        if minimumCapacity > Int(truncatingIfNeeded: header.pointee.capacity) {
            grow(toHold: minimumCapacity)
        }
    }

    /// False if there is none: then the transaction is lost, and what needs the room is left out.
    @inlinable
    func makeRoom(forMore extra: Int) -> Bool {
        let (needed, overflows) = count.addingReportingOverflow(extra)
        reserveCapacity(overflows ? .max : needed)
        return !overflows && needed <= Int(truncatingIfNeeded: header.pointee.capacity)
    }

    /// Moves to a buffer for at least `needed` elements, in place where the heap has room behind
    /// it. Nothing changes where there is no room at all.
    @inlinable @inline(never)
    func grow(toHold needed: Int) {
        guard access.isWritable else { Misuse.writeInReadTransaction() }
        let stride = Swift.max(Self.stride, 1)
        let header = header
        let old = Int(truncatingIfNeeded: header.pointee.capacity)
        guard old >= 0, old <= Int(HeapLayout.maximumBytes) else { Handle.damaged(access, "array") }
        let wanted = Swift.max(needed, old + Growth.step(old, stride: stride))
        guard wanted <= Int(HeapLayout.maximumBytes) / stride else {
            return access.refuseAsTooLarge()
        }
        resize(toHold: wanted, header)
    }

    // MARK: Changing

    /// Inserts an element before `index`; traps if `index` is beyond `count`. O(count - index).
    @inlinable
    public func insert(_ newElement: Element, at index: Int) {
        let count = count
        guard index >= 0, index <= count else { Handle.indexOutOfRange(index, count) }
        append(newElement)
        guard index < count, self.count > count else { return }
        let inserted = access.load(elementOffset(count), as: Element.Stored.self)
        move(from: index, to: index + 1, count: count - index)
        access.store(inserted, at: elementOffset(index))
        header.pointee.changes &+= 1
    }

    /// Removes and returns the element at `index`; traps if there is none. O(count - index).
    ///
    /// Returns nothing for collections, which are freed: copy out what you need first.
    @inlinable @discardableResult
    public func remove(at index: Int) -> Element where Element: PersistableValue {
        let value = self[index]
        removeElement(at: index)
        return value
    }

    /// Removes the element at `index` and frees what it owns; traps if there is none. O(count -
    /// index).
    @inlinable
    public func removeElement(at index: Int) {
        let header = writableHeader
        let place = elementOffset(checked(index, header))
        let old = access.load(place, as: Element.Stored.self)
        let count = Int(truncatingIfNeeded: header.pointee.count)
        move(from: index + 1, to: index, count: count - index - 1)
        header.pointee.count -= 1
        header.pointee.changes &+= 1
        if Element.ownsMemory { Element.destroy(old, in: access) }
        shrinkIfSparse(header)
    }

    /// Removes and returns the last element, or nil if there is none. O(1).
    @inlinable
    public func popLast() -> Element? where Element: PersistableValue {
        let count = count
        return count == 0 ? nil : remove(at: count - 1)
    }

    /// Removes and returns the last element; traps if there is none. O(1).
    @inlinable @discardableResult
    public func removeLast() -> Element where Element: PersistableValue {
        remove(at: count - 1)
    }

    /// Removes all elements and frees what they own. O(count) if they own something, else O(1).
    @inlinable
    public func removeAll(keepingCapacity: Bool = false) {
        let header = writableHeader
        destroyElements(header)
        header.pointee.count = 0
        header.pointee.changes &+= 1
        if !keepingCapacity { freeBuffer(header) }
    }

    @inlinable
    func move(from source: Int, to target: Int, count: Int) {
        guard count > 0 else { return }
        let bytes = count * Self.stride
        let destination = access.writableAddress(elementOffset(target), bytes)
        destination.copyMemory(from: access.address(elementOffset(source), bytes), byteCount: bytes)
    }

    @inlinable
    func destroyElements(_ header: UnsafeMutablePointer<Header>) {
        guard Element.ownsMemory else { return }
        for index in 0 ..< Int(truncatingIfNeeded: header.pointee.count) {
            Element.destroy(elements(header)[index], in: access)
        }
    }

    @inlinable
    func freeBuffer(_ header: UnsafeMutablePointer<Header>) {
        guard header.pointee.capacity > 0 else { return }
        access.free(
            header.pointee.buffer,
            byteCount: Int(truncatingIfNeeded: header.pointee.capacity) * Swift.max(Self.stride, 1),
            alignment: MemoryLayout<Element.Stored>.alignment)
        header.pointee.capacity = 0
        header.pointee.buffer = 0
    }
}
