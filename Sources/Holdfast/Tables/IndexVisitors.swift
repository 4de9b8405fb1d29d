import HoldfastEngine

// What is done for each index of a table.

/// Adds the entries of a new row.
@frozen @usableFromInline
struct IndexInsertion<Value: TableValue>: TableIndexVisitor {
    @usableFromInline let table: PersistentTable<Value>
    @usableFromInline let value: Value
    @usableFromInline let row: UInt64

    @inlinable
    init(table: PersistentTable<Value>, value: Value, row: UInt64) {
        self.table = table
        self.value = value
        self.row = row
    }

    @inlinable
    mutating func visit<Key>(_ index: TableIndex<Value, Key>) {
        table.entries(index).insert(IndexKey(index.key(value), row: row))
    }
}

/// Removes the entries of a row.
@frozen @usableFromInline
struct IndexRemoval<Value: TableValue>: TableIndexVisitor {
    @usableFromInline let table: PersistentTable<Value>
    @usableFromInline let value: Value
    @usableFromInline let row: UInt64

    @inlinable
    init(table: PersistentTable<Value>, value: Value, row: UInt64) {
        self.table = table
        self.value = value
        self.row = row
    }

    @inlinable
    mutating func visit<Key>(_ index: TableIndex<Value, Key>) {
        table.entries(index).remove(IndexKey(index.key(value), row: row))
    }
}

/// Moves the entries of a row whose properties have changed.
@frozen @usableFromInline
struct IndexUpdate<Value: TableValue>: TableIndexVisitor {
    @usableFromInline let table: PersistentTable<Value>
    @usableFromInline let old: Value
    @usableFromInline let new: Value
    @usableFromInline let row: UInt64

    @inlinable
    init(table: PersistentTable<Value>, old: Value, new: Value, row: UInt64) {
        self.table = table
        self.old = old
        self.new = new
        self.row = row
    }

    @inlinable
    mutating func visit<Key>(_ index: TableIndex<Value, Key>) {
        let entries = table.entries(index)
        let newKey = IndexKey(index.key(new), row: row)
        // By the order of the index: what is equal to the program can have two places in it.
        guard !entries.contains(newKey) else { return }
        entries.remove(IndexKey(index.key(old), row: row))
        entries.insert(newKey)
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
package func isNil<Value>(_ value: Value) -> Bool {
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
        guard !isNil(key) else { return nil }
        return IndexKey.firstRow(with: key, in: entries(index))
    }

    @usableFromInline @inline(never)
    func duplicate<Key>(_ index: TableIndex<Value, Key>, _ key: Key, _ row: UInt64) -> TableError {
        .duplicate(
            path: access.heapPath, type: TypeDescription.name(of: Value.self),
            property: index.name, value: "\(key)", row: row)
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
                name: IndexField(property: index.name, isUnique: index.isUnique).name,
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
        for row in table {
            let key = index.key(row.value)
            if index.isUnique, duplicate == nil, let other = table.row(with: key, in: index) {
                duplicate = table.duplicate(index, key, other)
            }
            entries.insert(IndexKey(key, row: row.id.number))
        }
    }
}

/// Compares the indexes with the rows. Everything has been verified by itself.
struct IndexVerification<Value: TableValue>: TableIndexVisitor {
    let table: PersistentTable<Value>
    var problem: String?

    mutating func visit<Key>(_ index: TableIndex<Value, Key>) {
        if problem == nil, let last = table.rows.last?.key, last > table.lastNumber {
            problem = "row \(last) has a number above the last one used, \(table.lastNumber)"
        }
        guard problem == nil else { return }
        let entries = table.entries(index)
        guard entries.count == table.count else {
            problem =
                "the index by \(index.name) has \(entries.count) entries for \(table.count) rows"
            return
        }
        for row in table {
            let key = index.key(row.value)
            guard entries.contains(IndexKey(key, row: row.id.number)) else {
                problem = "the index by \(index.name) lacks row \(row.id)"
                return
            }
            if index.isUnique, let other = table.row(with: key, in: index), other != row.id.number {
                problem =
                    "rows \(other) and \(row.id) have the same \(index.name), which is unique"
                return
            }
        }
    }
}

extension PersistentTable {
    public static func verifyFields(at block: UInt64, in verification: inout some BlockVerifier) {
        guard verification.comparesIndexes else {
            return verifyEachField(at: block, in: &verification)
        }
        let before = verification.problemCount
        verification.completely { verifyEachField(at: block, in: &$0) }
        guard verification.problemCount == before, !verification.wasCancelled else { return }
        var visitor = IndexVerification(
            table: PersistentTable(access: verification.access, place: block))
        Value.indexes.visit(&visitor)
        if let problem = visitor.problem { verification.report(problem) }
    }
}
