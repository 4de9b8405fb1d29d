import Holdfast
import HoldfastEngine

// Roots as lines of JSON, for other programs, other machines and other versions; Docs/Exchange.md
// describes the lines.

extension HeapTransaction where Self: ~Copyable {
    /// Hands a root to `write` as lines of JSON, without the ends of lines: a first line that says
    /// what it is, one for each element or entry, and one for each record that only references lead
    /// to. No more than one element is in memory at a time.
    ///
    /// Everything that Holdfast can keep comes back the same by
    /// `WriteTransaction.importRoot(as:knowing:from:)`, except the payloads of NaNs. The root's
    /// type must be known to the program: used by it before, made of Holdfast's own types, or made
    /// of `types`. A record that a reference leads to and that belongs to another root becomes one
    /// of its own; `PersistentHeap.exportLines(root:knowing:to:)` of all roots keeps it where it
    /// is.
    ///
    /// `write` must not change the heap. The root is verified first. O(what it leads to). Throws
    /// `HeapError.rootNotFound(path:name:)`, `HeapError.unknownType(path:name:type:)`,
    /// `HeapError.cannotExport(path:name:reason:)` for damage and what is nested hundreds of
    /// levels deep, and whatever `write` throws.
    public func exportRoot(
        _ name: String, knowing types: [any Persistable.Type] = [],
        to write: (String) throws -> Void
    ) throws {
        try RootExporter(access, knowing: types).export([name], to: write)
    }
}

extension WriteTransaction {
    /// Makes a root of the lines that `next` returns until it returns nil, as
    /// `HeapTransaction.exportRoot(_:knowing:to:)` has written them; as `name`, or as the lines
    /// call it. Returns the root's name; where the lines hold several roots and no name is given,
    /// all of them are made and the first one's name is returned.
    ///
    /// O(what comes). Throws `HeapError.badLine(path:line:reason:)` for lines that are not as
    /// they should be, `HeapError.rootExists(path:name:)`,
    /// `HeapError.unknownType(path:name:type:)`, and whatever `next` throws; the transaction then
    /// holds parts of what has come, so let it be undone by passing the error on.
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
