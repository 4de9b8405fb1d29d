import HoldfastEngine

// References to records in collections, so that their fields can be changed in place:
// `contacts[ref: 3].name = "Ada"`.

extension PersistentArray where Element: PersistableRecord {
    /// A reference to the record at `index`, valid until the element is replaced or removed. Traps
    /// if there is none.
    ///
    /// - Complexity: O(1).
    @inlinable
    public subscript(ref index: Int) -> Ref<Element> {
        let header = header
        return Ref(access: access, place: elements(header)[checked(index, header)].offset)
    }
}

extension PersistentMap where Value: PersistableRecord {
    /// A reference to the record for `key`, valid until the value is replaced or removed, or nil if
    /// there is none.
    ///
    /// - Complexity: O(1) expected.
    @inlinable
    public subscript(ref key: Key) -> Ref<Value>? {
        find(key).map { Ref(access: access, place: $0.pointee.value.offset) }
    }
}

extension PersistentSortedMap where Value: PersistableRecord {
    /// A reference to the record for `key`, valid until the value is replaced or removed, or nil if
    /// there is none.
    ///
    /// - Complexity: O(log *n*), where *n* is the number of entries.
    @inlinable
    public subscript(ref key: Key) -> Ref<Value>? {
        find(key).map { Ref(access: access, place: $0.pointee.value.offset) }
    }
}

extension PersistentDeque where Element: PersistableRecord {
    /// A reference to the record at `index`, valid until the element is replaced or removed. Traps
    /// if there is none.
    ///
    /// - Complexity: O(1).
    @inlinable
    public subscript(ref index: Int) -> Ref<Element> {
        let ring = ring
        return Ref(access: access, place: ring.place(checked(index, ring)).pointee.offset)
    }
}
