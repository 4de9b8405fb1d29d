import HoldfastEngine

// Operations on many entries at once.

extension PersistentMap {
    /// Sets all pairs of `other`. For keys that exist already, or occur again in `other`, `combine`
    /// determines the value from the old and the new one.
    ///
    /// If `combine` throws, the pairs that have been set before stay.
    ///
    /// - Complexity: O(*m*) expected, where *m* is the number of pairs.
    @inlinable
    public func merge<S: Sequence>(
        _ other: S, uniquingKeysWith combine: (Value, Value) throws -> Value
    ) rethrows
    where S.Element == (Key, Value) {
        for (key, value) in other { try merge(key, value, combine) }
    }

    /// Sets all entries of `other`, which can be a literal. For keys that exist already, `combine`
    /// determines the value from the old and the new one.
    ///
    /// A literal with a duplicate key traps, like every literal of a `Dictionary`.
    ///
    /// - Complexity: O(*m*) expected, where *m* is the count of `other`.
    @inlinable
    public func merge(
        _ other: [Key: Value], uniquingKeysWith combine: (Value, Value) throws -> Value
    ) rethrows
    where Key: Hashable {
        for (key, value) in other { try merge(key, value, combine) }
    }

    /// Sets all entries of another map of a heap, or of this map itself. For keys that exist
    /// already, `combine` determines the value from the old and the new one.
    ///
    /// - Complexity: O(*m*) expected, where *m* is the count of `other`.
    @inlinable
    public func merge(
        _ other: PersistentMap, uniquingKeysWith combine: (Value, Value) throws -> Value
    ) rethrows {
        for (key, value) in other { try merge(key, value, combine) }
    }

    /// Adds pairs with new and distinct keys. Traps with a message if a key exists already or
    /// occurs twice.
    ///
    /// If keys may exist already, use ``merge(_:uniquingKeysWith:)-(S,_)``.
    ///
    /// - Complexity: O(*m*) expected, where *m* is the number of pairs.
    @inlinable
    public func insert<S: Sequence>(uniqueKeysWithValues pairs: S) where S.Element == (Key, Value) {
        for (key, value) in pairs {
            if !updateNew(value, forKey: key) { trapDuplicate(key) }
        }
    }

    @inlinable
    func merge(_ key: Key, _ value: Value, _ combine: (Value, Value) throws -> Value) rethrows {
        guard let found = find(key) else {
            updateValue(value, forKey: key)
            return
        }
        let changes = opened().pointee.changes
        let combined = try combine(Value.load(found.pointee.value, from: access), value)
        guard header.pointee.changes == changes else { trap(.changedByClosure) }
        replace(found, with: combined)
    }

    /// Sets the value for a new key. Returns false if the key exists.
    @inlinable
    func updateNew(_ value: Value, forKey key: Key) -> Bool {
        Key.withProbe(key) { probe in
            let hash = Key.hash(probe, seed: access.hashSeed)
            guard find(probe, hash) == nil else { return false }
            if let slot = newSlot(key, probe, Value.store(value, in: access)) {
                insertNew(slot, hash)
            }
            return true
        }
    }

    // MARK: Changing values

    /// Changes every value in place, with one load and one store each:
    /// `prices.updateValues { _, price in price *= 2 }`.
    ///
    /// If `update` throws, the values that have been changed before stay changed. `update` must not
    /// insert or remove entries.
    ///
    /// - Complexity: O(*n*), where *n* is the count.
    @inlinable
    public func updateValues(_ update: (Key, inout Value) throws -> Void) rethrows {
        var entries = makeIterator()
        while let slot = entries.nextSlot() {
            var value = Value.load(slot.pointee.value, from: access)
            try update(Key.load(slot.pointee.key, from: access), &value)
            guard header.pointee.changes == entries.changes else { trap(.changedByClosure) }
            replace(slot, with: value)
        }
    }

    // MARK: Returning the old value

    /// Sets the value for `key`, frees the old one, and returns a copy of it, or nil if the key is
    /// new.
    ///
    /// - Complexity: O(1) expected.
    @inlinable @discardableResult
    public func updateValue(_ value: Value, forKey key: Key) -> Value?
    where Value: PersistableValue {
        guard let found = insertIfNew(key, value) else { return nil }
        let old = Value.load(found.pointee.value, from: access)
        replace(found, with: value)
        return old
    }

    /// Removes the entry for `key` and returns its value, or nil if there is none.
    ///
    /// Not available for values that are collections, which are freed with the entry. For those,
    /// use the overload that returns whether there was an entry.
    ///
    /// - Complexity: O(1) expected.
    @inlinable @discardableResult
    public func removeValue(forKey key: Key) -> Value? where Value: PersistableValue {
        Key.withProbe(key) { probe in
            guard let removed = remove(probe, Key.hash(probe, seed: access.hashSeed)) else {
                return nil
            }
            let value = Value.load(removed.value, from: access)
            destroy(removed)
            return value
        }
    }

    /// Removes and returns an arbitrary entry, or nil if there is none.
    ///
    /// To empty a map, iterate over it and then call `removeAll()` instead.
    ///
    /// - Complexity: O(*c*) if most entries have been removed this way, where *c* is the capacity.
    @inlinable
    public func popFirst() -> Element? where Key: PersistableValue, Value: PersistableValue {
        var entries = makeIterator()
        guard let slot = entries.nextSlot() else { return nil }
        let element = (
            Key.load(slot.pointee.key, from: access), Value.load(slot.pointee.value, from: access)
        )
        removeSlot(slot)
        return element
    }

    /// Removes the entries that satisfy `shouldBeRemoved`.
    ///
    /// The predicate is called for all entries before the first is removed. If it throws, the map
    /// is unchanged.
    ///
    /// - Complexity: O(*c*), where *c* is the capacity.
    @inlinable
    public func removeAll(where shouldBeRemoved: (Element) throws -> Bool) rethrows {
        var found = ContiguousArray<UnsafeMutablePointer<Slot>>()
        var entries = makeIterator()
        while let slot = entries.nextSlot() {
            let element = (
                Key.load(slot.pointee.key, from: access),
                Value.load(slot.pointee.value, from: access)
            )
            if try shouldBeRemoved(element) { found.append(slot) }
        }
        guard header.pointee.changes == entries.changes else { trap(.changedByClosure) }
        for slot in found {
            destroy(
                removeKeepingPlaces(
                    slot, Key.hash(stored: slot.pointee.key, seed: access.hashSeed, from: access)
                ).0)
        }
        if !found.isEmpty { shrinkAll() }
    }

    /// Removes a slot by its place, since a key that equals nothing (NaN) cannot be found.
    @inlinable
    func removeSlot(_ slot: UnsafeMutablePointer<Slot>) {
        destroy(
            remove(slot, Key.hash(stored: slot.pointee.key, seed: access.hashSeed, from: access)))
    }
}
