import HoldfastEngine

// References to records in collections, so that their fields can be changed in place:
// `contacts[ref: 3].name = "Ada"`.

extension PersistentArray where Element: HeapRecord {
    /// A reference to the record at `index`, valid until the element is replaced or removed. Traps
    /// if there is none.
    ///
    /// - Complexity: O(1).
    @inlinable
    public subscript(ref index: Int) -> HeapRef<Element> {
        let header = opened()
        return HeapRef(access: access, place: elements(header)[checked(index, header)].offset)
    }
}

extension PersistentMap where Value: HeapRecord {
    /// A reference to the record for `key`, valid until the value is replaced or removed, or nil if
    /// there is none.
    ///
    /// - Complexity: O(1) expected.
    @inlinable
    public subscript(ref key: Key) -> HeapRef<Value>? {
        find(key).map { HeapRef(access: access, place: $0.pointee.value.offset) }
    }
}

extension PersistentSortedMap where Value: HeapRecord {
    /// A reference to the record for `key`, valid until the value is replaced or removed, or nil if
    /// there is none.
    ///
    /// - Complexity: O(log *n*), where *n* is the number of entries.
    @inlinable
    public subscript(ref key: Key) -> HeapRef<Value>? {
        find(key).map { HeapRef(access: access, place: $0.pointee.value.offset) }
    }
}

extension PersistentDeque where Element: HeapRecord {
    /// A reference to the record at `index`, valid until the element is replaced or removed. Traps
    /// if there is none.
    ///
    /// - Complexity: O(1).
    @inlinable
    public subscript(ref index: Int) -> HeapRef<Element> {
        let ring = ring
        return HeapRef(access: access, place: ring.place(checked(index, ring)).pointee.offset)
    }
}
