import Holdfast
import HoldfastEngine

// A tool changes the fields of a table's record as those of any other, and does not know what its
// program does with them. So it makes the indexes anew.

extension TypeShape {
    /// Whether this is the record of a ``PersistentTable``.
    package var isTable: Bool {
        guard case .record(let name, let fields, _) = self else { return false }
        return name.hasPrefix("Table<") && fields.first?.name == "rows"
    }
}

extension ValuePlace {
    /// Makes the indexes from the rows if the value is a table.
    ///
    /// - Throws: ``InspectionProblem`` if two rows have the same value of a property that must be
    ///   unique. The transaction must then be rolled back.
    /// - Complexity: O(*n* log *n*) for each index, where *n* is the number of rows.
    package func rebuildIndexes() throws {
        let table = inside
        guard table.shape.isTable, case .record(_, let fields, _) = table.shape,
            case .generic(_, let parameters) = fields[0].type, let row = parameters.last,
            case .persistable(let type) = table.content, let record = type as? any HeapRecord.Type
        else { return }
        let block = access.load(table.place, as: UInt64.self)
        let parts = try RecordLayout.found(record).fields
        guard let first = parts.first,
            let rows = ValuePlace(
                access, first.valueType, at: block + UInt64(first.offset), notes
            ).loaded as? any InspectableEntries
        else { return }
        for part in parts {
            guard let field = IndexField(named: part.name),
                let index = part.valueType as? any RebuildableIndex.Type,
                let key = KeyOfRow(field.property, in: row)
            else { continue }
            try index.rebuild(
                at: block + UInt64(part.offset), field, in: access
            ) { insert in
                try rows.forEachPlace { entry in
                    let number = access.load(entry.key, as: UInt64.self)
                    try insert(number, key.place(in: entry.value, access))
                }
            }
        }
    }
}

/// Where the value of an indexed property lies in a row.
private struct KeyOfRow {
    private let offset: UInt64
    /// Whether the row is the place of a block.
    private let isInBlock: Bool

    init?(_ property: String, in row: TypeShape) {
        let fields: [TypeShape.Field]
        switch row {
        case .record(_, let all, _): (fields, isInBlock) = (all, true)
        case .structure(_, let all, _): (fields, isInBlock) = (all, false)
        default: return nil
        }
        guard let field = fields.first(where: { $0.name == property }) else { return nil }
        offset = UInt64(field.offset)
    }

    func place(in row: UInt64, _ access: HeapAccess) -> UInt64 {
        (isInBlock ? access.load(row, as: UInt64.self) : row) + offset
    }
}

/// The sorted set of an index.
private protocol RebuildableIndex: Persistable {
    /// Replaces the entries. `forEachRow` calls its closure with the number of each row and the
    /// place of its key.
    static func rebuild(
        at place: UInt64, _ field: IndexField, in access: HeapAccess,
        forEachRow: ((_ row: UInt64, _ key: UInt64) throws -> Void) throws -> Void
    ) throws
}

private protocol IndexEntry: PersistableOrderedKey {
    associatedtype Key: PersistableOrderedKey

    static func key(_ key: Key, row: UInt64) -> Self
    var key: Key { get }
}

extension IndexKey: IndexEntry {
    fileprivate static func key(_ key: Value, row: UInt64) -> IndexKey { IndexKey(key, row: row) }
    fileprivate var key: Value { value }
}

extension PersistentSortedSet: RebuildableIndex where Element: IndexEntry {
    fileprivate static func rebuild(
        at place: UInt64, _ field: IndexField, in access: HeapAccess,
        forEachRow: ((_ row: UInt64, _ key: UInt64) throws -> Void) throws -> Void
    ) throws {
        let index = load(access.load(place, as: Stored.self), from: access)
        index.removeAll()
        try forEachRow { row, place in
            let key = Element.Key.load(
                access.load(place, as: Element.Key.Stored.self), from: access)
            if field.isUnique, !isNil(key),
                let next = index.element(atOrAfter: .key(key, row: 0)), isEqual(next.key, key)
            {
                throw InspectionProblem(
                    "two rows of the table have the \(field.property) \(key), which must be unique")
            }
            index.insert(.key(key, row: row))
        }
    }

    private static func isEqual(_ first: Element.Key, _ second: Element.Key) -> Bool {
        guard let first = first as? any Equatable else { return false }
        func isEqual<Value: Equatable>(_ first: Value) -> Bool { first == second as? Value }
        return isEqual(first)
    }
}
