import HoldfastEngine

/// The new places of records that references lead to. All of them are known only at the end, so
/// such records, and all roots that lead to them, are converted in one transaction.
final class Relocation {
    private struct Place {
        let new: UInt64
        var isFilled: Bool
    }

    /// Whether a reference leads to a record that gets a new place.
    private(set) var isNeeded = false
    private var places: [UInt64: Place] = [:]
    /// Records that only references have led to so far.
    private var referred: [(place: UInt64, record: RecordConversion)] = []

    func require() { isNeeded = true }

    /// Returns the block that the record at `place` gets, made by `make` unless a reference has
    /// reserved it. The caller fills it.
    func block(forRecordAt place: UInt64, _ make: () -> UInt64) -> UInt64 {
        guard isNeeded else { return make() }
        let block = places[place]?.new ?? make()
        places[place] = Place(new: block, isFilled: true)
        return block
    }

    /// Returns the present or future place of a record that does not belong to the reference.
    func reference(to place: UInt64, _ record: RecordConversion, _ access: HeapAccess) -> UInt64 {
        if let known = places[place] { return known.new }
        // A reference to a record that the program has freed stays one.
        guard record.isStored(at: place, access) else { return place }
        let block = record.makeBlock(in: access)
        places[place] = Place(new: block, isFilled: false)
        referred.append((place, record))
        return block
    }

    /// Returns the new place of a record that belongs to all references. The first one moves it.
    func share(_ place: UInt64, _ record: RecordConversion, _ access: HeapAccess) -> UInt64 {
        if let known = places[place], known.isFilled { return known.new }
        return record.convert(place, access)
    }

    /// Converts the records that nothing but references leads to.
    func finish(_ access: HeapAccess) {
        while let (place, record) = referred.popLast() {
            if !places[place]!.isFilled { _ = record.convert(place, access) }
        }
    }
}

extension ConversionPlanner {
    /// Returns the conversion of a reference by a closure that returns its target's new place. Nil
    /// if it has been something else, or its target has become another type.
    fileprivate mutating func reference(
        _ kind: String, from old: TypeShape, to type: any HeapRecord.Type,
        _ follow: @escaping (Relocation, UInt64, RecordConversion, HeapAccess) -> UInt64
    ) throws -> FormConversion? {
        guard case .generic(kind, let target) = old, let record = try self.target(target, type)
        else { return nil }
        let relocation = relocation
        return .ofPlace { follow(relocation, $0, record, $1) }
    }

    private mutating func target(_ old: [TypeShape], _ type: any HeapRecord.Type) throws
        -> RecordConversion?
    {
        relocation.require()
        switch old.first {
        case .named(let name):
            return enclosing(.named(name)).flatMap { $0.type == ObjectIdentifier(type) ? $0 : nil }
        case .record(type.storedName, let fields, let bytes):
            return try record(type, fields, bytes)
        default: return nil
        }
    }
}

extension HeapRef: ConvertibleForm {
    static func conversion(
        from old: TypeShape, _ planner: inout ConversionPlanner, at place: String
    ) throws -> FormConversion? {
        try planner.reference("Ref", from: old, to: Target.self) { $0.reference(to: $1, $2, $3) }
    }
}

extension SharedRef: ConvertibleForm {
    static func conversion(
        from old: TypeShape, _ planner: inout ConversionPlanner, at place: String
    ) throws -> FormConversion? {
        try planner.reference("Shared", from: old, to: Target.self) { $0.share($1, $2, $3) }
    }
}
