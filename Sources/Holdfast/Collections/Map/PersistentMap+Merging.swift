import HoldfastEngine

// Many entries at once.

extension PersistentMap {
    /// Sets all pairs of `other`; for keys that are there already, or that come again in `other`,
    /// `combine` makes the value of the old and the new one. O(number of pairs) expected. Pairs
    /// that were set before `combine` throws stay.
    @inlinable
    public func merge<S: Sequence>(
        _ other: S, uniquingKeysWith combine: (Value, Value) throws -> Value
    ) rethrows
    where S.Element == (Key, Value) {
        for (key, value) in other { try merge(key, value, combine) }
    }

    /// Sets all entries of `other`, which can be a literal; for keys that are there already,
    /// `combine` makes the value of the old and the new one. A literal that has a key twice traps,
    /// as a literal of a `Dictionary` always does. O(other.count) expected.
    @inlinable
    public func merge(
        _ other: [Key: Value], uniquingKeysWith combine: (Value, Value) throws -> Value
    ) rethrows
    where Key: Hashable {
        for (key, value) in other { try merge(key, value, combine) }
    }

    /// Sets all entries of another map of a heap, or of the map itself; for keys that are there
    /// already, `combine` makes the value of the old and the new one. O(other.count) expected.
    @inlinable
    public func merge(
        _ other: PersistentMap, uniquingKeysWith combine: (Value, Value) throws -> Value
    ) rethrows {
        for (key, value) in other { try merge(key, value, combine) }
    }

    /// Adds pairs whose keys are neither there already nor twice among them; traps with a sentence
    /// if one is. O(number of pairs) expected.
    ///
    /// Where keys may be there already, ``merge(_:uniquingKeysWith:)-(S,_)`` says what happens to
    /// them.
    @inlinable
    public func insert<S: Sequence>(uniqueKeysWithValues pairs: S) where S.Element == (Key, Value) {
        for (key, value) in pairs {
            if !updateNew(value, forKey: key) { Handle.duplicateKey("\(key)") }
        }
    }

    @inlinable
    func merge(_ key: Key, _ value: Value, _ combine: (Value, Value) throws -> Value) rethrows {
        guard let found = find(key) else {
            updateValue(value, forKey: key)
            return
        }
        let changes = header.pointee.changes
        let combined = try combine(Value.load(found.pointee.value, from: access), value)
        guard header.pointee.changes == changes else { Handle.changedByClosure() }
        replace(found, with: combined)
    }

    /// Sets the value for a key that is not there; false if it is.
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

    /// Changes every value in place, each through one load and one store: `prices.updateValues { _,
    /// price in price *= 2 }`. O(count).
    ///
    /// Values changed before `update` throws stay changed. `update` must not insert or remove.
    @inlinable
    public func updateValues(_ update: (Key, inout Value) throws -> Void) rethrows {
        var entries = makeIterator()
        while let slot = entries.nextSlot() {
            var value = Value.load(slot.pointee.value, from: access)
            try update(Key.load(slot.pointee.key, from: access), &value)
            guard header.pointee.changes == entries.changes else { Handle.changedByClosure() }
            replace(slot, with: value)
        }
    }

    // MARK: Removing

    /// Removes the entry for `key` and returns its value, or nil if there was none. O(1) expected.
    ///
    /// Not for values that are collections, which are freed with the entry: for them there is the
    /// form that returns whether there was one.
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

    /// Removes and returns any entry, or nil if there is none. O(capacity) where most entries have
    /// been removed so: to empty a map, walk it and then `removeAll()`.
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

    /// Removes the entries that `shouldBeRemoved` says yes to. O(capacity).
    ///
    /// All entries are asked for before the first is removed: if `shouldBeRemoved` throws, nothing
    /// has changed.
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
        guard header.pointee.changes == entries.changes else { Handle.changedByClosure() }
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

extension Handle {
    @usableFromInline @inline(never)
    static func duplicateKey(_ key: String) -> Never {
        fatalError(
            "Holdfast: the key \(key) is in the map already, or twice among the new ones. Use "
                + "merge(_:uniquingKeysWith:) to say what then happens."
        )
    }
}
