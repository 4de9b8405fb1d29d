import HoldfastEngine
import HoldfastFormat

/// An array in a heap: contiguous, and growing at the end in amortised constant time.
///
/// A `PersistentArray` is a handle. Copying it does not copy the elements, and a change through one
/// copy is visible through all, as with a class. It is valid inside its transaction; later use
/// traps with a message. In a read transaction it is read-only. Assigning it to a place in a heap
/// (`map["a"] = array`) copies the elements.
///
/// Elements are read and written as values. Elements that are themselves collections are accessed
/// as handles and changed in place: `table[3].append(7)`.
///
/// The array frees memory as elements are removed. A removal that leaves at most a quarter of the
/// capacity in use halves it, down to about 2 KiB. `removeAll()` frees those as well.
@frozen
public struct PersistentArray<Element: Persistable> {
    @usableFromInline package let access: HeapAccess
    /// The place of the header.
    @usableFromInline let offset: UInt64

    @inlinable
    init(access: HeapAccess, offset: UInt64) {
        self.access = access
        self.offset = offset
    }

    /// The header, at `offset`.
    @frozen @usableFromInline
    struct Header: HandleHeader {
        @inlinable static var magic: UInt32 { 0x5241_4648 }  // "HFAR"
        @inlinable static var blockAlignment: Int { MemoryLayout<Header>.alignment }
        @inlinable static var kind: String { "array" }
        @usableFromInline var magic: UInt32
        /// Incremented with every insertion and removal except appending, which moves no element
        /// that an iterator has still to visit. An iterator detects by it that it would skip
        /// elements or visit some twice.
        @usableFromInline var changes: UInt32 = 0
        @usableFromInline var count: UInt64 = 0
        /// The number of elements that fit into the buffer.
        @usableFromInline var capacity: UInt64 = 0
        /// The elements' stored forms, one after the other. 0 while the capacity is 0.
        @usableFromInline var buffer: UInt64 = 0

        @inlinable
        init() { magic = Header.magic }
    }

    @inlinable @inline(__always)
    static var stride: Int { MemoryLayout<Element.Stored>.stride }

    /// Makes code that allocates or iterates by the count safe with a damaged one.
    @inlinable @inline(__always)
    func requireConsistent(_ header: UnsafeMutablePointer<Header>) {
        guard header.pointee.count <= header.pointee.capacity,
            header.pointee.capacity <= access.context.pointee.byteCount
                / UInt64(truncatingIfNeeded: Self.stride)
        else { Handle.damaged(access, "array") }
    }

