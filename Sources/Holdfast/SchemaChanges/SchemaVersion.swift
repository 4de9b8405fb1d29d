import HoldfastEngine

/// The version of a schema that a heap was last opened with. The heap has it only if the program
/// declares versions.
struct SchemaVersion {
    private let path: String
    private let number: HiddenNumber
    private let declared: Int

    init<Schema: HeapSchema>(of schema: Schema.Type, in access: HeapAccess) {
        path = access.heapPath
        number = HiddenNumber(RootCatalogue.schemaVersionName("\(Schema.self)"), in: access)
        declared = Schema.schemaVersion
    }

    /// Throws `newerData` if a program with a higher version has had the heap open, and returns
    /// whether the heap has this version.
    func require() throws(HeapError) -> Bool {
        let version = try number.value ?? 0
        if version > declared {
            throw HeapError.newerData(path: path, version: version, known: declared)
        }
        return version == declared
    }

    func set() throws(HeapError) { try number.set(declared) }
}
