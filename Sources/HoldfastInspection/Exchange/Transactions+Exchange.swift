import Holdfast
import HoldfastEngine

// Roots as lines of JSON, for other programs, other machines and other versions. Docs/Exchange.md
// describes the lines.

extension HeapTransaction where Self: ~Copyable {
    /// Passes a root to `write` as lines of JSON, without terminators.
    ///
    /// The first line describes the root. It is followed by a line for each element or entry, and
    /// one for each record that only references lead to. At most one element is in memory at a
    /// time.
    ///
    /// `WriteTransaction.importRoot(as:knowing:from:)` restores every value that Holdfast can
    /// store, except the payloads of NaNs. The root's type must be known to the program: used
    /// before, composed of Holdfast's own types, or composed of `types`. If a reference leads to a
    /// record that belongs to another root, the record becomes independent. Exporting all roots
    /// with `PersistentHeap.exportLines(root:knowing:to:)` preserves its owner.
    ///
    /// `write` must not change the heap. The structure of the root is verified first. Its pages are
    /// not compared with their checksums, since a transaction may have changed them;
    /// `PersistentHeap.exportLines(root:knowing:to:)` does that.
    ///
    /// - Throws: `HeapError.rootNotFound(path:name:)`; `HeapError.unknownType(path:name:type:)`;
    ///   `HeapError.damaged(path:what:)` for a damaged catalogue of roots;
    ///   `HeapError.cannotExport(path:name:reason:)` for damage and for data that is nested
    ///   hundreds of levels deep; and any error that `write` throws.
    /// - Complexity: O(amount of data that the root leads to).
    public func exportRoot(
        _ name: String, knowing types: [any Persistable.Type] = [],
        to write: (String) throws -> Void
    ) throws {
        try RootExporter(access, knowing: types).export(name, to: write)
    }
}

extension WriteTransaction {
    /// Creates a root from the lines that `next` returns until it returns nil, as written by
    /// `HeapTransaction.exportRoot(_:knowing:to:)`.
    ///
    /// The root is named `name`, or as the lines name it. If the lines contain several roots and no
    /// name is given, all of them are created.
    ///
    /// - Returns: The name of the root, or of the first one.
    /// - Throws: `HeapError.badLine(path:line:reason:)` for invalid lines;
    ///   `HeapError.rootExists(path:name:)`; `HeapError.unknownType(path:name:type:)`; and any
    ///   error that `next` throws. The transaction then contains incomplete data, so let it be
    ///   rolled back by passing the error on.
    /// - Complexity: O(amount of input).
    @discardableResult
    public func importRoot(
        as name: String? = nil, knowing types: [any Persistable.Type] = [],
        from next: () throws -> String?
    ) throws -> String {
        try importRoots(as: name, path: access.heapPath, knowing: types, from: next)[0]
    }

    func importRoots(
        as name: String?, path: String, knowing types: [any Persistable.Type],
        from next: () throws -> String?
    ) throws -> [String] {
        let access = access
        if let name, name.hasPrefix(RootCatalogue.hiddenPrefix) {
            throw HeapError.badLine(
                path: path, line: 1,
                reason: "names that begin with a zero character belong to Holdfast")
        }
        return try withoutActuallyEscaping(next) {
            try RootImporter(access, path: path, knowing: types, next: $0).importRoots(as: name)
        }
    }
}
