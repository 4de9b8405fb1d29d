import HoldfastEngine

extension PersistentTable {
    /// The rows in the order of an indexed property; rows with equal values in the order of their
    /// identifiers.
    ///
    ///     for task in tasks.ordered(by: \.due) { … }
    ///     let next = tasks.ordered(by: \.due)[now...].first
    ///     let mine = tasks.ordered(by: \.owner)["ada"]
    ///
    /// A view that copies nothing: each row is read when the iteration comes to it. Valid until the
    /// table is changed; later use traps with a message.
    ///
    /// - Parameter index: The name of a property that is marked ``Indexed()``; any other does not
    ///   compile.
    /// - Complexity: O(log *n*), where *n* is the count.
    @inlinable
    public func ordered<Key>(by index: KeyPath<Value.Indexes, TableIndex<Value, Key>>)
        -> IndexedRows<Value, Key>
    {
        _ = openedBlock()
        let entries = entries(Value.indexes[keyPath: index]).tree
        return IndexedRows(table: self, entries.slice(entries.startIndex, entries.endIndex))
    }
}

/// Rows of a ``PersistentTable`` in the order of an indexed property: all of them, or those whose
/// values are in a range. Made by ``PersistentTable/ordered(by:)``.
@frozen
public struct IndexedRows<Value: TableValue, Key: PersistableOrderedKey & Equatable> {
    public typealias Element = PersistentTable<Value>.Row

    @usableFromInline typealias Entries = PersistentSortedMap<IndexKey<Key>, NoValue>

    @usableFromInline let table: PersistentTable<Value>
    @usableFromInline let slice: PersistentSortedSlice<IndexKey<Key>, NoValue>

    @inlinable
    init(
        table: PersistentTable<Value>, _ slice: PersistentSortedSlice<IndexKey<Key>, NoValue>
    ) {
        self.table = table
        self.slice = slice
    }

    /// Returns the part between two entries that is also a part of this one.
    @inlinable
    func part(from start: Entries.Index, to end: Entries.Index) -> IndexedRows {
        let start = Swift.max(start, slice.startIndex)
        return IndexedRows(
            table: table, slice.base.slice(start, Swift.min(end, slice.endIndex)))
    }

    @inlinable
    func start(of key: Key) -> Entries.Index { slice.base.index(atOrAfter: .before(key)) }

    @inlinable
    func end(of key: Key) -> Entries.Index { slice.base.index(atOrAfter: .after(key)) }

    /// Returns the row that an entry leads to.
    @inlinable
    func row(_ entry: IndexKey<Key>) -> Element {
        let id = PersistentTable<Value>.ID(entry.row)
        guard let value = table[id] else {
            Misuse.damaged(table.access, "an index of a table leads to row \(id), which is missing")
        }
        return Element(id: id, value: value)
    }

    /// The rows with this value of the property.
    ///
    /// - Complexity: O(log *n*), where *n* is the count.
    @inlinable
    public subscript(key: Key) -> IndexedRows { part(from: start(of: key), to: end(of: key)) }
}

extension IndexedRows: BidirectionalCollection {
    /// The position of a row, valid until the table is changed.
    @frozen
    public struct Index: Hashable, Comparable {
        @usableFromInline let base: Entries.Index

        @inlinable
        init(base: Entries.Index) { self.base = base }

        @inlinable
        public static func < (left: Index, right: Index) -> Bool { left.base < right.base }
    }

    @inlinable
    public var startIndex: Index { Index(base: slice.startIndex) }

    @inlinable
    public var endIndex: Index { Index(base: slice.endIndex) }

    /// The row at `index`.
    ///
    /// - Complexity: O(log *n*), where *n* is the count of the table.
    @inlinable
    public subscript(index: Index) -> Element { row(slice[index.base].key) }

    @inlinable
    public subscript(bounds: Range<Index>) -> IndexedRows {
        IndexedRows(
            table: table, slice.base.slice(bounds.lowerBound.base, bounds.upperBound.base))
    }

