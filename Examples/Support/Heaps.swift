import Holdfast

extension PersistentHeap.Options {
    /// How the examples open their heaps.
    ///
    /// A command that a person waits for gives up sooner than a server would. And it compares every
    /// page with its checksum first, which takes a tenth of a second for some hundred megabytes: a
    /// file that the disk has damaged is then an error before anything is read from it.
    package static var forCommands: Self {
        var options = Self()
        options.timeout = .seconds(5)
        options.verifiesPages = true
        return options
    }
}

/// Opens the heap at `path`, runs `body`, and closes it, so that one file is left, also if `body`
/// throws. A missing file is made, unless `existing`.
package func withHeap<R>(
    _ path: String, _ mode: OpenMode = .readWrite, existing: Bool = false,
    _ body: (PersistentHeap) throws -> R
) throws -> R {
    var options = PersistentHeap.Options.forCommands
    options.createsIfMissing = !existing
    let heap = try PersistentHeap.open(path, mode: mode, options: options)
    do {
        let result = try body(heap)
        try heap.close()
        return result
    } catch {
        try? heap.close()
        throw error
    }
}
