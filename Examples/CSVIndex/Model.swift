import Holdfast

// The contents of the index. The rows themselves stay in the CSV file.

/// The index of one column: its values in order, each with the rows that have it.
struct Column: PersistableRecord {
    var name: String
    /// Numeric cells, ordered by value: 9 comes before 10.
    var numbers = PersistentSortedMap<Double, Chain>()
    /// All other cells, as strings.
    var texts = PersistentSortedMap<String, Chain>()
    /// For each row, the next one with the same value. 0 if there is none, since the first row
    /// follows no other.
    var next = PersistentArray<UInt32>()
}

/// The rows with one value, in the order of the file: a chain through `next`. It takes four bytes
/// per row; a list per value would take about fifty.
struct Chain: PersistableStruct {
    var first: UInt32
    var last: UInt32
    var count: UInt32
}

/// The progress of the index, and fingerprints that identify the file.
struct Progress: PersistableStruct {
    /// The number of indexed bytes of the file: whole rows.
    var bytes = 0
    /// Fingerprints of the first and the last of those bytes.
    var head: UInt64 = 0
    var tail: UInt64 = 0
}

/// The named entry points of the heap.
struct Roots {
    let columns: PersistentArray<Column>
    /// The start of each row, as an offset in bytes.
    let rows: PersistentArray<Int>
    let progress: PersistentValue<Progress>

    /// Creates the roots that do not exist yet.
    init(_ tx: borrowing WriteTransaction) throws {
        columns = try tx.array("columns", of: Column.self)
        rows = try tx.array("rows", of: Int.self)
        progress = try tx.value("progress", initial: Progress())
    }

    init(_ tx: borrowing ReadTransaction) throws {
        columns = try tx.array("columns", of: Column.self)
        rows = try tx.array("rows", of: Int.self)
        progress = try tx.value("progress", of: Progress.self)
    }

    /// Removes everything, for a file that has been replaced.
    static func remove(_ tx: borrowing WriteTransaction) throws {
        try tx.removeRoot("columns", PersistentArray<Column>.self)
        try tx.removeRoot("rows", PersistentArray<Int>.self)
        try tx.removeRoot("progress", PersistentValue<Progress>.self)
    }
}
