import HoldfastEngine

// What migrations are made of: a root's old form is put aside under a name that nobody sees, a new
// one is made in its place, and the elements go over from one to the other, a batch in each
// transaction. All that the next batch needs to know stands in the heap.
extension WriteTransaction {
    /// Gives a root another name. Throws ``HeapError/rootNotFound(path:name:)`` if there is none
    /// and ``HeapError/badRootName(path:name:reason:)`` for a name that no root can have; traps if
    /// the new name is taken. O(1) expected.
    public func renameRoot(_ name: String, to newName: String) throws(HeapError) {
        try access.requireFreeName(newName)
        try RootCatalogue(access).rename(name, to: newName)
    }

    /// Moves up to `limit` elements of the array `name` to the new form; returns whether all have
    /// been moved. Until then the root holds those that have been.
    ///
    /// O(`limit`), beside what `transform` costs.
    public func convertArray<Old: Persistable, New: Persistable>(
        _ name: String, from old: Old.Type, to new: New.Type, upTo limit: Int = 10_000,
        _ transform: (Old) throws -> New
    ) throws -> Bool {
        let aside = RootCatalogue.hiddenPrefix + name
        if try access.findRoot(aside, as: PersistentArray<Old>.self) == nil {
            // Checks that it is what it is said to be.
            _ = try access.requireRoot(name, as: PersistentArray<Old>.self)
            try RootCatalogue(access).rename(name, to: aside)
        }
        let source = try array(aside, of: Old.self)
        let target = try array(name, of: New.self)
        // First all are copied, in their order; then the old ones are freed from the end, until
        // none is left.
        if target.count < source.count || (target.count == 0 && source.count == 0) {
            let end = min(source.count, target.count + max(limit, 1))
            target.reserveCapacity(source.count)
            for index in target.count ..< end { target.append(try transform(source[index])) }
            if end < source.count { return false }
        }
        // Elements that own nothing go with their array as a whole.
        if Old.ownsMemory {
            for _ in 0 ..< min(source.count, max(limit, 1)) {
                source.removeElement(at: source.count - 1)
            }
            if source.count > 0 { return false }
        }
        try removeRoot(aside, PersistentArray<Old>.self)
        return true
    }

    /// Moves up to `limit` entries of the map `name` to the new form; returns whether all have been
    /// moved. Until then the root holds those that have been. Entries whose new keys are equal
    /// replace one another.
    ///
    /// O(`limit`), beside what `transform` costs.
    public func convertMap<OldKey, OldValue, NewKey, NewValue>(
        _ name: String, from old: (OldKey.Type, OldValue.Type),
        to new: (NewKey.Type, NewValue.Type), upTo limit: Int = 10_000,
        _ transform: (OldKey, OldValue) throws -> (NewKey, NewValue)
    ) throws -> Bool
    where
        OldKey: PersistableKey, OldValue: Persistable, NewKey: PersistableKey, NewValue: Persistable
    {
        let aside = RootCatalogue.hiddenPrefix + name
        let cursorName = RootCatalogue.hiddenPrefix + RootCatalogue.cursorPrefix + name
        if try access.findRoot(aside, as: PersistentMap<OldKey, OldValue>.self) == nil {
            _ = try access.requireRoot(name, as: PersistentMap<OldKey, OldValue>.self)
            try RootCatalogue(access).rename(name, to: aside)
        }
        let source = try map(aside, OldKey.self, OldValue.self)
        let target = try map(name, NewKey.self, NewValue.self)
        // What lies before the cursor has been moved; without it every batch would pass all that
        // the earlier ones left empty.
        let cursor = try cursor(named: cursorName)
        var iterator = PersistentMap<OldKey, OldValue>.Iterator(source, fromEntry: cursor.value)
        var moved: [OldKey] = []
        while moved.count < max(limit, 1), let (key, value) = iterator.next() {
            let (newKey, newValue) = try transform(key, value)
            target[newKey] = newValue
            moved.append(key)
        }
        cursor.value = iterator.segmentEntry
        // The table keeps its shape, by which the cursor counts.
        for key in moved { source.removeKeepingTable(key) }
        if source.count > 0 { return false }
        try removeRoot(aside, PersistentMap<OldKey, OldValue>.self)
        try removeRoot(cursorName, PersistentValue<Int>.self)
        return true
    }

    private func cursor(named name: String) throws(HeapError) -> PersistentValue<Int> {
        if try access.findRoot(name, as: PersistentValue<Int>.self) == nil {
            try RootCatalogue(access).add(
                name, as: PersistentValue<Int>.self,
                at: PersistentValue<Int>.make(0, in: access).offset)
        }
        return try value(name, initial: 0)
    }
}
