import HoldfastEngine
import HoldfastSystem

/// Finds out how the stored form of one type becomes that of another, field by field and case by
/// case, by their names.
///
/// Only changes that lose nothing that this program could mean are converted: see ``SchemaChanges``.
struct ConversionPlanner {
    /// The records being converted. They can contain themselves.
    var enclosing: [RecordConversion] = []
    /// The records that get new blocks.
    var changedRecords: [RecordOutline] = []
    /// The records that are freed with a removed field.
    var removedRecords: [RecordOutline] = []
    /// Where such blocks were and are. All roots that are converted together share it.
    let relocation = Relocation()

    /// Returns the conversion of a stored form. `place` names it in a refusal.
    mutating func conversion(
        from old: TypeShape, to new: any Persistable.Type, at place: String
    ) throws -> FormConversion {
        try DeepStack.run { try found(old, new, place) }
    }

    private mutating func found(
        _ old: TypeShape, _ new: any Persistable.Type, _ place: String
    ) throws -> FormConversion {
        if case .named(let name) = old, let record = enclosing(name) {
            guard record.type == ObjectIdentifier(new) else {
                throw SchemaChangeRefusal(old, new, place)
            }
            return record.conversion
        }
        if try Self.text(of: new) == old.text, !mentionsEnclosing(old) { return .move(new) }
        if let value = new as? any CollectionValue.Type {
            return try conversion(from: old, to: value.handleType, at: place)
        }
        if let form = new as? any ConvertibleForm.Type,
            let found = try form.conversion(from: old, &self, at: place)
        {
            return found
        }
        if let found = try named(old, new, place) ?? PlainConversion.number(old, new) {
            return found
        }
        throw SchemaChangeRefusal(old, new, place)
    }

    /// The conversion of a program's own type, which keeps its name.
    private mutating func named(
        _ old: TypeShape, _ new: any Persistable.Type, _ place: String
    ) throws -> FormConversion? {
        guard (new as? any PersistableNamed.Type)?.storedName == old.name else { return nil }
        switch old {
        case .record(_, let fields, let bytes):
            guard let record = new as? any PersistableRecord.Type else { return nil }
            return try self.record(record, fields, bytes).conversion
        case .union(_, let cases):
            guard let union = new as? any PersistableUnion.Type else { return nil }
            return try self.union(union, cases)
        case .enumeration(_, let raw):
            func rawType<T: PersistableEnum>(_: T.Type) -> any Persistable.Type { T.RawValue.self }
            guard let type = new as? any PersistableEnum.Type else { return nil }
            return try conversion(
                from: raw, to: rawType(type), at: "the raw value of \(old.name)")
        case .structure:
            guard let plain = new as? any PersistableStruct.Type else { return nil }
            return try PlainConversion.structure(old, plain)
        default: return nil
        }
    }

    static func text(of type: any Persistable.Type) throws -> String { try type.describe().text }

    // MARK: Records inside themselves

    func enclosing(_ name: String) -> RecordConversion? {
        enclosing.last { $0.outline.name == name }
    }

    /// Whether a part of the shape is a record being converted, by its bare name. Its text then
    /// does not tell what it is.
    private func mentionsEnclosing(_ shape: TypeShape) -> Bool {
        !enclosing.isEmpty
            && shape.contains { part in
                if case .named(let name) = part { enclosing(name) != nil } else { false }
            }
    }
}

/// What identifies a record's layout, whatever the types of its fields are called.
struct RecordOutline: Hashable {
    let name: String
    let fields: [String]
    let offsets: [Int]
    let bytes: Int

    init(_ name: String, _ fields: [TypeShape.Field], _ bytes: Int) {
        self.name = name
        self.fields = fields.map(\.name)
        offsets = fields.map(\.offset)
        self.bytes = bytes
    }
}

extension TypeShape {
    /// The parts that the shape consists of directly.
    private var parts: [TypeShape] {
        switch self {
        case .named, .opaque: []
        case .generic(_, let parameters): parameters
        case .optional(let wrapped): [wrapped]
        case .structure(_, let fields, _), .record(_, let fields, _): fields.map(\.type)
        case .enumeration(_, let raw): [raw]
        case .union(_, let cases): cases.flatMap(\.payload)
        }
    }

    /// Returns whether the shape or a part of it satisfies `condition`.
    func contains(_ condition: (TypeShape) -> Bool) -> Bool {
        condition(self) || DeepStack.run { parts.contains { $0.contains(condition) } }
    }

    /// Returns the first record of these that a `Ref` or a `Shared` leads to.
    func reference(to records: [RecordOutline]) -> String? {
        var found: String?
        _ = contains { part in
            guard case .generic(let kind, let targets) = part, ["Ref", "Shared"].contains(kind)
            else { return false }
            switch targets.first {
            case .named(let name): found = records.first { $0.name == name }?.name
            case .record(let name, let fields, let bytes):
                found = records.contains(RecordOutline(name, fields, bytes)) ? name : nil
            default: break
            }
            return found != nil
        }
        return found
    }
}
