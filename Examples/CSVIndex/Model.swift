import Holdfast

// What lies in the index. The rows themselves stay where they are, in the CSV file.

/// The index of one column: its values in order, and for each the rows that have it.
struct Column: PersistableRecord {
    var name: String
    /// Cells that are numbers, by their value: 9 comes before 10.
    var numbers = PersistentSortedMap<Double, Chain>()
    /// All others, as texts.
    var texts = PersistentSortedMap<String, Chain>()
    /// For each row, the next one with the same value; 0 if there is none, since the first row
    /// follows no other.
    var next = PersistentArray<UInt32>()
}

/// The rows with one value, in the order of the file: a chain through `next`. Four bytes for each
/// row, where a list for each value would take some fifty.
struct Chain: PersistableStruct {
    var first: UInt32
    var last: UInt32
    var count: UInt32
}

/// How far the index has come, and by what the file is known again.
struct Progress: PersistableStruct {
    /// Bytes of the file that are indexed: whole rows.
    var bytes = 0
    /// Of the first and the last of those bytes.
    var head: UInt64 = 0
    var tail: UInt64 = 0
}

/// The named entry points of the heap.
struct Roots {
    let columns: PersistentArray<Column>
    /// Where each row begins, in bytes from the file's start.
    let rows: PersistentArray<Int>
    let progress: PersistentValue<Progress>

    /// Makes what is not there yet.
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

    /// Forgets everything, for a file that has been replaced.
    static func remove(_ tx: borrowing WriteTransaction) throws {
        try tx.removeRoot("columns", PersistentArray<Column>.self)
        try tx.removeRoot("rows", PersistentArray<Int>.self)
        try tx.removeRoot("progress", PersistentValue<Progress>.self)
    }
}
