import HoldfastEngine

/// The types that a root had before its present one, the oldest first.
///
/// A type in the list marks the program that has it as an older one: it must not take the newer
/// fields for removed ones. The list is an ordinary root with a name that no list of roots shows.
/// It holds the fingerprints of the descriptions.
struct TypeHistory {
    private typealias List = PersistentArray<UInt64>

    private let access: HeapAccess
    private let name: String

    init(of root: String, in access: HeapAccess) {
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

    /// Returns the position of a type in the list.
    func firstIndex(of description: String) throws(HeapError) -> Int? {
        let fingerprint = TypeRegistry.fingerprint(of: description)
        return try list?.firstIndex(of: fingerprint)
    }

    func append(_ description: String) throws(HeapError) {
        let list: List
        if let found = try self.list {
            list = found
        } else {
            let stored = List.storeEmpty(in: access)
            try RootCatalogue(access).add(name, as: List.self, at: stored.offset)
            list = .load(stored, from: access)
        }
        list.append(TypeRegistry.fingerprint(of: description))
    }

    func remove() throws(HeapError) {
        guard let list = try list else { return }
        List.destroy(RelativePointer(offset: list.offset), in: access)
        RootCatalogue(access).remove(name)
    }
}
