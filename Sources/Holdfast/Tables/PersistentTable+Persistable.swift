import HoldfastEngine

// A table is stored as a record: of the rows, of the number that was used last, and of a sorted set
// for each index.

extension PersistentTable {
    @usableFromInline typealias Rows = PersistentSortedMap<UInt64, Value>

    /// The offsets of the fields from the start of the block. Each takes 8 bytes.
    @inlinable
    static var rowsOffset: UInt64 { 8 }
    @inlinable
    static var lastNumberOffset: UInt64 { 16 }
    @inlinable
    static var indexesOffset: UInt64 { 24 }

    /// The block, which is a table of this type as long as the table has not been removed.
    @inlinable
    var block: UInt64 { openedBlock("") }

    /// The block, for an operation whose name a trap says.
    @inlinable @inline(__always)
    func openedBlock(_ operation: StaticString = #function) -> UInt64 {
        guard access.isOpen, RecordPlan.of(Self.self).pointee.isRecord(at: place, access) else {
            trapNoTable(operation.utf8Start)
        }
        return place
    }

    @inlinable @inline(never)
    func trapNoTable(_ operation: OperationName) -> Never {
        Handle.noRecord("table", Handle.scene(Self.self, access, place, operation))
    }

    /// Traps in a read transaction.
    @inlinable @inline(__always)
    func requireWritable(_ operation: StaticString = #function) {
        guard access.isWritable else { trapReadOnly(operation.utf8Start) }
    }

    @inlinable @inline(never)
    func trapReadOnly(_ operation: OperationName) -> Never {
        Misuse.writeInReadTransaction(Handle.scene(Self.self, access, place, operation))
    }

    @inlinable
    var rows: Rows { openedRows("") }

    /// The rows, for an operation whose name a trap says.
    @inlinable
    func openedRows(_ operation: StaticString = #function) -> Rows {
        .load(
            access.load(openedBlock(operation) &+ Self.rowsOffset, as: Rows.Stored.self),
            from: access)
    }

    /// The same map. Identifiers are stored as their numbers.
    var rowsByID: PersistentSortedMap<ID, Value> {
        PersistentSortedMap(access: access, offset: rows.offset)
    }

    @inlinable
    var lastNumberPlace: UInt64 { block &+ Self.lastNumberOffset }

    @inlinable
    var lastNumber: UInt64 { access.load(lastNumberPlace, as: UInt64.self) }

    /// The entries of an index.
    @inlinable
    func entries<Key>(_ index: TableIndex<Value, Key>) -> PersistentSortedSet<IndexKey<Key>> {
        let field = block &+ Self.indexesOffset &+ UInt64(truncatingIfNeeded: 8 &* index.number)
        return .load(
            access.load(field, as: PersistentSortedSet<IndexKey<Key>>.Stored.self), from: access)
    }
}

extension PersistentTable: DescribedRecord {
    public static var storedName: String { "Table<\(TypeDescription.name(of: Value.self))>" }

    package static var parts: (fields: [RecordPart], byteCount: Int) {
        var visitor = IndexListing<Value>()
        Value.indexes.visit(&visitor)
        let fields =
            [
                RecordPart(name: "rows", offset: Int(rowsOffset), valueType: Rows.self),
                RecordPart(name: "last", offset: Int(lastNumberOffset), valueType: UInt64.self),
            ] + visitor.fields
        return (fields, Int(indexesOffset) + 8 * visitor.fields.count)
    }

    /// Copies the table. One without a place becomes an empty one.
    public static func store(_ value: PersistentTable, in access: HeapAccess) -> Stored {
        value.access.isDetached ? storeEmpty(in: access) : copy(value, in: access)
    }
}

/// A record with indexes, which can be made from its other fields.
protocol IndexedRecord: DescribedRecord {
    /// Fills the indexes that have no entries. Returns a duplicate of a value that must be unique.
    func completeIndexes() -> TableError?
}

extension PersistentTable: IndexedRecord {
    func completeIndexes() -> TableError? {
        var visitor = IndexCompletion(table: self)
        Value.indexes.visit(&visitor)
        return visitor.duplicate
    }
}

extension PersistentTable {
    /// Makes the indexes from the rows, whatever the input says of them.
    public static func decode(from decoder: any Decoder, in access: HeapAccess) throws -> Stored {
        let stored = try decodeRecord(from: decoder, in: access)
        let table = PersistentTable(access: access, place: stored.offset)
        if let number = table.rows.first?.key, number == 0 {
            throw decoder.problem("the number of a row is 0")
        }
        if let problem = IndexField.problem(
            ofLast: table.lastNumber, greatest: table.rows.last?.key)
        {
            throw decoder.problem(problem)
        }
        guard table.lastNumber < .max else { throw decoder.problem("no numbers are left") }
        var visitor = IndexEmptying(table: table)
        Value.indexes.visit(&visitor)
        if let duplicate = table.completeIndexes() { throw duplicate }
        return stored
    }
}

extension PersistentTable: PersistableContainer {
    public static func storeEmpty(in access: HeapAccess) -> Stored {
        Self(access: access, place: 0).requireWritable("init()")
        let block = makeBlock(in: access)
        access.store(Rows.storeEmpty(in: access), at: block + rowsOffset)
        var visitor = IndexCreation(table: PersistentTable(access: access, place: block))
        Value.indexes.visit(&visitor)
        return Stored(offset: block)
    }
}

/// An identifier is stored as its number.
extension PersistentTable.ID: StoredAsOther, PersistableValue {
    public typealias Stored = UInt64
    @usableFromInline package typealias Base = UInt64

    @inlinable
    public static func load(_ stored: UInt64, from access: HeapAccess) -> Self { Self(stored) }

    @inlinable
    public static func store(_ value: Self, in access: HeapAccess) -> UInt64 { value.number }

    public static func encode(
        _ stored: UInt64, from access: HeapAccess, to encoder: any Encoder
    ) throws {
        try UInt64.encode(stored, from: access, to: encoder)
    }

    public static func decode(from decoder: any Decoder, in access: HeapAccess) throws -> UInt64 {
        try UInt64.decode(from: decoder, in: access)
    }

    public static func describe() throws(HeapError) -> TypeDescription { try UInt64.describe() }
}

/// An identifier is a key as its number is.
extension PersistentTable.ID: KeyedAsOther {
    public typealias Probe = UInt64
    public typealias OrderedProbe = UInt64

    @inlinable
    package var base: UInt64 { number }
}
