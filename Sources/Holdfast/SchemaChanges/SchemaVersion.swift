import HoldfastEngine

/// The version of a schema that a heap was last opened with. It is an ordinary root with a name
/// that no list of roots shows, and is there only if the program declares versions.
struct SchemaVersion {
    private let access: HeapAccess
    private let name: String
    private let declared: Int

    init<Schema: HeapSchema>(of schema: Schema.Type, in access: HeapAccess) {
        self.access = access
        name = RootCatalogue.schemaVersionName("\(Schema.self)")
        declared = Schema.schemaVersion
    }

    private var stored: PersistentValue<Int>? {
        get throws(HeapError) {
            try access.findRoot(name, as: PersistentValue<Int>.self).map {
                PersistentValue(access: access, offset: $0)
            }
        }
    }

    /// Throws `newerData` if a program with a higher version has had the heap open, and returns
    /// whether the heap has this version.
    func require() throws(HeapError) -> Bool {
        let version = try stored?.value ?? 0
        if version > declared {
            throw HeapError.newerData(path: access.heapPath, version: version, known: declared)
        }
        return version == declared
    }

    func set() throws(HeapError) {
        if let stored = try stored {
            stored.value = declared
        } else {
            try RootCatalogue(access).add(
                name, as: PersistentValue<Int>.self,
                at: PersistentValue<Int>.make(declared, in: access).offset)
        }
    }
}
