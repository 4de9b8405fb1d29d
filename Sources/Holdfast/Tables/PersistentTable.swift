import HoldfastEngine

/// Rows with identifiers, and indexes that find them by their properties.
///
///     @Persistable
///     struct Task {
///         var title: String
///         @Indexed var due: Date?
///         @Indexed(.unique) var code: String
///     }
///
///     let id = try tasks.insert(Task(title: "Oil the hinges", due: friday, code: "HF-12"))
///     tasks[id]?.title                                         // "Oil the hinges"
///     try tasks.update(id) { $0.due = nil }
///     for task in tasks.ordered(by: \.due)[...today] { print(task.id, task.title) }
///     let task = tasks.ordered(by: \.code)["HF-12"].first
///
/// Each row gets the next number as its identifier (``ID``), and keeps it. No number is used twice,
/// also not after the row has been removed. The table is a collection of its rows in this order.
///
/// An index is declared where the property is (``Indexed()``), and every change of the table keeps
/// it. Adding or removing an index is a change of the schema, see ``SchemaChanges``. A unique index
/// refuses a second row with the same value: then `insert` and `update` throw a ``TableError``. For
/// a table without a unique index they throw nothing, and rows can be changed in place:
///
///     tags[id]?.name = "urgent"
///
/// A `PersistentTable` is a handle. Copying it does not copy the rows, and a change through one
/// copy is visible through all, as with a class. It is valid inside its transaction; later use
/// traps with a message. In a read transaction it is read-only. Assigning it to a place in a heap
/// copies the rows. A value that has been read (``Row``) does not change with the table.
///
/// The heap holds a sorted map of the rows by their numbers, and a sorted set for each index. Look-
/// up by identifier, insertion and removal take O(log *n*) time for the map and for each index,
/// where *n* is the count. A change takes it for the indexes whose properties it changes.
@frozen
public struct PersistentTable<Value: TableValue> {
    /// The transaction that the handle belongs to.
    @usableFromInline package let access: HeapAccess
    /// The block that leads to the rows and the indexes.
    @usableFromInline package let place: UInt64

    @inlinable
    package init(access: HeapAccess, place: UInt64) {
        self.access = access
        self.place = place
    }

    /// Creates an empty table for a field of a new record. It is created in the heap when the
    /// record is stored, and must not be used before that.
    @inlinable
    public init() { self.init(access: .detached, place: 0) }

    /// The number of rows.
    ///
    /// - Complexity: O(1).
    @inlinable
    public var count: Int { openedRows().count }

    /// Whether there are no rows.
    ///
    /// - Complexity: O(1).
    @inlinable
    public var isEmpty: Bool { openedRows().isEmpty }

    // MARK: Reading

    /// A copy of the row's value, or nil if there is none.
    ///
    /// - Complexity: O(log *n*), where *n* is the count.
    @inlinable
    public subscript(id: ID) -> Value? { openedRows()[id.number] }

    /// Returns the row with this identifier, or nil if there is none.
    ///
    /// - Complexity: O(log *n*), where *n* is the count.
    @inlinable
    public func row(_ id: ID) -> Row? { self[id].map { Row(id: id, value: $0) } }

    /// Returns whether there is a row with this identifier.
    ///
    /// - Complexity: O(log *n*), where *n* is the count.
    @inlinable
    public func contains(_ id: ID) -> Bool { openedRows().contains(id.number) }

    // MARK: Changing

    /// Adds a row.
    ///
    /// - Returns: Its identifier, which no row of the table has had before.
    /// - Throws: ``TableError/duplicate(path:type:property:value:row:)`` if a property with a
    ///   unique index has a value that another row has. Nothing is changed then.
    /// - Complexity: O(log *n*) for the row and for each index, where *n* is the count.
    @inlinable @discardableResult
    public func insert(_ value: Value) throws(Value.Indexes.Failure) -> ID {
        _ = openedBlock()
        requireWritable()
        try requireUnique(value, of: nil)
        let number = lastNumber + 1
        access.store(number, at: lastNumberPlace)
        guard rows.updateValue(value, forKey: number) else {
            Misuse.damaged(access, "a table has a row \(number) after the last one, \(number - 1)")
        }
        var visitor = IndexChange(table: self, row: number, from: nil, to: value)
        Value.indexes.visit(&visitor)
        return ID(number)
    }