    /// Returns the address of `count` elements, beginning at `index`. The caller has checked
    /// `index` against the array's count.
    @inlinable @inline(__always)
    func elements(_ header: UnsafeMutablePointer<Header>) -> UnsafeMutablePointer<Element.Stored> {
        // The product cannot overflow past the bounds check: a count beyond the heap is rejected
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

    /// The number of elements.
    ///
    /// - Complexity: O(1).
    @inlinable
    public var count: Int { Int(truncatingIfNeeded: opened().pointee.count) }

    /// The number of elements that fit before the next growth.
    ///
    /// - Complexity: O(1).
    public var capacity: Int { Int(truncatingIfNeeded: opened().pointee.capacity) }

    @inlinable @inline(__always)
    func checked(
        _ index: Int, _ header: UnsafeMutablePointer<Header>, _ operation: StaticString = #function
    ) -> Int {
        guard UInt64(bitPattern: Int64(index)) < header.pointee.count else {
            Self.trapIndex(
                access.context, header, index, Int(truncatingIfNeeded: header.pointee.count),
                operation.utf8Start)
        }
        return index
    }

    /// The element at `index`. Traps if there is none. Setting an element frees everything that the
    /// old one owned.
    ///
    /// - Complexity: O(1).
    @inlinable
    public subscript(index: Int) -> Element {
        get {
            let place = elementOffset(checked(index, opened()))
            return Element.load(access.load(place, as: Element.Stored.self), from: access)
        }
        nonmutating set {
            if Element.ownsMemory { requireWritable() }
            let place = elementOffset(checked(index, opened()))
            let old = access.load(place, as: Element.Stored.self)
            let new = Element.store(newValue, in: access)
            requireWritable(at: place)
            access.store(new, of: Element.self, at: place)
            if Element.ownsMemory { Element.destroy(old, in: access) }
        }
    }

    @inlinable @inline(__always)
    func elementOffset(_ index: Int) -> UInt64 {
        header.pointee.buffer &+ UInt64(truncatingIfNeeded: index * Self.stride)
    }

    // MARK: Growing

    /// Adds an element at the end.
    ///
    /// - Complexity: Amortised O(1).
    @inlinable
    public func append(_ newElement: Element) {
        if Element.ownsMemory { requireOpenForChange() }
        // The element first: storing it may allocate, and the header must be consistent then.
        let stored = Element.store(newElement, in: access)
        append(stored: stored)
    }

    @inlinable
    package func append(stored: Element.Stored) {
        var header = opened("append(_:)")
        let count = header.pointee.count
        if count == header.pointee.capacity {
            grow(toHold: Int(truncatingIfNeeded: count) + 1)
            header = opened()
            if count == header.pointee.capacity { return }
        }
        markHeader("append(_:)")
        access.store(
            stored, of: Element.self,
            at: header.pointee.buffer &+ count &* UInt64(Self.stride))
        header.pointee.count = count + 1
    }

    /// Adds the elements of `newElements` at the end. The array itself may be the source.
    ///
    /// Plain values that are contiguous in memory (an `Array`, a `Data`, another array of the heap,
    /// a slice of one) are copied all at once.
    ///
    /// - Complexity: Amortised O(*m*), where *m* is the number of new elements.
    @inlinable
    public func append<S: Sequence>(contentsOf newElements: S) where S.Element == Element {
        let extra = newElements.underestimatedCount
        if extra > 0, !makeRoom(forMore: extra) { return }
        if Element.self == Element.Stored.self, appendContiguous(newElements) { return }
        for element in newElements { append(element) }
    }

    /// Reserves capacity for `minimumCapacity` elements in all, so that appending up to that count
    /// moves nothing.
    ///
    /// A removal that leaves three quarters of the capacity unused frees half of it.
    ///
    /// - Complexity: O(*n*), where *n* is the count.
    @inlinable
    public func reserveCapacity(_ minimumCapacity: Int) {
        if minimumCapacity > Int(truncatingIfNeeded: opened().pointee.capacity) {
            grow(toHold: minimumCapacity)
        }
    }

    /// Returns false if there is no memory. The transaction has then exceeded a limit, and the
    /// operation is skipped.
    @inlinable
    func makeRoom(forMore extra: Int) -> Bool {
        let (needed, overflows) = count.addingReportingOverflow(extra)
        reserveCapacity(overflows ? .max : needed)
        return !overflows && needed <= Int(truncatingIfNeeded: header.pointee.capacity)
    }

    /// Grows the buffer to at least `needed` elements, in place if the memory after it is free.
    /// Without memory nothing changes.
    @inlinable @inline(never)
    func grow(toHold needed: Int) {
        requireWritable("append(_:)")
        let stride = Swift.max(Self.stride, 1)
        let header = header
        let old = Int(truncatingIfNeeded: header.pointee.capacity)
        guard old >= 0, old <= Int(HeapLayout.maximumBytes) else { Handle.damaged(access, "array") }
        let wanted = access.grownCapacity(
            header.pointee.buffer, of: old, needed: needed, stride: stride)
        guard wanted <= Int(HeapLayout.maximumBytes) / stride else {
            return access.refuseAsTooLarge()
        }
        resize(toHold: wanted, header)
    }

    // MARK: Changing

    /// Inserts an element before `index`. Traps if `index` is greater than `count`.
    ///
    /// - Complexity: O(*n* - `index`), where *n* is the count.
    @inlinable
    public func insert(_ newElement: Element, at index: Int) {
        let count = count
        guard index >= 0, index <= count else { trap(.insertsOutOfRange, index, count) }
        append(newElement)
        guard index < count, self.count > count else { return }
        let inserted = access.load(elementOffset(count), as: Element.Stored.self)
        move(from: index, to: index + 1, count: count - index)
        access.store(inserted, of: Element.self, at: elementOffset(index))
        header.pointee.changes &+= 1
    }

    /// Removes and returns the element at `index`. Traps if there is none.
    ///
    /// Not available for elements that are collections, because removing one frees it. Copy its
    /// contents first and use ``removeElement(at:)``.
    ///
    /// - Complexity: O(*n* - `index`), where *n* is the count.
    @inlinable @discardableResult
    public func remove(at index: Int) -> Element where Element: PersistableValue {
        let value = self[index]
        removeElement(at: index)
        return value
    }

    /// Removes the element at `index` and frees everything that it owns. Traps if there is none.
    ///
    /// - Complexity: O(*n* - `index`), where *n* is the count.
    @inlinable
    public func removeElement(at index: Int) {
        let header = openedForChange()
        let place = elementOffset(checked(index, header))
        let old = access.load(place, as: Element.Stored.self)
        let count = Int(truncatingIfNeeded: header.pointee.count)
        move(from: index + 1, to: index, count: count - index - 1)
        header.pointee.count -= 1
        header.pointee.changes &+= 1
        if Element.ownsMemory { Element.destroy(old, in: access) }
        shrinkIfSparse(header)
    }

    /// Removes and returns the last element, or nil if there is none.
    ///
    /// - Complexity: O(1).
    @inlinable
    public func popLast() -> Element? where Element: PersistableValue {
        let count = count
        return count == 0 ? nil : remove(at: count - 1)
    }

    /// Removes and returns the last element. Traps if there is none.
    ///
    /// - Complexity: O(1).
    @inlinable @discardableResult
    public func removeLast() -> Element where Element: PersistableValue {
        remove(at: count - 1)
    }

    /// Removes all elements and frees everything that they own.
    ///
    /// - Complexity: O(*n*) if the elements own memory, where *n* is the count; otherwise O(1).
    @inlinable
    public func removeAll(keepingCapacity: Bool = false) {
        let header = openedForChange()
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
