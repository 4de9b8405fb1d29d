import HoldfastEngine

// Operations that use the order: neighbours, ranges, both ends.
extension PersistentSortedMap {
    /// Returns the index of the first key that does not satisfy `isLeft`. No later key may satisfy
    /// it. O(log *n*).
    @inlinable
    func partition(_ isLeft: (Key.Stored) -> Bool) -> Index {
        guard let place = place({ $0.partition(isLeft) }) else { return endIndex }
        return index(place, leaf(place).partition(access, isLeft))
    }

    /// Returns the index of the first entry whose key is `key` or comes after it, or `endIndex` if
    /// there is none.
    ///
    /// - Complexity: O(log *n*), where *n* is the count.
    @inlinable
    public func index(atOrAfter key: Key) -> Index {
        Key.withProbe(key) { probe in
            let ordered = Key.orderedProbe(probe)
            return partition { Key.isStored($0, before: ordered, in: access) }
        }
    }

    /// Returns the index of the first entry whose key comes after `key`, or `endIndex` if there is
    /// none.
    ///
    /// - Complexity: O(log *n*), where *n* is the count.
    @inlinable
    public func index(after key: Key) -> Index {
        Key.withProbe(key) { probe in
            let ordered = Key.orderedProbe(probe)
            return partition { !Key.isProbe(ordered, before: $0, in: access) }
        }
    }

    /// Returns the index of the entry for `key`, or nil if there is none.
    ///
    /// - Complexity: O(log *n*), where *n* is the count.
    @inlinable
    public func index(forKey key: Key) -> Index? {
        let index = index(atOrAfter: key)
        guard index.leaf != 0 else { return nil }
        let stored = leaf(place(index)).slot(index.position, access).pointee.key
        return Key.withProbe(key) { Key.matches(stored, $0, in: access) } ? index : nil
    }

    @inlinable
    func entry(_ index: Index) -> Element? { index.leaf == 0 ? nil : self[index] }

    @inlinable
    func entry(before index: Index) -> Element? {
        if index.leaf != 0 && index.position > 0 {
            return element(Leaf(access, index.leaf), index.position - 1)
        }
        return index == startIndex ? nil : self[self.index(before: index)]
    }

    /// Returns the entry with the smallest key that is `key` or comes after it.
    ///
    /// - Complexity: O(log *n*), where *n* is the count.
    @inlinable
    public func entry(atOrAfter key: Key) -> Element? { entry(index(atOrAfter: key)) }

    /// Returns the entry with the smallest key after `key`.
    ///
    /// - Complexity: O(log *n*), where *n* is the count.
    @inlinable
    public func entry(after key: Key) -> Element? { entry(index(after: key)) }

    /// Returns the entry with the greatest key that is `key` or comes before it.
    ///
    /// - Complexity: O(log *n*), where *n* is the count.
    @inlinable
    public func entry(atOrBefore key: Key) -> Element? { entry(before: index(after: key)) }

    /// Returns the entry with the greatest key before `key`.
    ///
    /// - Complexity: O(log *n*), where *n* is the count.
    @inlinable
    public func entry(before key: Key) -> Element? { entry(before: index(atOrAfter: key)) }

    // MARK: Both ends

    /// Removes and returns the entry with the smallest key, or nil if there is none.
    ///
    /// Not available for values that are collections, because removing one frees it. Copy the
    /// contents of `first`, then call ``removeFirstEntry()``.
    ///
    /// - Complexity: O(log *n*), where *n* is the count.
    @inlinable
    public func popFirst() -> Element? where Value: PersistableValue {
        guard let first else { return nil }
        removeFirstEntry()
        return first
    }

    /// Removes and returns the entry with the greatest key, or nil if there is none.
    ///
    /// - Complexity: O(log *n*), where *n* is the count.
    @inlinable
    public func popLast() -> Element? where Value: PersistableValue {
        guard let last else { return nil }
        removeLastEntry()
        return last
    }

    /// Removes and returns the entry with the smallest key. Traps if there is none.
    ///
    /// - Complexity: O(log *n*), where *n* is the count.
    @inlinable @discardableResult
    public func removeFirst() -> Element where Value: PersistableValue {
        guard let element = popFirst() else { trap(.removesTooMany, 1) }
        return element
    }

    /// Removes and returns the entry with the greatest key. Traps if there is none.
    ///
    /// - Complexity: O(log *n*), where *n* is the count.
    @inlinable @discardableResult
    public func removeLast() -> Element where Value: PersistableValue {
        guard let element = popLast() else { trap(.removesTooMany, 1) }
        return element
    }

