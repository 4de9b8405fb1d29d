import HoldfastEngine

extension PersistentMap: ConvertibleCollection {
    typealias Content = Value
    static var shapeName: String { "Map" }
    static var keyType: (any Persistable.Type)? { Key.self }

    static func mover<Bytes: BytesOfSize>(
        _ form: FormConversion, _: Bytes.Type
    ) -> any ContentMover { MapMover<Key, Value, Bytes>(form: form) }
}

private struct MapMover<Key: PersistableKey, Value: Persistable, Bytes: BytesOfSize>: ContentMover {
    typealias Source = PersistentMap<Key, Unconverted<Bytes>>
    typealias Target = PersistentMap<Key, Value>

    let form: FormConversion

    func moveAll(from source: Source, to target: Target) {
        target.reserveCapacity(source.count)
        source.forEachSlot { insert($0, hash($0, source.access), into: target) }
        let header = source.openedForChange()
        source.freeTable(header)
        header.pointee.count = 0
    }

    func moveSome(
        from source: Source, to target: Target, upTo limit: Int, cursor: inout Int
    ) -> Bool {
        // Everything before the cursor has been moved. Without it every part would walk past all
        // the segments that earlier ones emptied.
        var entries = Source.Iterator(source, fromEntry: cursor)
        var moved: [(slot: UnsafeMutablePointer<Source.Slot>, hash: UInt64)] = []
        while moved.count < limit, let slot = entries.nextSlot() {
            let hash = hash(slot, source.access)
            insert(slot, hash, into: target)
            moved.append((slot, hash))
        }
        cursor = entries.segmentEntry
        // The table keeps its shape, because the cursor counts directory entries.
        for (slot, hash) in moved { _ = source.removeKeepingPlaces(slot, hash) }
        return source.isEmpty
    }

    private func hash(_ slot: UnsafeMutablePointer<Source.Slot>, _ access: HeapAccess) -> UInt64 {
        Key.hash(stored: slot.pointee.key, seed: access.hashSeed, from: access)
    }

    private func insert(
        _ slot: UnsafeMutablePointer<Source.Slot>, _ hash: UInt64, into target: Target
    ) {
        let value = withUnsafePointer(to: &slot.pointee.value) {
            form.converted($0, as: Value.Stored.self, in: target.access)
        }
        target.insertNew(Target.Slot(key: slot.pointee.key, value: value), hash)
    }
}

extension PersistentSortedMap: ConvertibleCollection {
    typealias Content = Value
    static var shapeName: String { "SortedMap" }
    static var keyType: (any Persistable.Type)? { Key.self }

    static func mover<Bytes: BytesOfSize>(
        _ form: FormConversion, _: Bytes.Type
    ) -> any ContentMover { SortedMapMover<Key, Value, Bytes>(form: form) }
}

private struct SortedMapMover<Key: PersistableOrderedKey, Value: Persistable, Bytes: BytesOfSize>:
    ContentMover
{
    typealias Source = PersistentSortedMap<Key, Unconverted<Bytes>>
    typealias Target = PersistentSortedMap<Key, Value>

    let form: FormConversion

    func moveSome(
        from source: Source, to target: Target, upTo limit: Int, cursor: inout Int
    ) -> Bool {
        var rest = limit
        while rest > 0, let leaf = firstLeaf(source) {
            rest -= 1
            let slot = source.remove(from: leaf, at: 0) { _ in 0 }
            let value = withUnsafePointer(to: slot.value) {
                form.converted($0, as: Value.Stored.self, in: target.access)
            }
            append(Target.Slot(key: slot.key, value: value), to: target)
        }
        return source.isEmpty
    }

    private func firstLeaf(_ map: Source) -> Source.Leaf? {
        let header = map.header
        var place = header.pointee.root
        guard place != 0, header.pointee.count > 0 else { return nil }
        for _ in 0 ..< map.height(header) { place = Source.Inner(map.access, place).children[0] }
        return Source.Leaf(map.access, place)
    }

    /// Adds an entry whose key comes after all others.
    private func append(_ slot: Target.Slot, to map: Target) {
        let access = map.access
        Key.withProbe(Key.load(slot.key, from: access)) { probe in
            var leaf = map.lastLeaf(map.header) ?? map.makeRootLeaf()
            if leaf.isFull {
                guard map.hasRoomToSplit else { return }
                map.makeRoom(Key.orderedProbe(probe), slot.key, appends: true)
                leaf = map.lastLeaf(map.header)!
            }
            let tag = Target.Leaf.tag(Key.hash(probe, seed: access.hashSeed))
            let header = map.openedForChange()
            leaf.insert(slot, tag: tag, at: leaf.count, access)
            header.pointee.count &+= 1
            header.pointee.changes &+= 1
        }
    }
}
