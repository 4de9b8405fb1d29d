import Holdfast

extension PersistentHeap.Options {
    /// The options with which the examples open their heaps.
    ///
    /// An interactive command has a shorter timeout than a server. It also compares every page with
    /// its checksum first, which takes a tenth of a second for several hundred megabytes. Damage to
    /// the file is then an error before anything is read from it.
    package static var forCommands: Self {
        var options = Self()
        options.timeout = .seconds(5)
        options.verifiesPages = true
        return options
    }
}

/// Opens the heap at `path` with the roots of a schema, runs `body`, and closes it, even if `body`
/// throws, so that one file is left. A missing file is created, unless `existing` is true.
package func withHeap<Schema: HeapSchema, R>(
    _ path: String, _ schema: Schema.Type, _ mode: OpenMode = .readWrite, existing: Bool = false,
    migrations: [HeapMigration] = [], _ body: (TypedHeap<Schema>) throws -> R
) throws -> R {
    var options = PersistentHeap.Options.forCommands
    options.createsIfMissing = !existing
    let heap = try TypedHeap<Schema>.open(
        path, mode: mode, options: options, migrations: migrations)
    do {
        let result = try body(heap)
        try heap.close()
        return result
    } catch {
        try? heap.close()
        throw error
    }
}