    @inlinable
    public func index(after index: Index) -> Index { Index(base: slice.index(after: index.base)) }

    @inlinable
    public func index(before index: Index) -> Index { Index(base: slice.index(before: index.base)) }

    /// Returns the number of steps from one index to the other.
    ///
    /// - Complexity: O(number of leaves between them); no row is read.
    @inlinable
    public func distance(from start: Index, to end: Index) -> Int {
        slice.distance(from: start.base, to: end.base)
    }

    /// 0, because counting would take longer than a single look-up.
    @inlinable
    public var underestimatedCount: Int { 0 }

    /// An iterator over the rows.
    @frozen
    public struct Iterator: IteratorProtocol {
        @usableFromInline let rows: IndexedRows
        @usableFromInline var base: Entries.Iterator

        @inlinable
        init(_ rows: IndexedRows) {
            self.rows = rows
            base = rows.slice.makeIterator()
        }

        @inlinable
        public mutating func next() -> Element? { base.next().map { rows.row($0.key) } }
    }

    @inlinable
    public func makeIterator() -> Iterator { Iterator(self) }
}

// MARK: Ranges

extension IndexedRows where Key: Comparable {
    /// The rows whose values of the property are in `range`.
    ///
    /// - Complexity: O(log *n*), where *n* is the count.
    @inlinable
    public subscript(range: Range<Key>) -> IndexedRows {
        part(from: start(of: range.lowerBound), to: start(of: range.upperBound))
    }

    /// The rows whose values of the property are in `range`, including both bounds.
    @inlinable
    public subscript(range: ClosedRange<Key>) -> IndexedRows {
        part(from: start(of: range.lowerBound), to: end(of: range.upperBound))
    }

    /// The rows from a value of the property on, including the value.
    @inlinable
    public subscript(range: PartialRangeFrom<Key>) -> IndexedRows {
        part(from: start(of: range.lowerBound), to: slice.endIndex)
    }

    /// The rows before a value of the property.
    @inlinable
    public subscript(range: PartialRangeUpTo<Key>) -> IndexedRows {
        part(from: slice.startIndex, to: start(of: range.upperBound))
    }

    /// The rows up to a value of the property, including the value.
    @inlinable
    public subscript(range: PartialRangeThrough<Key>) -> IndexedRows {
        part(from: slice.startIndex, to: end(of: range.upperBound))
    }
}

/// Ranges of an optional property contain no nil.
extension IndexedRows {
    /// The rows whose values of the property are in `range`.
    ///
    /// - Complexity: O(log *n*), where *n* is the count.
    @inlinable
    public subscript<Wrapped: Comparable>(range: Range<Wrapped>) -> IndexedRows
    where Key == Wrapped? {
        part(from: start(of: range.lowerBound), to: start(of: range.upperBound))
    }

    /// The rows whose values of the property are in `range`, including both bounds.
    @inlinable
    public subscript<Wrapped: Comparable>(range: ClosedRange<Wrapped>) -> IndexedRows
    where Key == Wrapped? {
        part(from: start(of: range.lowerBound), to: end(of: range.upperBound))
    }

    /// The rows from a value of the property on, including the value.
    @inlinable
    public subscript<Wrapped: Comparable>(range: PartialRangeFrom<Wrapped>) -> IndexedRows
    where Key == Wrapped? {
        part(from: start(of: range.lowerBound), to: slice.endIndex)
    }

    /// The rows before a value of the property.
    @inlinable
    public subscript<Wrapped: Comparable>(range: PartialRangeUpTo<Wrapped>) -> IndexedRows
    where Key == Wrapped? {
        part(from: end(of: nil), to: start(of: range.upperBound))
    }

    /// The rows up to a value of the property, including the value.
    @inlinable
    public subscript<Wrapped: Comparable>(range: PartialRangeThrough<Wrapped>) -> IndexedRows
    where Key == Wrapped? {
        part(from: end(of: nil), to: end(of: range.upperBound))
    }
}