    /// Replaces the value of a row.
    ///
    /// - Returns: Whether there is a row with this identifier. If not, nothing is changed.
    /// - Throws: ``TableError/duplicate(path:type:property:value:row:)`` if a property with a
    ///   unique index has a value that another row has. Nothing is changed then.
    /// - Complexity: O(log *n*) for the row and for each index, where *n* is the count.
    @inlinable @discardableResult
    public func replace(_ id: ID, with value: Value) throws(Value.Indexes.Failure) -> Bool {
        guard let old = openedRows()[id.number] else { return false }
        requireWritable()
        try requireUnique(value, of: id.number)
        var visitor = IndexChange(table: self, row: id.number, from: old, to: value)
        Value.indexes.visit(&visitor)
        _ = rows.updateValue(value, forKey: id.number) as Bool
        return true
    }

    /// Changes the value of a row with `body`.
    ///
    /// - Returns: What `body` returns, or nil if there is no row with this identifier.
    /// - Throws: What `body` throws, and
    ///   ``TableError/duplicate(path:type:property:value:row:)`` if it has given a property with a
    ///   unique index a value that another row has. The row is not changed then; what `body` has
    ///   changed in place, in a collection of the row, stays.
    /// - Complexity: O(log *n*) for the row and for each index, where *n* is the count.
    @inlinable @discardableResult
    public func update<R>(_ id: ID, _ body: (inout Value) throws -> R) throws -> R? {
        guard var value = self[id] else { return nil }
        let result = try body(&value)
        try replace(id, with: value)
        return result
    }

    /// Removes a row and frees everything that it owned.
    ///
    /// - Returns: Whether there was a row with this identifier.
    /// - Complexity: O(log *n*) for the row and for each index, where *n* is the count.
    @inlinable @discardableResult
    public func remove(_ id: ID) -> Bool {
        guard let value = openedRows()[id.number] else { return false }
        requireWritable()
        var visitor = IndexChange(table: self, row: id.number, from: value, to: nil)
        Value.indexes.visit(&visitor)
        return rows.removeValue(forKey: id.number)
    }

    /// Removes all rows and frees everything that they owned. Their numbers are not used again.
    ///
    /// - Complexity: O(*n*), where *n* is the count.
    @inlinable
    public func removeAll() {
        _ = openedBlock()
        requireWritable()
        var visitor = IndexEmptying(table: self)
        Value.indexes.visit(&visitor)
        rows.removeAll()
    }
}

extension PersistentTable where Value: PersistableValue {
    /// Removes a row and frees everything that it owned.
    ///
    /// - Returns: Its value, or nil if there was no row with this identifier.
    /// - Complexity: O(log *n*) for the row and for each index, where *n* is the count.
    @inlinable @discardableResult
    public func remove(_ id: ID) -> Value? {
        let value = self[id]
        return remove(id) as Bool ? value : nil
    }
}

extension PersistentTable where Value.Indexes.Failure == TableError {
    /// A copy of the row's value, or nil if there is none.
    ///
    /// - Complexity: O(log *n*), where *n* is the count.
    @inlinable
    public subscript(id: ID) -> Value? {
        get { openedRows()[id.number] }
        @available(
            *, unavailable,
            message: "another row may have a value that must be unique; use update or replace"
        )
        nonmutating set { fatalError("unavailable") }
    }
}

extension PersistentTable where Value.Indexes.Failure == Never {
    /// The value of the row, or nil if there is none. Setting nil removes the row; setting a value
    /// where there is no row does nothing, because ``insert(_:)`` chooses the identifier.
    ///
    ///     tags[id]?.name = "urgent"
    ///
    /// - Complexity: O(log *n*), where *n* is the count, and for setting as ``replace(_:with:)``.
    @inlinable
    public subscript(id: ID) -> Value? {
        get { openedRows()[id.number] }
        nonmutating set {
            if let newValue {
                replace(id, with: newValue)
            } else {
                _ = remove(id) as Bool
            }
        }
    }
}
