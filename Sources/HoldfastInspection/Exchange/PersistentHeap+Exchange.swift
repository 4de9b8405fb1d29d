import Holdfast
import HoldfastEngine
import HoldfastSystem

extension PersistentHeap {
    /// Writes a root, or all roots, to a new text file, with a line of JSON for each element.
    ///
    /// See `HeapTransaction.exportRoot(_:knowing:to:)` for the contents of the lines and for the
    /// types that must be known. All lines are from the same view; readers and writers continue.
    /// The pages that the roots are in are compared with their checksums first. The file appears at
    /// `path` when it is complete and durable, or not at all.
    ///
    /// - Throws: `HeapError.alreadyExists(path:)` if there is a file at `path`;
    ///   `HeapError.damagedPages(path:pages:)` if a page does not match its checksum;
    ///   `HeapError.cannotExport(path:name:reason:)`, also while a migration is unfinished; and the
    ///   errors of `HeapTransaction.exportRoot(_:knowing:to:)`.
    /// - Complexity: O(amount of data that the roots lead to).
    public func exportLines(
        root: String? = nil, knowing types: [any Persistable.Type] = [], to path: String
    ) throws {
        try exportLines(root: root, knowing: types, to: path) { line, write in try write(line) }
    }

    /// Exports lines through `each`, which passes each line on, or throws to cancel the export.
    package func exportLines(
        root: String? = nil, knowing types: [any Persistable.Type] = [], to path: String,
        each: (_ line: String, _ write: (String) throws -> Void) throws -> Void
    ) throws {
        let file = try LineFileWriter(path, rights: engine.fileRights)
        try exportLines(root: root, knowing: types) { try each($0) { try file.write($0) } }
        try file.finish()
    }

    /// Exports lines to `write`, without terminators.
    package func exportLines(
        root: String? = nil, knowing types: [any Persistable.Type] = [],
        to write: (String) throws -> Void
    )
        throws
    {
        try read { tx in
            try RootExporter(tx.access, knowing: types) { (pages) throws(HeapError) in
                try self.engine.scrub(only: pages).damagedPages
            }
            .export(root, to: write)
        }
    }

    /// Creates the roots in a file that ``exportLines(root:knowing:to:)`` has written, in one
    /// transaction.
    ///
    /// If `name` is given, the file must contain a single root, which gets that name. Either all
    /// roots are created or, if an error is thrown, none.
    ///
    /// - Returns: The names of the roots.
    /// - Throws: `HeapError.badLine(path:line:reason:)` with the number of the invalid line, and
    ///   the errors of `WriteTransaction.importRoot(as:knowing:from:)`.
    /// - Complexity: O(size of the file).
    @discardableResult
    public func importLines(
        from path: String, as name: String? = nil, knowing types: [any Persistable.Type] = []
    ) throws -> [String] {
        let file = try LineFileReader(path)
        return try write { tx in
            try tx.importRoots(as: name, path: path, knowing: types) { try file.next() }
        }
    }

    /// Imports the lines that `next` returns until it returns nil. `source` names their source in
    /// errors.
    package func importLines(
        as name: String? = nil, source: String, from next: () throws -> String?
    ) throws -> [String] {
        try write { tx in try tx.importRoots(as: name, path: source, knowing: [], from: next) }
    }

    /// Creates a new heap from lines, without a log. See ``build(_:replacing:options:_:)``.
    /// `rights`: the permissions of the heap; nil for those that the umask leaves.
    package static func build(
        _ path: String, as name: String? = nil, source: String, rights: FileRights?,
        from next: () throws -> String?
    ) throws -> [String] {
        var options = EngineOptions()
        options.rightsOfNewFiles = rights
        return try build(path, engineOptions: options) { tx in
            try tx.importRoots(as: name, path: source, knowing: [], from: next)
        }
    }
}