    /// Removes the entry for `key` and returns its value, or nil if there is none.
    ///
    /// Not available for values that are collections, which are freed with the entry. For those,
    /// use the overload that returns whether there was an entry.
    ///
    /// - Complexity: O(log *n*), where *n* is the count.
    @inlinable @discardableResult
    public func removeValue(forKey key: Key) -> Value? where Value: PersistableValue {
        Key.withProbe(key) { probe in
            guard let removed = remove(probe) else { return nil }
            let value = Value.load(removed.value, from: access)
            destroy(removed)
            return value
        }
    }

    /// Sets the value for `key`, frees the old one, and returns a copy of it, or nil if the key is
    /// new.
    ///
    /// - Complexity: O(log *n*), where *n* is the count.
    @inlinable @discardableResult
    public func updateValue(_ value: Value, forKey key: Key) -> Value?
    where Value: PersistableValue {
        guard let found = insertIfNew(key, value) else { return nil }
        let old = Value.load(found.pointee.value, from: access)
        replace(found, with: value)
        return old
    }

    /// Removes the entry with the smallest key and frees everything that it owned.
    ///
    /// - Returns: Whether there was an entry.
    /// - Complexity: O(log *n*), where *n* is the count.
    @inlinable @discardableResult
    public func removeFirstEntry() -> Bool {
        guard let place = place({ _ in 0 }) else { return false }
        destroy(remove(from: leaf(place), at: 0) { _ in 0 })
        return true
    }

    /// Removes the entry with the greatest key and frees everything that it owned.
    ///
    /// - Returns: Whether there was an entry.
    /// - Complexity: O(log *n*), where *n* is the count.
    @inlinable @discardableResult
    public func removeLastEntry() -> Bool {
        guard let place = place({ $0.count - 1 }) else { return false }
        let leaf = leaf(place)
        destroy(remove(from: leaf, at: leaf.count - 1) { $0.count - 1 })
        return true
    }
}

extension PersistentSortedMap where Key: Comparable {
    /// The entries whose keys are in `range`, such as `log[yesterday ..< today]`: a view of them in
    /// place.
    ///
    /// - Complexity: O(log *n*), where *n* is the count.
    @inlinable
    public subscript(range: Range<Key>) -> PersistentSortedSlice<Key, Value> {
        slice(index(atOrAfter: range.lowerBound), index(atOrAfter: range.upperBound))
    }

    /// The entries whose keys are in `range`, including both bounds.
    ///
    /// - Complexity: O(log *n*), where *n* is the count.
    @inlinable
    public subscript(range: ClosedRange<Key>) -> PersistentSortedSlice<Key, Value> {
        slice(index(atOrAfter: range.lowerBound), index(after: range.upperBound))
    }

    /// The entries from a key on, including the key.
    ///
    /// - Complexity: O(log *n*), where *n* is the count.
    @inlinable
    public subscript(range: PartialRangeFrom<Key>) -> PersistentSortedSlice<Key, Value> {
        slice(index(atOrAfter: range.lowerBound), endIndex)
    }

    /// The entries before a key.
    ///
    /// - Complexity: O(log *n*), where *n* is the count.
    @inlinable
    public subscript(range: PartialRangeUpTo<Key>) -> PersistentSortedSlice<Key, Value> {
        slice(startIndex, index(atOrAfter: range.upperBound))
    }

    /// The entries up to a key, including the key.
    ///
    /// - Complexity: O(log *n*), where *n* is the count.
    @inlinable
    public subscript(range: PartialRangeThrough<Key>) -> PersistentSortedSlice<Key, Value> {
        slice(startIndex, index(after: range.upperBound))
    }
}

extension PersistentSortedMap {
    /// An enum's own order can differ from that of its raw values. A range in its own order may
    /// then be empty here.
    @inlinable
    func slice(_ start: Index, _ end: Index) -> PersistentSortedSlice<Key, Value> {
        PersistentSortedSlice(base: self, startIndex: start, endIndex: Swift.max(start, end))
    }
}

extension PersistentSortedMap where Key == String {
    /// Returns the entries whose keys begin with `prefix`: a view of them in place.
    ///
    /// Keys are compared by the scalars of their normal forms. `"e"` is not a prefix of `"é"` in
    /// either spelling, and `"a"` is a prefix of `"a\u{200D}"`.
    ///
    /// - Complexity: O(log *n*), where *n* is the count.
    public func entries(withPrefix prefix: String) -> PersistentSortedSlice<String, Value> {
        String.withProbe(prefix) { probe in
            let start = partition {
                $0.withBytes(access) { UTF8Order.compare($0, probe.bytes) < 0 }
            }
            let end = partition {
                $0.withBytes(access) {
                    UTF8Order.compare($0, probe.bytes) < 0
                        || UTF8Order.begins($0, with: probe.bytes)
                }
            }
            return slice(start, end)
        }
    }
}
