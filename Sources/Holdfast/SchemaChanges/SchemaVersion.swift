import HoldfastEngine

/// The version of a schema that a heap was last opened with. The heap has it only if the program
/// declares versions.
package struct SchemaVersion {
    private let path: String
    private let number: HiddenNumber
    private let declared: Int

    init(of schema: any HeapSchema.Type, in access: HeapAccess) {
        path = access.heapPath
        number = HiddenNumber(RootCatalogue.schemaVersionName("\(schema)"), in: access)
        declared = schema.schemaVersion
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

    /// Whether all programs that have had the heap open had a lower version.
    var isHighest: Bool { get throws(HeapError) { try number.value ?? 0 < declared } }

    func set() throws(HeapError) { try number.set(declared) }
}

extension SchemaVersion {
    /// The versions of all schemas that the heap knows, by their names.
    package static func all(in access: HeapAccess) throws(HeapError) -> [String: Int] {
        var versions: [String: Int] = [:]
        for name in RootCatalogue(access).hiddenNames {
            guard let schema = RootCatalogue.schema(hiddenName: name) else { continue }
            versions[schema] = try HiddenNumber(name, in: access).value
        }
        return versions
    }

    /// Keeps out the programs that data from another heap is too new for.
    package static func adopt(_ versions: [String: Int], in access: HeapAccess) throws(HeapError) {
        for (schema, version) in versions.sorted(by: { $0.key < $1.key }) {
            let number = HiddenNumber(RootCatalogue.schemaVersionName(schema), in: access)
            if try number.value ?? 0 < version { try number.set(version) }
        }
    }
}
