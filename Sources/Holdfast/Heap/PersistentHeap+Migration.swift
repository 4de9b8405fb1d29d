import HoldfastEngine

extension PersistentHeap {
    /// Opens the heap at `path` and migrates its data to the newest version in `migrations`. See
    /// ``HeapMigration``.
    ///
    /// - Throws: ``HeapError/newerData(path:version:known:)`` if the data is newer than all steps;
    ///   ``HeapError/migrationNeeded(path:version:wanted:)`` if it is older and the heap is not
    ///   opened for writing; any error that a step throws, which leaves the heap at the version and
    ///   batch before it; and the errors of ``open(_:mode:options:)-(String,_,_)``.
    public static func open(
        _ path: String, mode: OpenMode = .readWrite, options: Options = Options(),
        migrations: [HeapMigration]
    ) throws -> PersistentHeap {
        let heap = try open(path, mode: mode, options: options)
        do {
            try heap.migrate(migrations)
        } catch {
            try? heap.close()
            throw error
        }
        return heap
    }

    /// The version of the heap's data, or 0 if no migration has ever set one.
    public var dataVersion: Int {
        get throws { try read { tx in try DataVersion.read(tx.access) } }
    }

    private func migrate(_ migrations: [HeapMigration]) throws {
        if migrations.isEmpty { return }
        let (version, isNew) = try read { tx in
            (try DataVersion.read(tx.access), tx.access.catalogue == 0)
        }
        let plan = try MigrationPlan(
            migrations, from: version, isNew: isNew, isReadOnly: isReadOnly, path: path)
        for step in plan.steps {
            while try !write({ tx in try step.run(in: tx, isNew: isNew) }) {}
        }
    }
}
