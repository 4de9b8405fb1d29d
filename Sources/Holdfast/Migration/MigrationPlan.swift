import HoldfastEngine

/// The steps that lead the data of one heap from its version to the program's newest.
struct MigrationPlan {
    /// In the order in which they run.
    let steps: [HeapMigration]

    /// `version` is the one that the data is at, `isNew` says that the heap has no roots. Throws
    /// `newerData` if the data is beyond all migrations, and `migrationNeeded` if it is behind and
    /// the heap cannot be written.
    init(
        _ migrations: [HeapMigration], from version: Int, isNew: Bool, isReadOnly: Bool,
        path: String
    ) throws(HeapError) {
        let newest = migrations.lazy.map(\.version).max() ?? version
        if version > newest {
            throw HeapError.newerData(path: path, version: version, known: newest)
        }
        if isReadOnly, version < newest, !isNew {
            throw HeapError.migrationNeeded(path: path, version: version, wanted: newest)
        }
        steps =
            isReadOnly
            ? [] : migrations.filter { $0.version > version }.sorted { $0.version < $1.version }
    }
}
