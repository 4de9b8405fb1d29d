import HoldfastEngine

// What is done for each index of a table.

/// Brings the entries of a row from its old value to its new one. A new row has no old value, and
/// one that is removed no new one.
@frozen @usableFromInline
struct IndexChange<Value: TableValue>: TableIndexVisitor {
    @usableFromInline let table: PersistentTable<Value>
    @usableFromInline let row: UInt64
    @usableFromInline let old: Value?
    @usableFromInline let new: Value?

    @inlinable
    init(table: PersistentTable<Value>, row: UInt64, from old: Value?, to new: Value?) {
        self.table = table
        self.row = row
        self.old = old
        self.new = new
    }

    @inlinable
    mutating func visit<Key>(_ index: TableIndex<Value, Key>) {
        let entries = table.entries(index)
        let newKey = new.map { IndexKey(index.key($0), row: row) }
        if let old {
            // By the order of the index: what is equal to the program can have two places in it.
            if let newKey, entries.contains(newKey) { return }
            entries.remove(IndexKey(index.key(old), row: row))
        }
        if let newKey { entries.insert(newKey) }
    }
}

/// Removes all entries.
@frozen @usableFromInline
struct IndexEmptying<Value: TableValue>: TableIndexVisitor {
    @usableFromInline let table: PersistentTable<Value>

    @inlinable
    init(table: PersistentTable<Value>) { self.table = table }

    @inlinable
    mutating func visit<Key>(_ index: TableIndex<Value, Key>) { table.entries(index).removeAll() }
}

/// Finds a row that has a key of a unique index already.
@frozen @usableFromInline
struct DuplicateSearch<Value: TableValue>: TableIndexVisitor {
    @usableFromInline let table: PersistentTable<Value>
    @usableFromInline let value: Value
    /// The row that has or will have the value; nil for a new row.
    @usableFromInline let row: UInt64?
    @usableFromInline var found: TableError?

    @inlinable
    init(table: PersistentTable<Value>, value: Value, row: UInt64?) {
        self.table = table
        self.value = value
        self.row = row
    }

    @inlinable
    mutating func visit<Key>(_ index: TableIndex<Value, Key>) {
        guard index.isUnique, found == nil else { return }
        let key = index.key(value)
        guard let other = table.row(with: key, in: index), other != row else { return }
        found = table.duplicate(index, key, other)
    }
}

/// Whether the value is an optional without a value.
@usableFromInline
func isNil<Value>(_ value: Value) -> Bool {
    guard let optional = Value.self as? any OptionalField.Type else { return false }
    return withUnsafePointer(to: value) { optional.isNil($0) }
}

extension PersistentTable {
    /// Throws if another row than `row` has a value that must be unique.
    @inlinable
    func requireUnique(_ value: Value, of row: UInt64?) throws(Value.Indexes.Failure) {
        var search = DuplicateSearch(table: self, value: value, row: row)
        Value.indexes.visit(&search)
        if let found = search.found, let failure = Value.Indexes.Failure.duplicate(found) {
            throw failure
        }
    }

    /// The first row with this key, unless that is nil.
    @inlinable
    func row<Key>(with key: Key, in index: TableIndex<Value, Key>) -> UInt64? {
        IndexKey.firstRow(with: key, in: entries(index))
    }

    @usableFromInline @inline(never)
    func duplicate<Key>(_ index: TableIndex<Value, Key>, _ key: Key, _ row: UInt64) -> TableError {
        .duplicate(
            path: access.heapPath, type: TypeDescription.name(of: Value.self),
            property: index.name, value: IndexKey.text(of: key), row: row)
    }
}

// MARK: The form of a table

/// Lists the fields of the indexes.
struct IndexListing<Value: TableValue>: TableIndexVisitor {
    var fields: [RecordPart] = []

    mutating func visit<Key>(_ index: TableIndex<Value, Key>) {
        precondition(
            !index.isUnique || Value.Indexes.Failure.self != Never.self,
            "Holdfast: the indexes of \(Value.self) need 'typealias Failure = TableError', because "
                + "the one by \(index.name) is unique")
        precondition(
            index.number == fields.count,
            "Holdfast: the indexes of \(Value.self) must be numbered from 0 and visited in this order"
        )
        fields.append(
            RecordPart(
                name: index.field.name,
                offset: Int(PersistentTable<Value>.indexesOffset) + 8 * index.number,
                valueType: PersistentSortedSet<IndexKey<Key>>.self))
    }
}

/// Creates empty indexes in a new table's block.
struct IndexCreation<Value: TableValue>: TableIndexVisitor {
    let table: PersistentTable<Value>

    mutating func visit<Key>(_ index: TableIndex<Value, Key>) {
        table.access.store(
            PersistentSortedSet<IndexKey<Key>>.storeEmpty(in: table.access),
            at: table.place + PersistentTable<Value>.indexesOffset + UInt64(8 * index.number))
    }
}

/// Fills indexes that have no entries.
struct IndexCompletion<Value: TableValue>: TableIndexVisitor {
    let table: PersistentTable<Value>
    var duplicate: TableError?

    mutating func visit<Key>(_ index: TableIndex<Value, Key>) {
        let entries = table.entries(index)
        guard entries.isEmpty else { return }
        let found = IndexKey.fill(entries, isUnique: index.isUnique) { add in
            for row in table { add(index.key(row.value), row.id.number) }
        }
        if let found, duplicate == nil {
            duplicate = table.duplicate(index, found.value, found.row)
        }
    }
}

/// Compares the indexes with the rows. Everything has been verified by itself.
struct IndexVerification<Value: TableValue>: TableIndexVisitor {
    let table: PersistentTable<Value>
    var problem: String?

    mutating func visit<Key>(_ index: TableIndex<Value, Key>) {
        problem =
            problem
            ?? IndexKey.problem(of: table.entries(index), index.field, count: table.count) {
                visit in
                for row in table { visit(index.key(row.value), row.id.number) }
            }
    }
}

extension PersistentTable {
    package static var hasIndexes: Bool { true }

    package static func isIndex(_ field: String) -> Bool { IndexField(named: field) != nil }

    package var indexProblem: String? {
        var visitor = IndexVerification(
            table: self,
            problem: IndexField.problem(ofLast: lastNumber, greatest: rows.last?.key))
        Value.indexes.visit(&visitor)
        return visitor.problem
    }
}
