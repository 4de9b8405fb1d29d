import Holdfast
import HoldfastEngine

extension PersistentHeap {
    /// Writes a root, or all roots, to a new text file, a line of JSON for each element; see
    /// `HeapTransaction.exportRoot(_:knowing:to:)` for what is written and which types must be
    /// known. All are of one moment.
    ///
    /// The file appears at `path` when it is complete and durable, or not at all. Throws
    /// `HeapError.alreadyExists(path:)` rather than replace a file,
    /// `HeapError.cannotExport(path:name:reason:)` also where a migration has not come to its
    /// end, and what `HeapTransaction.exportRoot(_:knowing:to:)` throws. O(what the roots lead
    /// to); writers of this process wait.
    public func exportLines(
        root: String? = nil, knowing types: [any Persistable.Type] = [], to path: String
    ) throws {
        try exportLines(root: root, knowing: types, to: path) { line, write in try write(line) }
    }

    /// The same; every line goes through `each`, which passes it on, or throws and so ends the
    /// export.
    package func exportLines(
        root: String? = nil, knowing types: [any Persistable.Type] = [], to path: String,
        each: (_ line: String, _ write: (String) throws -> Void) throws -> Void
    ) throws {
        let file = try LineFileWriter(path, rights: engine.fileRights)
        try exportLines(root: root, knowing: types) { try each($0) { try file.write($0) } }
        try file.finish()
    }

    /// The same, with the lines handed to `write`, without their ends.
    package func exportLines(
        root: String? = nil, knowing types: [any Persistable.Type] = [],
        to write: (String) throws -> Void
    )
        throws
    {
        try read { tx in
            let catalogue = RootCatalogue(tx.access)
            if root == nil,
                let name = catalogue.hiddenNames.first(where: {
                    $0 != RootCatalogue.dataVersionName
                })
            {
                throw HeapError.cannotExport(
                    path: self.path, name: String(name.dropFirst()),
                    reason:
                        "a migration of it has not come to its end; open the heap with all of its "
                        + "migrations first"
                )
            }
            let names = root.map { [$0] } ?? catalogue.all.map(\.name)
            try RootExporter(tx.access, knowing: types).export(names, to: write)
        }
    }

    /// Makes the roots that a file holds which ``exportLines(root:knowing:to:)`` has written, in
    /// one transaction; the only one as `name`, if one is given. Returns their names.
    ///
    /// All of the roots, or, if anything is thrown, none: `HeapError.badLine(path:line:reason:)`
    /// with the number of the line that is not as it should be, and what
    /// `WriteTransaction.importRoot(as:knowing:from:)` throws. O(the file).
    @discardableResult
    public func importLines(
        from path: String, as name: String? = nil, knowing types: [any Persistable.Type] = []
    ) throws -> [String] {
        let file = try LineFileReader(path)
        return try write { tx in
            try tx.importRoots(as: name, path: path, knowing: types) { try file.next() }
        }
    }

    /// The same, with the lines from `next`, until that returns nil; `source` is where they come
    /// from, for errors.
    package func importLines(
        as name: String? = nil, source: String, from next: () throws -> String?
    ) throws -> [String] {
        try write { tx in try tx.importRoots(as: name, path: source, knowing: [], from: next) }
    }

    /// Makes a new heap of lines, without a log; see ``build(_:replacing:options:_:)``.
    package static func build(
        _ path: String, as name: String? = nil, source: String, from next: () throws -> String?
    ) throws
        -> [String]
    {
        try build(path) { tx in try tx.importRoots(as: name, path: source, knowing: [], from: next)
        }
    }
}
