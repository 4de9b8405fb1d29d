// What the entries of an index must be, for programs and for tools, which know the rows in
// different ways.

extension IndexKey {
    /// Calls a closure with the value and the number of each row.
    package typealias Rows = ((_ value: Value, _ row: UInt64) -> Void) -> Void

    /// Adds the entries of all rows to an empty index. Returns the first value that must be unique
    /// and was there already, with the row that had it.
    package static func fill(
        _ entries: PersistentSortedSet<IndexKey>, isUnique: Bool, _ forEachRow: Rows
    ) -> (value: Value, row: UInt64)? {
        var duplicate: (value: Value, row: UInt64)?
        forEachRow { value, row in
            if isUnique, duplicate == nil, let other = firstRow(with: value, in: entries) {
                duplicate = (value, other)
            }
            entries.insert(IndexKey(value, row: row))
        }
        return duplicate
    }

    /// A value in messages: of an optional, the value in it.
    package static func text(of value: Value) -> String { text(ofAny: value) }

    private static func text(ofAny value: Any) -> String {
        let mirror = Mirror(reflecting: value)
        guard mirror.displayStyle == .optional else { return "\(value)" }
        return mirror.children.first.map { text(ofAny: $0.value) } ?? "nil"
    }

    /// Why the entries are not those of the rows; nil if they are. Everything has been verified by
    /// itself.
    package static func problem(
        of entries: PersistentSortedSet<IndexKey>, _ field: IndexField, count: Int,
        _ forEachRow: Rows
    ) -> String? {
        guard entries.count == count else {
            return "the index by \(field.property) has \(entries.count) entries for \(count) rows"
        }
        var problem: String?
        forEachRow { value, row in
            guard problem == nil else { return }
            if !entries.contains(IndexKey(value, row: row)) {
                problem = "the index by \(field.property) lacks row \(row)"
            } else if field.isUnique, let other = firstRow(with: value, in: entries), other != row {
                problem =
                    "rows \(other) and \(row) have the same \(field.property), which is unique"
            }
        }
        return problem
    }
}

/// In the places of problems.
extension IndexKey: CustomStringConvertible {
    @usableFromInline package var description: String {
        "\(Self.text(of: value)) of row \(row)"
    }
}

extension IndexField {
    /// Why `last` cannot be the number that was used last in a table with rows up to `greatest`.
    package static func problem(ofLast last: UInt64, greatest: UInt64?) -> String? {
        guard let greatest, greatest > last else { return nil }
        return "row \(greatest) has a number above the last one used, \(last)"
    }
}
