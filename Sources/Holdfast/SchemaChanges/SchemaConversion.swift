import HoldfastEngine

/// Converts the roots of a heap to the types that a schema declares.
struct SchemaConversion {
    /// The elements that one transaction converts.
    static let batch = 10_000

    let roots: [DeclaredRoot]
    let policy: SchemaChanges

    /// Whether a root has another type, or its conversion is unfinished.
    func isNeeded(_ access: HeapAccess) throws(HeapError) -> Bool {
        let catalogue = RootCatalogue(access)
        for root in roots {
            if catalogue.contains(RootCatalogue.remainderName(root.name)) { return true }
            do throws(HeapError) { _ = try access.findRoot(root.name, as: root.handle) } catch {
                guard case .rootTypeMismatch = error else { throw error }
                return true
            }
        }
        return false
    }

    /// Does one transaction's share of the work, and returns whether it was the last. Nothing is
    /// changed if a root cannot be converted.
    func run(
        in transaction: borrowing WriteTransaction, upTo limit: Int = SchemaConversion.batch
    ) throws -> Bool {
        let access = transaction.access
        let changes = try changes(access) { root, error throws in
            guard policy == .eraseOnMismatch else { throw error }
            do { try RootChange.erase(root.name, in: access) } catch is SchemaChangeRefusal {
                throw error
            }
        }
        guard let next = changes.first else { return true }
        try next.run(in: access, upTo: limit)
        return false
    }

    /// Throws if there is something to convert: for a heap that cannot be written.
    func requireNone(_ access: HeapAccess) throws {
        guard let change = try changes(access, onRefusal: { throw $1 }).first else { return }
        let history = TypeHistory(of: change.name, in: access)
        let isBegun = RootCatalogue(access).contains(RootCatalogue.remainderName(change.name))
        let version = try history.count + (isBegun ? 0 : 1)
        throw HeapError.migrationNeeded(
            path: access.heapPath, version: version, wanted: version + 1)
    }

    // MARK: Planning

    private func changes(
        _ access: HeapAccess, onRefusal refuse: (DeclaredRoot, HeapError) throws -> Void
    ) throws -> [RootChange] {
        var changes: [RootChange] = []
        for root in roots {
            do throws(HeapError) {
                if let change = try change(of: root, access) { changes.append(change) }
            } catch {
                guard error.isAboutTypes else { throw error }
                try refuse(root, error)
            }
        }
        return changes
    }

    private func change(of root: DeclaredRoot, _ access: HeapAccess) throws(HeapError)
        -> RootChange?
    {
        let catalogue = RootCatalogue(access)
        let requested = try root.handle.describe().text
        guard let entry = catalogue.entry(root.name) else { return nil }
        let isSame = entry.description == requested
        let remainder = catalogue.entry(RootCatalogue.remainderName(root.name))
        if isSame, remainder == nil { return nil }
        func mismatch(_ difference: String) -> HeapError {
            .rootTypeMismatch(
                path: access.heapPath, name: root.name, stored: entry.description,
                requested: requested, difference: difference)
        }
        let history = TypeHistory(of: root.name, in: access)
        if !isSame, let known = try history.firstIndex(of: requested) {
            throw HeapError.newerData(
                path: access.heapPath, version: try history.count + 1, known: known + 1)
        }
        if policy == .forbidden {
            throw mismatch(
                isSame
                    ? "its conversion is unfinished"
                    : TypeDescription(requested).difference(fromStored: entry.description))
        }
        if !isSame, remainder != nil {
            throw mismatch(
                "its conversion to another type is unfinished, which only a program with that type "
                    + "can complete")
        }
        do {
            let change = try RootChange(
                root.name, from: remainder?.description ?? entry.description, to: root.handle)
            try requireUnreferenced(change, access)
            return change
        } catch let refusal as SchemaChangeRefusal {
            throw mismatch(refusal.text)
        } catch let error as HeapError {
            throw error
        } catch {
            throw mismatch("\(error)")
        }
    }

    /// Records that get new places must not be the targets of references, in any root.
    private func requireUnreferenced(_ change: RootChange, _ access: HeapAccess) throws {
        if change.records.isEmpty { return }
        for text in RootCatalogue(access).descriptions {
            if let name = TypeShape(parsing: text)?.reference(to: change.records) {
                throw SchemaChangeRefusal(
                    "the fields of \(name) have changed, and references lead to such records: only "
                        + "a declared step can convert them")
            }
        }
    }
}

extension HeapError {
    /// Whether erasing a root would help.
    fileprivate var isAboutTypes: Bool {
        switch self {
        case .rootTypeMismatch, .newerData: true
        default: false
        }
    }
}
