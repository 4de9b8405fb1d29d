import HoldfastEngine

/// Converts the roots of a heap to the types that a schema declares.
struct SchemaConversion {
    /// The elements that one transaction converts.
    static let batch = 10_000

    let roots: [DeclaredRoot]
    let policy: SchemaChanges
    /// The schema that has the roots.
    let schema: any HeapSchema.Type

    init(
        of schema: any HeapSchema.Type, _ policy: SchemaChanges = .automatic,
        roots: [DeclaredRoot]? = nil
    ) {
        self.schema = schema
        self.roots = roots ?? schema.declaredRoots
        self.policy = policy
    }

    /// Whether a root has another type, or its conversion is unfinished.
    func isNeeded(_ access: HeapAccess) throws(HeapError) -> Bool {
        for root in roots {
            do throws(HeapError) { _ = try access.findRoot(root.name, as: root.handle) } catch {
                switch error {
                case .rootTypeMismatch, .conversionUnfinished: return true
                default: throw error
                }
            }
        }
        return false
    }

    /// Does one transaction's share of the work, and returns whether it was the last. Nothing is
    /// changed if a root cannot be converted. After an error the transaction must be rolled back.
    func run(
        in transaction: borrowing WriteTransaction, upTo limit: Int = SchemaConversion.batch
    ) throws -> Bool {
        let access = transaction.access
        let plan = try plan(access) { root, error throws in
            guard policy == .eraseOnMismatch else { throw error }
            do { try RootChange.erase(root.name, in: access) } catch is SchemaChangeRefusal {
                throw error
            }
        }
        // A duplicate must leave all roots as they were.
        guard plan.planner.relocation.isNeeded || plan.planner.makesUniqueIndex else {
            guard let next = plan.changes.first else { return true }
            try next.run(in: access, upTo: limit)
            return false
        }
        let duplicates = plan.planner.duplicates
        for change in plan.changes {
            try change.run(in: access)
            guard let duplicate = duplicates.first else { continue }
            guard policy == .eraseOnMismatch, !plan.planner.relocation.isNeeded else {
                throw duplicate
            }
            try RootChange.erase(change.name, in: access)
            duplicates.forget()
        }
        plan.planner.relocation.finish(access)
        return true
    }

    /// Throws if there is something to convert: for a heap that cannot be written.
    func requireNone(_ access: HeapAccess) throws {
        guard let change = try plan(access, onRefusal: { throw $1 }).changes.first else { return }
        let history = TypeHistory(of: change.name, in: access)
        let version = try history.count + (change.isBegun(access) ? 0 : 1)
        throw HeapError.migrationNeeded(
            path: access.heapPath, version: version, wanted: version + 1)
    }

    // MARK: Planning

    private typealias Plan = (changes: [RootChange], planner: ConversionPlanner)

    private func plan(
        _ access: HeapAccess, onRefusal refuse: (DeclaredRoot, HeapError) throws -> Void
    ) throws -> Plan {
        // A root that is refused leaves records in the planner, so it is planned again without.
        var roots = roots
        while true {
            var planner = ConversionPlanner()
            var changes: [RootChange] = []
            var refused: DeclaredRoot?
            for root in roots where refused == nil {
                do throws(HeapError) {
                    if let change = try change(of: root, access, &planner) {
                        changes.append(change)
                    }
                } catch {
                    guard Self.isAboutTypes(error) else { throw error }
                    try refuse(root, error)
                    refused = root
                }
            }
            if refused == nil, let (root, error) = problem(changes, planner, access) {
                try refuse(root, error)
                refused = root
            }
            guard let refused else { return (changes, planner) }
            roots.removeAll { $0.name == refused.name }
        }
    }

    private func change(
        of root: DeclaredRoot, _ access: HeapAccess, _ planner: inout ConversionPlanner
    ) throws(HeapError) -> RootChange? {
        let catalogue = RootCatalogue(access)
        let requested = try root.handle.describe().text
        guard let entry = catalogue.entry(root.name) else { return nil }
        let isSame = entry.description == requested
        let remainder = catalogue.entry(RootCatalogue.remainderName(root.name))
        if isSame, remainder == nil { return nil }
        let history = TypeHistory(of: root.name, in: access)
        // A schema with a version above all others has taken the change back.
        if !isSame, let known = try history.firstIndex(of: requested),
            try !SchemaVersion(of: schema, in: access).isHighest
        {
            throw HeapError.newerData(
                path: access.heapPath, version: try history.count + 1, known: known + 1)
        }
        if policy == .forbidden {
            throw try mismatch(
                root, access,
                isSame
                    ? "its conversion is unfinished"
                    : TypeDescription(requested).difference(fromStored: entry.description))
        }
        if !isSame, remainder != nil {
            throw try mismatch(
                root, access,
                "its conversion to another type is unfinished, which only a program with that type "
                    + "can complete")
        }
        do {
            return try RootChange(
                root.name, from: remainder?.description ?? entry.description, to: root.handle,
                &planner)
        } catch let refusal as SchemaChangeRefusal {
            throw try mismatch(root, access, refusal.text)
        } catch let error as HeapError {
            throw error
        } catch {
            throw try mismatch(root, access, "\(error)")
        }
    }

    private func mismatch(
        _ root: DeclaredRoot, _ access: HeapAccess, _ difference: String
    ) throws(HeapError) -> HeapError {
        .rootTypeMismatch(
            path: access.heapPath, name: root.name,
            stored: RootCatalogue(access).entry(root.name)?.description ?? "",
            requested: try root.handle.describe().text, difference: difference)
    }

    // MARK: References

    /// Records that get new places must be found by all references to them.
    private func problem(
        _ changes: [RootChange], _ planner: ConversionPlanner, _ access: HeapAccess
    ) -> (DeclaredRoot, HeapError)? {
        guard let change = changes.first, !planner.changedRecords.isEmpty,
            let root = roots.first(where: { $0.name == change.name })
        else { return nil }
        func problem(_ text: String) -> (DeclaredRoot, HeapError)? {
            (try? mismatch(root, access, text)).map { (root, $0) }
        }
        // Those of the changed roots are converted with them.
        let converted = Set(changes.map(\.name))
        let others = RootCatalogue(access).descriptions.compactMap { name, text in
            converted.contains(name) ? nil : TypeShape(parsing: text).map { (name, $0) }
        }
        for (name, shape) in others {
            if let record = shape.reference(to: planner.changedRecords) {
                return problem(
                    "the fields of \(record) have changed, and references in the root "
                        + "\(name.debugDescription), which this program does not convert, lead to "
                        + "such records")
            }
        }
        guard planner.relocation.isNeeded else { return nil }
        // A record moves away from the place that owns it, which must then be converted too.
        for (name, shape) in others {
            if let record = shape.records.first(where: planner.changedRecords.contains) {
                return problem(
                    "the fields of \(record.name) have changed, and the root "
                        + "\(name.debugDescription), which this program does not convert, has such "
                        + "records")
            }
        }
        if let removed = planner.removedRecords.first(where: planner.changedRecords.contains) {
            return problem(
                "a removed field contains \(removed.name), which references lead to: only a "
                    + "declared step can convert it")
        }
        if let begun = changes.first(where: { $0.isBegun(access) }) {
            return problem("the conversion of \(begun.name) is unfinished")
        }
        return nil
    }

    /// Whether erasing a root would help.
    private static func isAboutTypes(_ error: HeapError) -> Bool {
        switch error {
        case .rootTypeMismatch, .newerData: true
        default: false
        }
    }
}
