import HoldfastEngine
import HoldfastSystem

/// Finds out how the stored form of one type becomes that of another, field by field and case by
/// case, by their names.
///
/// Only changes that lose nothing that this program could mean are converted: see
/// ``SchemaChanges``.
struct ConversionPlanner {
    /// The records being converted. They can contain themselves.
    var enclosing: [RecordConversion] = []
    /// The records that get new blocks.
    var changedRecords: [RecordOutline] = []
    /// The records that the removal of a field is being planned for.
    var removing: [RecordRemoval] = []
    /// The records that are freed with a removed field.
    var removedRecords: [RecordOutline] = []
    /// Where such blocks were and are. All roots that are converted together share it.
    let relocation = Relocation()
    /// Rows that keep a unique index from being made. The conversion must then be undone.
    let duplicates = FoundDuplicates()
    /// Whether a unique index is made.
    var makesUniqueIndex = false

    /// Returns the conversion of a stored form. `place` names it in a refusal.
    mutating func conversion(
        from old: TypeShape, to new: any Persistable.Type, at place: String
    ) throws -> FormConversion {
        try DeepStack.run { try found(old, new, place) }
    }

    private mutating func found(
        _ old: TypeShape, _ new: any Persistable.Type, _ place: String
    ) throws -> FormConversion {
        if let record = enclosing(old) {
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
            guard let record = new as? any HeapRecord.Type else { return nil }
            return try self.record(record, fields, bytes).conversion
        case .union(_, let cases):
            guard let union = new as? any HeapUnion.Type else { return nil }
            return try self.union(union, cases)
        case .enumeration(_, let raw):
            func rawType<T: HeapEnum>(_: T.Type) -> any Persistable.Type { T.RawValue.self }
            guard let type = new as? any HeapEnum.Type else { return nil }
            return try conversion(
                from: raw, to: rawType(type), at: "the raw value of \(old.name)")
        case .structure:
            guard let plain = new as? any HeapStruct.Type else { return nil }
            return try PlainConversion.structure(old, plain)
        default: return nil
        }
    }

    static func text(of type: any Persistable.Type) throws -> String { try type.describe().text }

    // MARK: Records inside themselves

    /// The record that a shape stands for by its bare name, which is generic for a table.
    func enclosing(_ shape: TypeShape) -> RecordConversion? {
        switch shape {
        case .named, .generic: enclosing.last { $0.outline.name == shape.text }
        default: nil
        }
    }

    /// Whether a part of the shape is a record being converted, by its bare name. Its text then
    /// does not tell what it is.
    func mentionsEnclosing(_ shape: TypeShape) -> Bool {
        !enclosing.isEmpty
            && shape.contains { enclosing($0) != nil }
    }
}

/// The first duplicate that conversions have found.
final class FoundDuplicates {
    private(set) var first: TableError?

    func note(_ error: TableError?) { first = first ?? error }

    func forget() { first = nil }
}
