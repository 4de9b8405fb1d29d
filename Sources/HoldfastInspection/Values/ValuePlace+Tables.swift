import Holdfast
import HoldfastEngine

// A tool changes the fields of a table's record as those of any other, and does not know what its
// program does with them. So it makes the indexes anew.

extension TypeShape {
    static let tablePrefix = "Table<"

    /// Whether this is the record of a ``PersistentTable``.
    package var isTable: Bool {
        guard case .record(let name, let fields, _) = self else { return false }
        return name.hasPrefix(Self.tablePrefix) && fields.first?.name == "rows"
    }
}

extension ValuePlace {
    /// The rows of a table by their numbers; nil if the value is no table.
    package var rowsOfTable: ValuePlace? {
        let table = inside
        return table.shape.isTable ? table.field("rows") : nil
    }

    /// Makes the indexes from the rows if the value is a table.
    ///
    /// - Throws: ``InspectionProblem`` if two rows have the same value of a property that must be
    ///   unique, or a row has no number. The transaction must then be rolled back.
    /// - Complexity: O(*n* log *n*) for each index, where *n* is the number of rows.
    package func rebuildIndexes() throws {
        let table = inside
        guard case .persistable(let type) = table.content, let record = type as? any HeapRecord.Type
        else { return }
        let block = access.load(table.place, as: UInt64.self)
        try DescribedTable(record, table.shape, at: block, in: access)?.rebuildIndexes()
    }
}

/// The record of a table, known by its description.
struct DescribedTable {
    private let access: HeapAccess
    private let block: UInt64
    private let parts: [RecordLayout.Field]
    private let rows: any InspectableEntries
    private let rowShape: TypeShape
    /// The place of the number that was used last.
    private let lastPlace: UInt64

    /// Nil if the record is no table.
    init?(_ type: any HeapRecord.Type, _ shape: TypeShape, at block: UInt64, in access: HeapAccess)
    {
        guard shape.isTable, case .record(_, let fields, _) = shape,
            case .generic(_, let parameters) = fields[0].type, let rowShape = parameters.last,
            let parts = try? RecordLayout.found(type).fields, parts.count > 1,
            parts[1].name == "last"
        else { return nil }
        func load<T: Persistable>(_: T.Type) -> Any {
            T.load(access.load(block + UInt64(parts[0].offset), as: T.Stored.self), from: access)
        }
        guard let rows = load(parts[0].valueType) as? any InspectableEntries else { return nil }
        self.access = access
        self.block = block
        self.parts = parts
        self.rows = rows
        self.rowShape = rowShape
        lastPlace = block + UInt64(parts[1].offset)
    }

    private var last: UInt64 { access.load(lastPlace, as: UInt64.self) }

    /// The least and the greatest number of a row; nil if there are no rows.
    private var numbers: ClosedRange<UInt64>? {
        var numbers: ClosedRange<UInt64>?
        rows.forEachPlace { entry in
            let number = access.load(entry.key, as: UInt64.self)
            numbers =
                min(numbers?.lowerBound ?? number, number)
                ... max(
                    numbers?.upperBound ?? number, number)
        }
        return numbers
    }

    /// How a field of a table is exported if its indexes are to be made anew; nil for the rows.
    static func mended(_ field: RecordLayout.Field, of layout: RecordLayout) -> LineForm.Content? {
        if IndexField(named: field.name) != nil { return .emptyList }
        guard field.name == "last", let rows = layout.fields.first(where: { $0.name == "rows" })
        else { return nil }
        return .other { access, place in
            let block = place - UInt64(field.offset)
            let last = access.load(place, as: UInt64.self)
            let greatest = Self.rows(rows.valueType, at: block + UInt64(rows.offset), access)?
                .lastPlace.map { access.load($0.key, as: UInt64.self) }
            return max(last, greatest ?? 0)
        }
    }

