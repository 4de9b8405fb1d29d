import Holdfast
import HoldfastEngine
import HoldfastSystem

extension PersistentHeap {
    /// Passes to `body` what differs between another heap and this one: two states of a heap, as of
    /// a copy of it, or different heaps.
    ///
    /// Roots are compared in the order of their names; those of `roots`, or all. Maps, sets and
    /// tables are compared by their keys, arrays and deques by an alignment, records and structs by
    /// their fields, enums by their cases. Values are equal if exports write the same of them. A
    /// value that was added or removed is one change, with everything in it. Only a root that was
    /// added or removed is followed by its elements or entries, one by one, as if they had been
    /// added to an empty collection; so is a value that is nested hundreds of levels deep, by its
    /// parts, down to values without parts.
    ///
    /// A reference is equal to another one if both lead to the same record. A record that something
    /// owns is the same as the one at the same path, and is compared there. Any other is the same
    /// as the record that the first pair of references leads to, and its differences are reported
    /// there, once. If only one heap has it, it is reported after its root, at a path that begins
    /// with ``HeapChange/Part/record(_:)``, with the number by which values refer to it. A path
    /// over many references begins in the same way.
    ///
    /// If a root has another type, this is a change of its own, and what can be compared follows.
    /// What a table's indexes contain, and which number it has used last, is not compared.
    ///
    /// Types need not be known to the program, except that `types` name those which the heap does
    /// not describe. Both heaps are read as of the beginning. Everything is verified first, and the
    /// pages are compared with their checksums: damage is an error and nothing is reported. At most
    /// one element of a root is in memory at a time, plus what is needed for each level that it is
    /// nested, 48 bytes for each run of pages, and a few numbers for each referenced record.
    ///
    /// Safe to call on any thread. Readers and writers of all processes continue; a view of each
    /// heap stays open during the call. `body` must change neither heap.
    ///
    /// - Throws: `HeapError.rootNotFound(path:name:)` if neither heap has a root of `roots`;
    ///   `HeapError.damaged(path:what:)` and `HeapError.damagedPages(path:pages:)`;
    ///   `HeapError.unknownType(path:name:type:)`; the errors of reading; and any error that `body`
    ///   throws, which ends the comparison.
    /// - Complexity: O(amount of data that the roots lead to, and length of the changes).
    public func differences(
        from older: PersistentHeap, roots: [String]? = nil,
        knowing types: [any Persistable.Type] = [], _ body: (HeapChange) throws -> Void
    ) throws {
        try differences(from: older, roots: roots, knowing: types, values: .json, body)
    }

    /// The same, with values in a style.
    package func differences(
        from older: PersistentHeap, roots: [String]? = nil,
        knowing types: [any Persistable.Type] = [], values style: ChangeValueStyle,
        _ body: (HeapChange) throws -> Void
    ) throws {
        try RunTimeTypes.install(knowing: types)
        try older.read { before in
            try read { now in
                let left = try older.rootsToCompare(before.access, roots)
                let right = try rootsToCompare(now.access, roots)
                let names = Set(left.roots.keys).union(right.roots.keys)
                if let missing = roots?.first(where: { !names.contains($0) }) {
                    throw HeapError.rootNotFound(path: path, name: missing)
                }
                let numbersArePlaces = if case .text = style { true } else { false }
                let pairs = RecordPairs(
                    oldOwned: left.owned, newOwned: right.owned,
                    numbersArePlaces: numbersArePlaces)
                try withoutActuallyEscaping(body) { body in
                    let walk = DifferenceWalk(
                        ComparedHeap(before.access, .old, pairs, style: style),
                        ComparedHeap(now.access, .new, pairs, style: style), pairs,
                        requireGoingOn: { try self.requireNotCancelled() }, report: body)
                    let sorted = names.sorted()
                    if left.hasReferences, right.hasReferences {
                        for name in sorted {
                            try walk.compare(
                                root: name, left.roots[name], right.roots[name], .pairing)
                        }
                    }
                    pairs.complete()
                    for name in sorted {
                        try walk.compare(
                            root: name, left.roots[name], right.roots[name], .reporting)
                    }
                }
            }
        }
    }

    /// The roots of a heap that are compared, verified.
    private struct ComparedRoots {
        let roots: [String: RootVerifier.Found]
        /// The targets of references that something else owns.
        let owned: Set<UInt64>
        let hasReferences: Bool
    }

    private func rootsToCompare(_ access: HeapAccess, _ names: [String]?) throws -> ComparedRoots {
        let path = path
        var verifier = RootVerifier(
            access, leavingOutIndexes: true,
            comparing: { (pages) throws(HeapError) in
                try self.engine.scrub(only: pages).damagedPages
            },
            failure: { .damaged(path: path, what: "the root \"\($0)\": \($1)") })
        verifier.end(when: engine.options.isCancelled)
        let all = try verifier.roots()
        let known = Set(all.map(\.name))
        let chosen = all.filter { root in
            names?.contains(root.name) ?? !RootCatalogue.isHidden(root.name, known.contains)
        }
        let found = try verifier.find(chosen.map(\.asEntry))
        let owned = try verifier.verify(found)
        return ComparedRoots(
            roots: Dictionary(uniqueKeysWithValues: found.map { ($0.name, $0) }), owned: owned,
            hasReferences: !verifier.verification.referredPlaces.isEmpty)
    }

    private func requireNotCancelled() throws(HeapError) {
        if engine.options.isCancelled?() == true { throw HeapError.cancelled(path: path) }
    }
}
