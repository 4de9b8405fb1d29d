import Holdfast

// The contents of the index. The rows themselves stay in the CSV file.

/// The index of one column: its values in order, each with the rows that have it.
@Persistable struct Column {
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
@Persistable(.plain) struct Chain {
    var first: UInt32
    var last: UInt32
    var count: UInt32
}

/// The progress of the index, and fingerprints that identify the file.
@Persistable(.plain) struct Progress {
    /// The number of indexed bytes of the file: whole rows.
    var bytes = 0
    /// Fingerprints of the first and the last of those bytes.
    var head: UInt64 = 0
    var tail: UInt64 = 0
}

/// What the heap holds.
@HeapSchema struct Contents {
    var columns: PersistentArray<Column>
    /// The start of each row, as an offset in bytes.
    var rows: PersistentArray<Int>
    var progress: Progress = Progress()

    /// Removes everything, for a file that has been replaced.
    func removeAll() {
        columns.removeAll()
        rows.removeAll()
        progress = Progress()
    }
}
