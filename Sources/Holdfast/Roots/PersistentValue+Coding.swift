import HoldfastEngine

extension PersistentValue {
    /// Encodes the value.
    public static func encode(_ stored: Stored, from access: HeapAccess, to encoder: any Encoder)
        throws
    {
        try Value.encode(
            access.load(stored.offset, as: Value.Stored.self), from: access, to: encoder)
    }

    public static func decode(from decoder: any Decoder, in access: HeapAccess) throws -> Stored {
        make(stored: try Value.decode(from: decoder, in: access), in: access)
    }

    package static func make(stored: Value.Stored, in access: HeapAccess) -> Stored {
        let offset = access.allocate(for: Value.Stored.self)
        access.store(stored, of: Value.self, at: offset)
        return Stored(offset: offset)
    }
}

extension PersistentValue: NullableForm {
    package static var canBeNull: Bool { Exchange.canBeNull(Value.self) }
}

extension PersistentValue {
    public static func moveOwned(at place: UInt64, by mover: BlockMover) {
        let block = mover.moveBlock(
            at: place, byteCount: MemoryLayout<Value.Stored>.size,
            alignment: MemoryLayout<Value.Stored>.alignment)
        if Value.holdsPlaces { mover.move(Value.self, at: block) }
    }
}
