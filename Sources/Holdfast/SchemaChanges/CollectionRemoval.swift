import HoldfastEngine

extension ConversionPlanner {
    /// Returns what frees a collection whose elements are of a type that this program does not
    /// have. Nil if there is no such collection.
    mutating func collectionRemoval(
        _ name: String, _ parameters: [TypeShape], _ place: String
    ) throws -> FormRemoval? {
        guard let content = parameters.last, let layout = FormLayout(stored: content),
            let bytes = BytesMaker.type(size: layout.size, alignment: layout.alignment)
        else { return nil }
        let key = parameters.count == 2 ? parameters[0] : nil
        let keyType = key.flatMap { TypeRegistry.shared.type(describedAs: $0.text) }
        let removal = try removal(of: content, at: place)
        switch (name, parameters.count) {
        case ("Array", 1): return Self.array(bytes, removal)
        case ("Deque", 1): return Self.deque(bytes, removal)
        case ("Map", 2):
            return (keyType as? any PersistableKey.Type).map { Self.map($0, bytes, removal) }
        case ("SortedMap", 2):
            return (keyType as? any PersistableOrderedKey.Type).map {
                Self.sortedMap($0, bytes, removal)
            }
        default: return nil
        }
    }

    private static func array<Bytes: BytesOfSize>(_: Bytes.Type, _ removal: FormRemoval?)
        -> FormRemoval
    {
        freeing(PersistentArray<Unconverted<Bytes>>.self, removal) { array, remove in
            for index in 0 ..< array.count { remove(array.elements(array.header) + index) }
        }
    }

    private static func deque<Bytes: BytesOfSize>(_: Bytes.Type, _ removal: FormRemoval?)
        -> FormRemoval
    {
        freeing(PersistentDeque<Unconverted<Bytes>>.self, removal) { deque, remove in
            for index in 0 ..< deque.count { remove(deque.ring.place(index)) }
        }
    }

    private static func map<Key: PersistableKey, Bytes: BytesOfSize>(
        _: Key.Type, _: Bytes.Type, _ removal: FormRemoval?
    ) -> FormRemoval {
        freeing(PersistentMap<Key, Unconverted<Bytes>>.self, removal) { map, remove in
            map.forEachSlot { slot in withUnsafePointer(to: &slot.pointee.value) { remove($0) } }
        }
    }

    private static func sortedMap<Key: PersistableOrderedKey, Bytes: BytesOfSize>(
        _: Key.Type, _: Bytes.Type, _ removal: FormRemoval?
    ) -> FormRemoval {
        freeing(PersistentSortedMap<Key, Unconverted<Bytes>>.self, removal) { map, remove in
            for (_, value) in map { withUnsafePointer(to: value) { remove($0) } }
        }
    }

    /// Frees what the elements own, then the collection, which owns its keys alone.
    private static func freeing<Collection: HeapHandle>(
        _ type: Collection.Type, _ removal: FormRemoval?,
        _ forEach: @escaping (Collection, (UnsafeRawPointer) -> Void) -> Void
    ) -> FormRemoval {
        { form, access in
            let stored = Collection.Stored(offset: form.load(as: UInt64.self))
            if let removal {
                forEach(Collection.load(stored, from: access)) { removal($0, access) }
            }
            Collection.destroy(stored, in: access)
        }
    }
}
