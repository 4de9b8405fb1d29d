import HoldfastEngine

extension PersistentArray: InspectableList {
    var elementType: any Persistable.Type { Element.self }

    func elementPlace(_ index: Int) -> UInt64 { elementOffset(checked(index, header)) }

    func insert(_ decoder: PlainDecoder, at index: Int) throws {
        let last = count
        append(stored: try Element.decode(from: decoder, in: access))
        guard index < last, count > last else { return }
        let inserted = access.load(elementOffset(last), as: Element.Stored.self)
        move(from: index, to: index + 1, count: last - index)
        access.store(inserted, at: elementOffset(index))
    }

    func clear() { removeAll() }
}

extension PersistentDeque: InspectableList {
    var elementType: any Persistable.Type { Element.self }

    func elementPlace(_ index: Int) -> UInt64 {
        let ring = ring
        return access.place(of: ring.place(checked(index, ring)))
    }

    func insert(_ decoder: PlainDecoder, at index: Int) throws {
        insert(stored: try Element.decode(from: decoder, in: access), at: index)
    }

    func clear() { removeAll() }
}

extension PersistentMap: InspectableEntries {
    var keyType: any Persistable.Type { Key.self }
    var valueType: any Persistable.Type { Value.self }

    func places(from start: Int, limit: Int) -> [EntryPlace] {
        var iterator = makeIterator()
        for _ in 0 ..< start { guard iterator.nextSlot() != nil else { return [] } }
        var places: [EntryPlace] = []
        while places.count < limit, let slot = iterator.nextSlot() {
            places.append(access.place(of: slot))
        }
        return places
    }

    func find(_ key: PlainValue) throws -> (key: UInt64, value: UInt64)? {
        guard let slot = find(try key.key(as: Key.self)) else { return nil }
        let place = access.place(of: slot)
        return (place.key, place.value)
    }

    func insert(_ key: PlainValue, _ value: PlainDecoder) throws {
        let key = try key.key(as: Key.self)
        let stored = try Value.decode(from: value, in: access)
        _ = insert(storedKey: Key.store(key, in: access), stored)
    }

    func remove(_ key: PlainValue) throws -> Bool { removeValue(forKey: try key.key(as: Key.self)) }
}

extension PersistentSortedMap: InspectableOrder {
    var keyType: any Persistable.Type { Key.self }
    var valueType: any Persistable.Type { Value.self }

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

    func places(from start: Int, limit: Int) -> [EntryPlace] {
        places(
            index(startIndex, offsetBy: start, limitedBy: endIndex) ?? endIndex, endIndex,
            limit: limit)
    }

    func places(from lower: PlainValue?, to upper: PlainValue?, through: Bool, limit: Int) throws
        -> [EntryPlace]
    {
        let start = try lower.map { index(atOrAfter: try $0.key(as: Key.self)) } ?? startIndex
        let end = try upper.map {
            through
                ? index(after: try $0.key(as: Key.self))
                : index(atOrAfter: try $0.key(as: Key.self))
        }
        return places(start, end ?? endIndex, limit: limit)
    }

    var lastPlace: EntryPlace? { isEmpty ? nil : entryPlace(index(before: endIndex)) }

    func find(_ key: PlainValue) throws -> (key: UInt64, value: UInt64)? {
        guard let slot = find(try key.key(as: Key.self)) else { return nil }
        let place = access.place(of: slot)
        return (place.key, place.value)
    }

    func insert(_ key: PlainValue, _ value: PlainDecoder) throws {
        let key = try key.key(as: Key.self)
        let stored = try Value.decode(from: value, in: access)
        _ = insert(storedKey: Key.store(key, in: access), stored)
    }

    func remove(_ key: PlainValue) throws -> Bool { removeValue(forKey: try key.key(as: Key.self)) }
}

// Sets are asked through the maps that they are made of.

extension PersistentSet: InspectableEntries {
    var keyType: any Persistable.Type { Element.self }
    var valueType: any Persistable.Type { NoValue.self }
    func places(from start: Int, limit: Int) -> [EntryPlace] {
        table.places(from: start, limit: limit)
    }
    func find(_ key: PlainValue) throws -> (key: UInt64, value: UInt64)? { try table.find(key) }
    func insert(_ key: PlainValue, _ value: PlainDecoder) throws {
        insert(try key.key(as: Element.self))
    }
    func remove(_ key: PlainValue) throws -> Bool { remove(try key.key(as: Element.self)) }
}

extension PersistentSortedSet: InspectableOrder {
    var keyType: any Persistable.Type { Element.self }
    var valueType: any Persistable.Type { NoValue.self }
    func places(from start: Int, limit: Int) -> [EntryPlace] {
        tree.places(from: start, limit: limit)
    }
    func find(_ key: PlainValue) throws -> (key: UInt64, value: UInt64)? { try tree.find(key) }
    func insert(_ key: PlainValue, _ value: PlainDecoder) throws {
        insert(try key.key(as: Element.self))
    }
    func remove(_ key: PlainValue) throws -> Bool { remove(try key.key(as: Element.self)) }
    var lastPlace: EntryPlace? { tree.lastPlace }

    func places(from lower: PlainValue?, to upper: PlainValue?, through: Bool, limit: Int) throws
        -> [EntryPlace]
    {
        try tree.places(from: lower, to: upper, through: through, limit: limit)
    }
}
