import HoldfastEngine

// The places of elements and entries, in bytes from the start of the heap, for tools that inspect a
// heap whose types are not known at compile time.

/// The places of a key and its value.
package struct EntryPlace {
    package let key: UInt64
    package let value: UInt64
}

extension HeapAccess {
    fileprivate func place(of address: UnsafeRawPointer) -> UInt64 {
        UInt64(address - UnsafeRawPointer(context.pointee.base))
    }

    fileprivate func place<Key, Value>(of slot: UnsafeMutablePointer<MapSlot<Key, Value>>)
        -> EntryPlace
    {
        let start = place(of: UnsafeRawPointer(slot))
        return EntryPlace(
            key: start + UInt64(MemoryLayout<MapSlot<Key, Value>>.offset(of: \.key)!),
            value: start + UInt64(MemoryLayout<MapSlot<Key, Value>>.offset(of: \.value)!))
    }
}

extension PersistentArray {
    /// Returns the place of the element at `index`. Traps if there is none.
    package func elementPlace(_ index: Int) -> UInt64 { elementOffset(checked(index, opened())) }

    /// Inserts an element that owns the memory that it needs. The index has been checked.
    package func insert(stored: Element.Stored, at index: Int) {
        let last = count
        append(stored: stored)
        guard index < last, count > last else { return }
        let inserted = access.load(elementOffset(last), as: Element.Stored.self)
        move(from: index, to: index + 1, count: last - index)
        access.store(inserted, of: Element.self, at: elementOffset(index))
    }
}

extension PersistentDeque {
    /// Returns the place of the element at `index`. Traps if there is none.
    package func elementPlace(_ index: Int) -> UInt64 {
        let ring = ring
        return access.place(of: ring.place(checked(index, ring)))
    }
}

extension PersistentMap {
    /// Returns the places of `limit` entries, starting with number `start`.
    package func places(from start: Int, limit: Int) -> [EntryPlace] {
        var iterator = makeIterator()
        for _ in 0 ..< start { guard iterator.nextSlot() != nil else { return [] } }
        var places: [EntryPlace] = []
        while places.count < limit, let slot = iterator.nextSlot() {
            places.append(access.place(of: slot))
        }
        return places
    }

    /// Calls `body` with the places of all entries, in the order of the table.
    package func forEachPlace(_ body: (EntryPlace) throws -> Void) rethrows {
        var iterator = makeIterator()
        while let slot = iterator.nextSlot() { try body(access.place(of: slot)) }
    }

    /// Returns the places of all entries, one after the other, in the order of the table.
    package func makePlaceIterator() -> AnyIterator<EntryPlace> {
        var iterator = makeIterator()
        return AnyIterator { iterator.nextSlot().map { access.place(of: $0) } }
    }

    /// Returns the place of the entry for `key`, or nil if there is none.
    package func place(of key: Key) -> EntryPlace? { find(key).map { access.place(of: $0) } }
}

extension PersistentSortedMap {
    /// Calls `body` with the places of all entries, in their order.
    package func forEachPlace(_ body: (EntryPlace) throws -> Void) rethrows {
        var here = place { _ in 0 }
        while let place = here {
            let leaf = leaf(place)
            for position in 0 ..< leaf.count {
                try body(access.place(of: leaf.slot(position, access)))
            }
            here = self.place(after: place)
        }
    }

    /// Returns the places of all entries, one after the other, in their order.
    package func makePlaceIterator() -> AnyIterator<EntryPlace> {
        var next = firstPosition
        return AnyIterator {
            while let position = next {
                next = self.position(after: position)
                if let slot = slot(at: position) { return access.place(of: slot) }
            }
            return nil
        }
    }

    /// The order of the key at a place and of a key in another heap, or in another map.
    package func order(ofKeyAt place: UInt64, andKeyAt other: UInt64, in source: HeapAccess)
        -> SortedOrder
    {
        order(
            ofStored: access.load(place, as: Key.Stored.self),
            and: Key.load(source.load(other, as: Key.Stored.self), from: source))
    }

    private func entryPlace(_ index: Index) -> EntryPlace {
        access.place(of: leaf(place(index)).slot(index.position, access))
    }

    private func places(_ start: Index, _ end: Index, limit: Int) -> [EntryPlace] {
        var places: [EntryPlace] = []
        var index = start
        while index < end, places.count < limit {
            places.append(entryPlace(index))
            index = self.index(after: index)
        }
        return places
    }

    /// Returns the places of `limit` entries, starting with number `start`.
    package func places(from start: Int, limit: Int) -> [EntryPlace] {
        places(
            index(startIndex, offsetBy: start, limitedBy: endIndex) ?? endIndex, endIndex,
            limit: limit)
    }

    /// Returns the places of up to `limit` entries whose keys are between two bounds. A nil bound
    /// is no bound. The upper bound is included if `through` is true.
    package func places(from lower: Key?, to upper: Key?, through: Bool, limit: Int)
        -> [EntryPlace]
    {
        let start = lower.map { index(atOrAfter: $0) } ?? startIndex
        let end = upper.map { through ? index(after: $0) : index(atOrAfter: $0) }
        return places(start, end ?? endIndex, limit: limit)
    }

    /// The place of the last entry, or nil if there is none.
    package var lastPlace: EntryPlace? { isEmpty ? nil : entryPlace(index(before: endIndex)) }

    /// Returns the place of the entry for `key`, or nil if there is none.
    package func place(of key: Key) -> EntryPlace? { find(key).map { access.place(of: $0) } }
}
