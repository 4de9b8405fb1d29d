import HoldfastEngine

// The building blocks of migrations. The old form of a root is put aside under a hidden name, a new
// one is created in its place, and each transaction moves a batch of elements from one to the
// other. The heap holds all the state that the next batch needs.
extension WriteTransaction {
    /// Renames a root. Traps if the new name is taken.
    ///
    /// - Throws: ``HeapError/rootNotFound(path:name:)`` if there is no such root, and
    ///   ``HeapError/badRootName(path:name:reason:)`` for an invalid name.
    /// - Complexity: O(1) expected.
    public func renameRoot(_ name: String, to newName: String) throws(HeapError) {
        try access.requireFreeName(newName)
        try RootCatalogue(access).rename(name, to: newName)
    }

    /// Moves up to `limit` elements of the array `name` to the new form.
    ///
    /// Until all elements have been moved, the root holds only the moved ones.
    ///
    /// - Returns: Whether all elements have been moved.
    /// - Complexity: O(`limit`), plus the cost of `transform`.
    public func convertArray<Old: Persistable, New: Persistable>(
        _ name: String, from old: Old.Type, to new: New.Type, upTo limit: Int = 10_000,
        _ transform: (Old) throws -> New
    ) throws -> Bool {
        let aside = RootCatalogue.hiddenPrefix + name
        if try access.findRoot(aside, as: PersistentArray<Old>.self) == nil {
            // Checks the stored type.
            _ = try access.requireRoot(name, as: PersistentArray<Old>.self)
            try TypeHistory(of: name, in: access).advance(
                from: PersistentArray<Old>.self, to: PersistentArray<New>.self)
            try RootCatalogue(access).rename(name, to: aside)
        }
        let source = try array(aside, of: Old.self)
        let target = try array(name, of: New.self)
        // First all elements are copied in order. Then the old ones are freed from the end until
        // none is left.
        if target.count < source.count || (target.count == 0 && source.count == 0) {
            let end = min(source.count, target.count + max(limit, 1))
            target.reserveCapacity(source.count)
            for index in target.count ..< end { target.append(try transform(source[index])) }
            if end < source.count { return false }
        }
        // Elements that own nothing are freed with their array as a whole.
        if Old.ownsMemory {
            for _ in 0 ..< min(source.count, max(limit, 1)) {
                source.removeElement(at: source.count - 1)
            }
            if source.count > 0 { return false }
        }
        try removeRoot(aside, PersistentArray<Old>.self)
        return true
    }

    /// Moves up to `limit` entries of the map `name` to the new form.
    ///
    /// Until all entries have been moved, the root holds only the moved ones. Entries whose new
    /// keys are equal replace one another.
    ///
    /// - Returns: Whether all entries have been moved.
    /// - Complexity: O(`limit`), plus the cost of `transform`.
    public func convertMap<OldKey, OldValue, NewKey, NewValue>(
        _ name: String, from old: (OldKey.Type, OldValue.Type),
        to new: (NewKey.Type, NewValue.Type), upTo limit: Int = 10_000,
        _ transform: (OldKey, OldValue) throws -> (NewKey, NewValue)
    ) throws -> Bool
    where
        OldKey: PersistableKey, OldValue: Persistable, NewKey: PersistableKey, NewValue: Persistable
    {
        let aside = RootCatalogue.hiddenPrefix + name
        if try access.findRoot(aside, as: PersistentMap<OldKey, OldValue>.self) == nil {
            _ = try access.requireRoot(name, as: PersistentMap<OldKey, OldValue>.self)
            try TypeHistory(of: name, in: access).advance(
                from: PersistentMap<OldKey, OldValue>.self,
                to: PersistentMap<NewKey, NewValue>.self)
            try RootCatalogue(access).rename(name, to: aside)
        }
        let source = try map(aside, OldKey.self, OldValue.self)
        let target = try map(name, NewKey.self, NewValue.self)
        // Everything before the cursor has been moved. Without it every batch would walk past all
        // the segments that earlier batches emptied.
        let cursor = HiddenNumber(RootCatalogue.cursorName(name), in: access)
        var iterator = PersistentMap<OldKey, OldValue>.Iterator(
            source, fromEntry: try cursor.value ?? 0)
        var moved: [OldKey] = []
        while moved.count < max(limit, 1), let (key, value) = iterator.next() {
            let (newKey, newValue) = try transform(key, value)
            target[newKey] = newValue
            moved.append(key)
        }
        try cursor.set(iterator.segmentEntry)
        // The table keeps its shape, because the cursor counts directory entries.
        for key in moved { source.removeKeepingTable(key) }
        if source.count > 0 { return false }
        try removeRoot(aside, PersistentMap<OldKey, OldValue>.self)
        try cursor.remove()
        return true
    }
}
