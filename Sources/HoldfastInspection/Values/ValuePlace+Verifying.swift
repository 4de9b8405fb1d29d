import Holdfast
import HoldfastEngine

extension ValuePlace {
    /// What is about to be read of a value.
    package enum Part {
        /// Its own header, but nothing of its contents: its kind, its count, its place.
        case itself
        /// The value for a key of a map.
        case key(PlainValue)
        /// Elements or entries of these numbers, with `nested` elements of every collection in them
        /// and `depth` levels of nesting; of other values, everything within these limits.
        case elements(Range<Int>, nested: Int, depth: Int)
    }

    /// Returns the first contradiction in a part of the value, as text, or nil if reading it cannot
    /// trap. The place itself must have been verified. Calls `mayGoOn` now and then; if it returns
    /// false, the result is nil and nothing has been verified.
    ///
    /// - Complexity: O(size of the part), and for a map of one of its segments, whatever the size
    ///   of the rest.
    package func problem(reading part: Part, goingOn mayGoOn: @escaping () -> Bool) throws
        -> String?
    {
        if case .persistable(let type) = content, let box = type as? any InspectableBox.Type {
            func verify<Value: Persistable>(_: Value.Type) -> String? {
                var verification = PartVerification(access, visiting: .nothing)
                verification.verify(boxAt: place, of: Value.self)
                return verification.problem
            }
            return try verify(box.contentType)
                ?? inside.problem(reading: part, goingOn: mayGoOn)
        }
        var verification =
            switch part {
            case .itself: PartVerification(access, visiting: .nothing, mayGoOn: mayGoOn)
            case .key(let key):
                PartVerification(access, visiting: .key(try anyKey(key)), mayGoOn: mayGoOn)
            case .elements(let range, let nested, let depth):
                PartVerification(
                    access, visiting: .elements(range), elements: nested, levels: depth,
                    mayGoOn: mayGoOn)
            }
        switch content {
        case .plain(let layout): layout.verify(at: place, in: &verification)
        case .persistable(let type):
            if let reference = type as? any InspectableReference.Type {
                verify(reference.targetType, &verification)
            } else {
                type.verify(at: place, in: &verification)
            }
        }
        return verification.problem
    }

    /// The record that a reference leads to is asked for its fields only when it is followed.
    private func verify<Record: HeapRecord>(
        _ type: Record.Type, _ verification: inout PartVerification
    ) {
        verification.verify(targetAt: place, type)
    }

    private func anyKey(_ key: PlainValue) throws -> Any {
        let entries = try entries
        let key = try key.resolved(as: ShapeCache.shared.shape(of: entries.keyType), notes)
        try entries.requireFits(key)
        return try Self.typed(key, entries.keyType)
    }

    private static func typed(_ key: PlainValue, _ type: any Persistable.Type) throws -> Any {
        func typed<Key: PersistableKey>(_: Key.Type) throws -> Any { try key.key(as: Key.self) }
        guard let type = type as? any PersistableKey.Type else {
            throw InspectionProblem("\(key.kind) cannot be a key")
        }
        return try typed(type)
    }
}

extension HeapAccess {
    /// The error for a damaged catalogue.
    func catalogueError(_ problem: String) -> HeapError {
        HeapError.damaged(path: heapPath, what: "the catalogue of roots: \(problem)")
    }
}

extension ReadTransaction {
    /// Returns the root with this name, or nil if there is none. Throws `HeapError.damaged` if the
    /// catalogue of roots is damaged. Nothing of the root itself has been verified.
    package func verifiedPlace(ofRoot name: String) throws(HeapError) -> ValuePlace? {
        RunTimeTypes.install()
        let (roots, problem) = access.verifiedCatalogue
        if let problem { throw access.catalogueError(problem) }
        guard roots.contains(where: { $0.name == name }) else { return nil }
        return try access.place(ofRoot: name)
    }
}

extension PersistentHeap {
    /// Runs `body` as a read transaction, and returns the damaged pages among those that it has
    /// read: whose bytes do not match their checksums. O(pages read).
    package func readingSoundPages<Value>(
        _ body: (borrowing ReadTransaction) throws -> Value
    ) throws -> (value: Value, damagedPages: [Int]) {
        let (value, reads) = try read { tx in try tx.access.recordingReads { try body(tx) } }
        return (value, try engine.scrub(only: reads.lines.pages).damagedPages)
    }

    /// The roots that are in the middle of a migration or a conversion: what they hold is divided
    /// between an old and a new form until a program that knows both opens the heap.
    package var unfinishedRoots: [String] {
        get throws { try read { tx in tx.access.verifiedUnfinishedRoots } }
    }

    /// The number of pages that a read transaction reads.
    package func pagesRead(_ body: (borrowing ReadTransaction) throws -> Void) throws -> Int {
        try read { tx in try tx.access.recordingReads { try body(tx) }.reads.lines.pageCount }
    }
}
