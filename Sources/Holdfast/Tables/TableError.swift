import HoldfastEngine

/// Why a row was not inserted or changed. The table is as it was before.
#if hasAttribute(nonexhaustive)
    @nonexhaustive
#endif
public enum TableError: Error, Equatable, Sendable {
    /// Another row has the same value of a property whose index is unique. `row` is its number
    /// (``PersistentTable/ID``).
    case duplicate(path: String, type: String, property: String, value: String, row: UInt64)
}

extension TableError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .duplicate(let path, let type, let property, let value, let row):
            "\(path): row \(row) of a table of \(type) has the \(property) \(value) already, which "
                + "must be unique. Change or remove that row, or choose another value."
        }
    }
}

/// What a change of a table throws: ``TableError``, or `Never` for a table without a unique index.
public protocol TableFailure: Error {
    /// Returns the error for a duplicate, or nil if no index is unique.
    static func duplicate(_ error: TableError) -> Self?
}

extension TableError: TableFailure {
    public static func duplicate(_ error: TableError) -> TableError? { error }
}

extension Never: TableFailure {
    public static func duplicate(_ error: TableError) -> Never? { nil }
}
