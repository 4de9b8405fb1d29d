import HoldfastEngine

extension HeapRecord {
    public static func moveOwned(at place: UInt64, by mover: BlockMover) {
        mover.moveRecord(Self.self, at: place)
    }

    public static func moveFields(of block: UInt64, by mover: BlockMover) {
        for field in RecordLayout.of(Self.self).fields where field.valueType.holdsPlaces {
            mover.move(field.valueType, at: block + UInt64(field.offset))
        }
    }
}

extension SharedRef {
    /// The first reference that is moved moves the record. The reference count is part of the
    /// record.
    public static func moveOwned(at place: UInt64, by mover: BlockMover) {
        if mover.relocation != nil {
            return mover.relocateRecord(Target.self, at: place, isOwner: false)
        }
        mover.moveRecord(Target.self, at: place)
    }
}

extension HeapRef {
    public static var holdsPlaces: Bool { true }

    public static func moveOwned(at place: UInt64, by mover: BlockMover) {
        mover.moveReference(to: Target.self, at: place)
    }
}

extension HeapUnion {
    public static func moveOwned(at place: UInt64, by mover: BlockMover) {
        let entry = cases[Int(mover.target.load(place, as: StoredUnion.self).number)]
        guard entry.byteCount > 0 else { return }
        let word = place + UInt64(MemoryLayout<StoredUnion>.offset(of: \.payload)!)
        let payload = mover.moveBlock(at: word, byteCount: entry.byteCount, alignment: 8)
        for part in entry.payload where part.valueType.holdsPlaces {
            mover.move(part.valueType, at: payload + UInt64(part.offset))
        }
    }
}
