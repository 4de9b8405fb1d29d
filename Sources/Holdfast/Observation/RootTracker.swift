import HoldfastEngine

/// Finds out which roots commits have changed: those that stand on a changed line.
///
/// It knows the lines of each root in the newest state that it has looked at, as bounded sets. The
/// log says which lines later commits have changed, so only roots that are concerned are walked
/// anew, and no view is held meanwhile.
///
/// `@unchecked Sendable`: one iteration uses it, one step at a time.
final class RootTracker: @unchecked Sendable {
    private struct Footprint {
        let offset: UInt64
        let type: String
        let lines: LineSet
    }

    private let reader: CommitReader
    private var footprints: [String: Footprint] = [:]
    private var isFirst = true
    private var version: HeapVersion
    private var catalogueVersion: UInt64 = 0

    /// Begins with the present version.
    init(_ engine: HeapEngine) {
        reader = engine.makeCommitReader()
        version = HeapVersion(position: engine.newestPosition)
    }

    /// Looks at the newest state. Nil if nothing has changed in any root since the last time.
    func update(_ tx: borrowing ReadTransaction) -> TouchedRoots? {
        let access = tx.access
        let before = version
        guard isFirst || before != tx.version else { return nil }
        let changed = isFirst ? nil : reader.changes(upTo: access.position)
        isFirst = false
        // After records that could not be read, and at first.
        if changed == nil, let place = access.logPlace { reader.begin(at: place) }
        version = tx.version

        var touched: Set<String> = []
        if let changed {
            for (name, footprint) in footprints where footprint.lines.intersects(changed.lines) {
                touched.insert(name)
            }
        }
        if changed == nil || access.catalogueVersion != catalogueVersion {
            catalogueVersion = access.catalogueVersion
            touched.formUnion(listRoots(access, areAllTouched: changed == nil))
        }
        let catalogue = RootCatalogue(access)
        for name in touched {
            footprints[name] = catalogue.entry(name).map { Self.footprint($0, access) }
        }
        guard before != version, !touched.isEmpty else { return nil }
        return TouchedRoots(from: before, to: tx.version, names: touched.sorted())
    }

    /// Returns the names of roots that are new, gone, or at another place or of another type.
    private func listRoots(_ access: HeapAccess, areAllTouched: Bool) -> Set<String> {
        let catalogue = RootCatalogue(access)
        let names = Set(catalogue.all.map(\.name))
        return names.union(footprints.keys).filter { name in
            guard !areAllTouched, let entry = catalogue.entry(name), let known = footprints[name]
            else { return true }
            return known.offset != entry.offset || known.type != entry.description
        }
    }

    private static func footprint(_ entry: RootCatalogue.Entry, _ access: HeapAccess) -> Footprint {
        var lines = LineSet()
        if let type = TypeRegistry.shared.type(describedAs: entry.description) {
            var walk = OwnedLines(access, collectingIn: lines)
            type.verify(at: entry.place, in: &walk)
            if let all = walk.lines { lines = all }
        } else {
            // What it owns is not known.
            lines.insertAll()
        }
        return Footprint(offset: entry.offset, type: entry.description, lines: lines)
    }
}
