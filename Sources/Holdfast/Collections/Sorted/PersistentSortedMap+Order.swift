import HoldfastEngine

// What the order is for: neighbours, ranges, both ends.
extension PersistentSortedMap {
    /// The place of the first key that `isLeft` says no to; it must not say yes again after a no.
    /// O(log count).
    @inlinable
    func partition(_ isLeft: (Key.Stored) -> Bool) -> Index {
        guard let place = place({ $0.partition(isLeft) }) else { return endIndex }
        return index(place, leaf(place).partition(access, isLeft))
    }

    /// The place of the first entry whose key is `key` or comes after it; `endIndex` if there is
    /// none. O(log count).
    @inlinable
    public func index(atOrAfter key: Key) -> Index {
        Key.withProbe(key) { probe in
            let ordered = Key.orderedProbe(probe)
            return partition { Key.isStored($0, before: ordered, in: access) }
        }
    }

    /// The place of the first entry whose key comes after `key`; `endIndex` if there is none. O(log
    /// count).
    @inlinable
    public func index(after key: Key) -> Index {
        Key.withProbe(key) { probe in
            let ordered = Key.orderedProbe(probe)
            return partition { !Key.isProbe(ordered, before: $0, in: access) }
        }
    }

    /// The place of the entry for `key`, or nil. O(log count).
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

    /// The entry with the smallest key that is `key` or comes after it. O(log count).
    @inlinable
    public func entry(atOrAfter key: Key) -> Element? { entry(index(atOrAfter: key)) }

    /// The entry with the smallest key after `key`. O(log count).
    @inlinable
    public func entry(after key: Key) -> Element? { entry(index(after: key)) }

    /// The entry with the greatest key that is `key` or comes before it. O(log count).
    @inlinable
    public func entry(atOrBefore key: Key) -> Element? { entry(before: index(after: key)) }

    /// The entry with the greatest key before `key`. O(log count).
    @inlinable
    public func entry(before key: Key) -> Element? { entry(before: index(atOrAfter: key)) }

    // MARK: Both ends

    /// Removes and returns the entry with the smallest key, or nil if there is none. O(log count).
    ///
    /// Not for values that are collections, which are freed: copy out what you need of `first` and
    /// use `removeFirst()`.
    @inlinable
    public func popFirst() -> Element? where Value: PersistableValue {
        guard let first else { return nil }
        removeFirst()
        return first
    }

    /// Removes and returns the entry with the greatest key, or nil if there is none. O(log count).
    @inlinable
    public func popLast() -> Element? where Value: PersistableValue {
        guard let last else { return nil }
        removeLast()
        return last
    }

    /// Removes the entry with the smallest key and frees what it owned; returns whether there was
    /// one. O(log count).
    @inlinable @discardableResult
    public func removeFirst() -> Bool {
        guard let place = place({ _ in 0 }) else { return false }
        destroy(remove(from: leaf(place), at: 0) { _ in 0 })
        return true
    }

    /// Removes the entry with the greatest key and frees what it owned; returns whether there was
    /// one. O(log count).
    @inlinable @discardableResult
    public func removeLast() -> Bool {
        guard let place = place({ $0.count - 1 }) else { return false }
        let leaf = leaf(place)
        destroy(remove(from: leaf, at: leaf.count - 1) { $0.count - 1 })
        return true
    }
}

extension PersistentSortedMap where Key: Comparable {
    /// The entries whose keys lie in `range`, such as `log[yesterday ..< today]`: a view of them in
    /// place. O(log count).
    @inlinable
    public subscript(range: Range<Key>) -> PersistentSortedSlice<Key, Value> {
        slice(index(atOrAfter: range.lowerBound), index(atOrAfter: range.upperBound))
    }

    /// The entries whose keys lie in `range`, both bounds among them. O(log count).
    @inlinable
    public subscript(range: ClosedRange<Key>) -> PersistentSortedSlice<Key, Value> {
        slice(index(atOrAfter: range.lowerBound), index(after: range.upperBound))
    }

    /// The entries from a key on. O(log count).
    @inlinable
    public subscript(range: PartialRangeFrom<Key>) -> PersistentSortedSlice<Key, Value> {
        slice(index(atOrAfter: range.lowerBound), endIndex)
    }

    /// The entries up to a key, but not at it. O(log count).
    @inlinable
    public subscript(range: PartialRangeUpTo<Key>) -> PersistentSortedSlice<Key, Value> {
        slice(startIndex, index(atOrAfter: range.upperBound))
    }

    /// The entries up to a key, and at it. O(log count).
    @inlinable
    public subscript(range: PartialRangeThrough<Key>) -> PersistentSortedSlice<Key, Value> {
        slice(startIndex, index(after: range.upperBound))
    }
}

extension PersistentSortedMap {
    /// An enum's own order need not be that of its raw values: what is a range to it may be none
    /// here, and is then empty.
    @inlinable
    func slice(_ start: Index, _ end: Index) -> PersistentSortedSlice<Key, Value> {
        PersistentSortedSlice(base: self, startIndex: start, endIndex: Swift.max(start, end))
    }
}

extension PersistentSortedMap where Key == String {
    /// The entries whose keys begin with `prefix`, compared by the scalars of their normal forms:
    /// `"e"` is no beginning of `"é"`, however it is spelled, and `"a"` is one of `"a\u{200D}"`. A
    /// view of them in place. O(log count).
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
