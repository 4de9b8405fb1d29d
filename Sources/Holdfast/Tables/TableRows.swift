import HoldfastEngine

extension PersistentTable {
    /// The identifier of a row: a number that no other row of its table has or has had.
    ///
    /// As a field of another type it is stored as a `UInt64`; it owns nothing, and whether its row
    /// still exists shows when it is looked up.
    @frozen
    public struct ID: Hashable, Comparable, Sendable, BitwiseCopyable {
        /// The number of the row. The first row of a table has 1.
        public let number: UInt64

        /// The identifier with this number.
        @inlinable
        public init(_ number: UInt64) { self.number = number }

        @inlinable
        public static func < (left: ID, right: ID) -> Bool { left.number < right.number }
    }

    /// A row as it was when it was read: its identifier and a copy of its value, whose properties
    /// are the row's.
    @dynamicMemberLookup
    @frozen
    public struct Row: Identifiable {
        /// The identifier, which the row keeps.
        public let id: ID
        /// The value. Changing it does not change the table.
        public var value: Value

        @inlinable
        init(id: ID, value: Value) {
            self.id = id
            self.value = value
        }

        /// A property of the value.
        @inlinable
        public subscript<Property>(dynamicMember path: KeyPath<Value, Property>) -> Property {
            value[keyPath: path]
        }
    }
}

extension PersistentTable.Row: Equatable where Value: Equatable {}
extension PersistentTable.Row: Hashable where Value: Hashable {}
extension PersistentTable.Row: Sendable where Value: Sendable {}

extension PersistentTable.ID: CustomStringConvertible {
    public var description: String { "\(number)" }
}

/// As its number.
extension PersistentTable.ID: Codable {
    public init(from decoder: any Decoder) throws {
        self.init(try decoder.singleValueContainer().decode(UInt64.self))
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(number)
    }
}

extension TableValue {
    /// The identifier of a row of this type.
    public typealias RowID = PersistentTable<Self>.ID
}

/// The rows of the table in the order of their identifiers, which is that of their insertion.
extension PersistentTable: BidirectionalCollection {
    public typealias Index = PersistentSortedMap<UInt64, Value>.Index

    @inlinable
    public var startIndex: Index { rows.startIndex }

    @inlinable
    public var endIndex: Index { rows.endIndex }

    /// The row at `index`.
    ///
    /// - Complexity: O(1).
    @inlinable
    public subscript(index: Index) -> Row {
        let (number, value) = rows[index]
        return Row(id: ID(number), value: value)
    }

    @inlinable
    public func index(after index: Index) -> Index { rows.index(after: index) }

    @inlinable
    public func index(before index: Index) -> Index { rows.index(before: index) }

    @inlinable
    public func distance(from start: Index, to end: Index) -> Int {
        rows.distance(from: start, to: end)
    }

    @inlinable
    public var underestimatedCount: Int { rows.count }

    /// An iterator over the rows in the order of their identifiers.
    @frozen
    public struct Iterator: IteratorProtocol {
        @usableFromInline var base: PersistentSortedMap<UInt64, Value>.Iterator

        @inlinable
        init(base: PersistentSortedMap<UInt64, Value>.Iterator) { self.base = base }

        @inlinable
        public mutating func next() -> Row? {
            base.next().map { Row(id: ID($0.key), value: $0.value) }
        }
    }

    @inlinable
    public func makeIterator() -> Iterator { Iterator(base: rows.makeIterator()) }
}