    private static func rows<Rows: Persistable>(
        _: Rows.Type, at place: UInt64, _ access: HeapAccess
    ) -> (any InspectableOrder)? {
        Rows.load(access.load(place, as: Rows.Stored.self), from: access) as? any InspectableOrder
    }

    private func forEachIndex(
        _ body: (any DescribedIndex.Type, UInt64, IndexField, RowWalk) throws -> Void
    ) throws {
        for part in parts {
            guard let field = IndexField(named: part.name) else { continue }
            guard let entries = part.valueType as? any InspectableEntries.Type,
                let index = entries.keyType as? any DescribedIndex.Type,
                let key = KeyOfRow(field.property, in: rowShape)
            else {
                throw InspectionProblem(
                    "the index by \(field.property) of a table cannot be made without its program")
            }
            try body(index, block + UInt64(part.offset), field) { visit in
                rows.forEachPlace { entry in
                    let number = access.load(entry.key, as: UInt64.self)
                    visit(key.place(in: entry.value, access), number)
                }
            }
        }
    }

    /// Replaces the entries of the indexes. The last number becomes at least that of the last row.
    func rebuildIndexes() throws {
        if let numbers {
            guard numbers.lowerBound > 0, numbers.upperBound < .max else {
                throw InspectionProblem("the number of a row must be above 0")
            }
            if last < numbers.upperBound { access.store(numbers.upperBound, at: lastPlace) }
        }
        guard last < .max else { throw InspectionProblem("no numbers of rows are left") }
        try forEachIndex { index, place, field, walk in
            try index.rebuild(at: place, field, in: access, walk)
        }
    }

    /// Why the indexes are not those of the rows; nil if they are. Everything has been verified by
    /// itself.
    var problem: String? {
        var problem = IndexField.problem(ofLast: last, greatest: numbers?.upperBound)
        // What cannot be made cannot be compared either.
        try? forEachIndex { index, place, field, walk in
            problem =
                problem ?? index.problem(at: place, field, in: access, count: rows.count, walk)
        }
        return problem
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

/// Calls a closure with the place of each row's key and the number of the row.
private typealias RowWalk = ((_ key: UInt64, _ row: UInt64) -> Void) -> Void

/// The entries of an index, by their type.
private protocol DescribedIndex: Persistable {
    /// Replaces the entries of the index that the word at `place` leads to.
    static func rebuild(
        at place: UInt64, _ field: IndexField, in access: HeapAccess, _ forEachRow: RowWalk
    ) throws

    /// Compares the entries with the rows.
    static func problem(
        at place: UInt64, _ field: IndexField, in access: HeapAccess, count: Int,
        _ forEachRow: RowWalk
    ) -> String?
}

extension IndexKey: DescribedIndex {
    private static func entries(at place: UInt64, _ access: HeapAccess)
        -> PersistentSortedSet<IndexKey>
    {
        .load(access.load(place, as: PersistentSortedSet<IndexKey>.Stored.self), from: access)
    }

    private static func key(at place: UInt64, _ access: HeapAccess) -> Value {
        Value.load(access.load(place, as: Value.Stored.self), from: access)
    }

    fileprivate static func rebuild(
        at place: UInt64, _ field: IndexField, in access: HeapAccess, _ forEachRow: RowWalk
    ) throws {
        let entries = entries(at: place, access)
        entries.removeAll()
        let duplicate = fill(entries, isUnique: field.isUnique) { add in
            withoutActuallyEscaping(add) { add in
                forEachRow { add(key(at: $0, access), $1) }
            }
        }
        if let duplicate {
            throw InspectionProblem(
                "two rows of the table have the \(field.property) \(Self.text(of: duplicate.value)), which must be unique"
            )
        }
    }

    fileprivate static func problem(
        at place: UInt64, _ field: IndexField, in access: HeapAccess, count: Int,
        _ forEachRow: RowWalk
    ) -> String? {
        problem(of: entries(at: place, access), field, count: count) { visit in
            withoutActuallyEscaping(visit) { visit in
                forEachRow { visit(key(at: $0, access), $1) }
            }
        }
    }
}
