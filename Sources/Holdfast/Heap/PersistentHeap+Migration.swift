import HoldfastEngine

extension PersistentHeap {
    /// Opens the heap at `path` and brings its data to the newest version that `migrations` lead
    /// to; see ``Migration``.
    ///
    /// Throws ``HeapError/newerData(path:version:known:)`` if the data is beyond all of them,
    /// ``HeapError/migrationNeeded(path:version:wanted:)`` if it is behind and the heap is not
    /// opened for writing, whatever a step throws (the heap then stays at the version, and the
    /// batch, before it), and what ``open(_:mode:options:)-(String,_,_)`` throws.
    public static func open(
        _ path: String, mode: OpenMode = .readWrite, options: Options = Options(),
        migrations: [Migration]
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

    /// The version of its data that the heap is at; 0 if no migration has ever set one.
    public var dataVersion: Int {
        get throws { try read { tx in try DataVersion.read(tx.access) } }
    }

    private func migrate(_ migrations: [Migration]) throws {
        if migrations.isEmpty { return }
        let (version, isNew) = try read { tx in
            (try DataVersion.read(tx.access), tx.access.catalogue == 0)
        }
        let plan = try MigrationPlan(
            migrations, from: version, isNew: isNew, isReadOnly: engine.mode == .readOnly,
            path: path)
        for step in plan.steps {
            while try !write({ tx in try step.run(in: tx, isNew: isNew) }) {}
        }
    }
}
