import HoldfastEngine
import HoldfastSystem

/// The conversion of a record. Its parts are found after it exists, since they can lead to it.
final class RecordConversion {
    let outline: RecordOutline
    let type: ObjectIdentifier
    private let layout: RecordLayout
    private let relocation: Relocation
    private let oldTag: UInt32
    /// Each reads the old block and completes a field of the new one.
    var parts: [FormConversion.Step] = []

    init(
        _ type: any HeapRecord.Type, _ layout: RecordLayout, from outline: RecordOutline,
        _ relocation: Relocation
    ) {
        self.outline = outline
        self.relocation = relocation
        self.type = ObjectIdentifier(type)
        self.layout = layout
        oldTag = RecordLayout.tag(
            outline.name, Array(zip(outline.fields, outline.offsets)), outline.bytes)
    }

    /// Moves the record to a new block. The old one is freed.
    var conversion: FormConversion { .ofPlace { self.convert($0, $1) } }

    /// Moves the record and returns its new place.
    func convert(_ place: UInt64, _ access: HeapAccess) -> UInt64 {
        guard isStored(at: place, access) else {
            Misuse.damaged(access, "there is no \(outline.name) where one is stored")
        }
        let source = access.address(place, outline.bytes)
        let block = relocation.block(forRecordAt: place) { makeBlock(in: access) }
        let target = access.address(block, layout.byteCount)
        let owners = source.load(as: StoredRecord.self).owners
        if owners > 0 {
            target.storeBytes(
                of: StoredRecord(tag: layout.tag, owners: owners), as: StoredRecord.self)
        }
        DeepStack.run { for part in parts { part(source, target, access) } }
        access.free(place, byteCount: outline.bytes, alignment: RecordLayout.alignment)
        return block
    }

    /// Creates the block of a record whose fields follow later.
    func makeBlock(in access: HeapAccess) -> UInt64 { layout.type.makeBlock(in: access) }

    /// Whether the old form of a record is at this place.
    func isStored(at place: UInt64, _ access: HeapAccess) -> Bool {
        let (end, isBeyond) = place.addingReportingOverflow(UInt64(outline.bytes))
        guard !isBeyond, end <= access.context.pointee.byteCount else { return false }
        return access.load(place, as: StoredRecord.self).tag == oldTag
    }
}

extension ConversionPlanner {
    mutating func record(
        _ type: any HeapRecord.Type, _ old: [TypeShape.Field], _ bytes: Int
    ) throws -> RecordConversion {
        let layout = try RecordLayout.found(type)
        let outline = RecordOutline(layout.typeName, old, bytes)
        let record = RecordConversion(type, layout, from: outline, relocation)
        enclosing.append(record)
        defer { enclosing.removeLast() }
        changedRecords.append(outline)
        let kept = try kept(old, in: layout)
        for field in layout.fields {
            let place = "the field \(layout.typeName).\(field.name)"
            let target = field.offset
            if let source = kept.first(where: { $0.name == field.name }) {
                let form = try conversion(from: source.type, to: field.valueType, at: place)
                record.parts.append { old, new, access in
                    form.step(old + source.offset, new + target, access)
                }
            } else if let makeDefault = try Self.makeDefault(field, place) {
                record.parts.append { _, new, access in makeDefault(new + target, access) }
            }
        }
        for field in old where !kept.contains(field) {
            let place = "the removed field \(layout.typeName).\(field.name)"
            if let removal = try removal(of: field.type, at: place) {
                record.parts.append { old, _, access in removal(old + field.offset, access) }
            }
        }
        if let table = type as? any IndexedRecord.Type {
            makesUniqueIndex =
                makesUniqueIndex
                || layout.fields.contains { field in
                    (IndexField(named: field.name)?.isUnique ?? false)
                        && !kept.contains { $0.name == field.name }
                }
            record.parts.append { [duplicates] _, new, access in
                let place = UInt64(new - UnsafeMutableRawPointer(access.context.pointee.base))
                duplicates.note(Self.completeIndexes(table, place, access))
            }
        }
        return record
    }

    /// Returns the fields of the old record that the new one has too. An index whose keys have
    /// another form now is made anew.
    private func kept(_ old: [TypeShape.Field], in layout: RecordLayout) throws
        -> [TypeShape.Field]
    {
        let isTable = layout.type is any IndexedRecord.Type
        return try old.filter { field in
            guard let new = layout.fields.first(where: { $0.name == field.name }) else {
                return false
            }
            guard isTable, IndexField(named: field.name) != nil else { return true }
            return try Self.text(of: new.valueType) == field.type.text
        }
    }

    private static func completeIndexes<Table: IndexedRecord>(
        _: Table.Type, _ place: UInt64, _ access: HeapAccess
    ) -> TableError? {
        Table(access: access, place: place).completeIndexes()
    }

    /// Returns what completes a field that no stored record has. Nil if zeros are its form.
    private static func makeDefault(_ field: RecordLayout.Field, _ place: String) throws
        -> ((UnsafeMutableRawPointer, HeapAccess) -> Void)?
    {
        if let makeDefault = field.makeDefault { return makeDefault }
        if field.optionalType != nil { return nil }
        if let type = field.valueType as? any CollectionValue.Type {
            return emptyValue(type)
        }
        if let type = field.valueType as? any PersistableContainer.Type { return empty(type) }
        throw SchemaChangeRefusal(
            "\(place) is in this program but not in the file, and has no default: declare it with "
                + "a literal as its initial value, or as an optional")
    }

    private static func emptyValue<Value: CollectionValue>(_: Value.Type)
        -> (UnsafeMutableRawPointer, HeapAccess) -> Void
    {
        empty(Value.Base.self)
    }

    private static func empty<Container: PersistableContainer>(
        _ type: Container.Type
    ) -> (UnsafeMutableRawPointer, HeapAccess) -> Void {
        { new, access in
            new.storeBytes(of: Container.storeEmpty(in: access), as: Container.Stored.self)
        }
    }
}
