import HoldfastEngine

/// The types that a root had before its present one, the oldest first.
///
/// A type in the list marks the program that has it as an older one: it must not take the newer
/// fields for removed ones. A program can take a change back with a higher
/// ``HeapSchema/schemaVersion``. The list is an ordinary root with a name that no list of roots
/// shows. It holds the fingerprints of the descriptions.
package struct TypeHistory {
    private typealias List = PersistentArray<UInt64>

    private let access: HeapAccess
    private let name: String

    package init(of root: String, in access: HeapAccess) {
        self.access = access
        name = RootCatalogue.historyName(root)
    }

    private var list: List? {
        get throws(HeapError) {
            try access.findRoot(name, as: List.self).map {
                List(access: access, offset: $0)
            }
        }
    }

    /// The number of earlier types.
    var count: Int { get throws(HeapError) { try list?.count ?? 0 } }

    /// The fingerprints of the earlier types, which are the same in every heap.
    package var fingerprints: [UInt64] { get throws(HeapError) { try list.map(Array.init) ?? [] } }

    /// Gives a new root the history of the one that it is a copy of.
    package func restore(_ fingerprints: [UInt64]) throws(HeapError) {
        for fingerprint in fingerprints { try append(fingerprint) }
    }

    /// Returns the position of a type in the list.
    func firstIndex(of description: String) throws(HeapError) -> Int? {
        let fingerprint = TypeRegistry.fingerprint(of: description)
        return try list?.firstIndex(of: fingerprint)
    }

    /// Notes that the root's type is `new` from now on. A type that a program has taken back is no
    /// earlier one.
    func advance(
        from old: any Persistable.Type, to new: any Persistable.Type
    ) throws(HeapError) {
        try advance(from: old.describe().text, to: new.describe().text)
    }

    func advance(from old: String, to new: String) throws(HeapError) {
        if old == new { return }
        let present = TypeRegistry.fingerprint(of: new)
        try list?.removeAll { $0 == present }
        try append(TypeRegistry.fingerprint(of: old))
    }

    private func append(_ fingerprint: UInt64) throws(HeapError) {
        let list: List
        if let found = try self.list {
            list = found
        } else {
            let stored = List.storeEmpty(in: access)
            try RootCatalogue(access).add(name, as: List.self, at: stored.offset)
            list = .load(stored, from: access)
        }
        list.append(fingerprint)
    }

    func remove() throws(HeapError) {
        guard let list = try list else { return }
        List.destroy(RelativePointer(offset: list.offset), in: access)
        RootCatalogue(access).remove(name)
    }
}
