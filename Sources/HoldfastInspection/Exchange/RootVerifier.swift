import Holdfast
import HoldfastEngine

/// Finds the roots that are about to be read, and verifies everything that they lead to, so that
/// reading them cannot trap.
struct RootVerifier {
    /// Returns those of the pages that do not match their checksums.
    typealias PageComparison = (PageSet) throws(HeapError) -> [Int]

    /// A root, and its type.
    struct Found {
        let name: String
        let entry: RootCatalogue.Entry
        let type: any LineStreamable.Type
    }

    private let access: HeapAccess
    private let damagedPages: PageComparison?
    /// Returns the error for a contradiction in a root.
    private let failure: (_ root: String, _ problem: String) -> HeapError
    private(set) var verification: Verification

    /// Without a comparison, values are taken as they are, however they got there. If
    /// `leavesOutIndexes`, the indexes of tables are not looked at.
    init(
        _ access: HeapAccess, leavingOutIndexes leavesOutIndexes: Bool,
        comparing damagedPages: PageComparison?,
        failure: @escaping (_ root: String, _ problem: String) -> HeapError
    ) {
        self.access = access
        self.damagedPages = damagedPages
        self.failure = failure
        verification = Verification(access)
        if damagedPages != nil { verification.collectPages() }
        if leavesOutIndexes { verification.indexes = .leftOut }
        verification.collectsReferredPlaces = true
    }

    /// Ends the walk with `HeapError.cancelled` soon after `isCancelled` says so.
    mutating func end(when isCancelled: (@Sendable () -> Bool)?) {
        guard let isCancelled else { return }
        verification.mayGoOn = { _ in !isCancelled() }
    }

    /// All roots, Holdfast's own too. Verifies the catalogue.
    mutating func roots() throws(HeapError) -> [FoundRoot] {
        verification.followsRoots = false
        verification.followRoots()
        try requireNotCancelled()
        if let problem = verification.problems.first {
            throw HeapError.damaged(path: access.heapPath, what: problem)
        }
        return verification.foundRoots
    }

    /// Looks up the types of roots.
    func find(_ entries: [NamedEntry]) throws(HeapError) -> [Found] {
        var roots: [Found] = []
        for (name, entry) in entries {
            guard
                let type = RunTimeTypes.registry.type(describedAs: entry.description)
                    as? any LineStreamable.Type
            else {
                throw HeapError.unknownType(
                    path: access.heapPath, name: name, type: entry.description)
            }
            roots.append(Found(name: name, entry: entry, type: type))
        }
        return roots
    }

    /// Verifies roots, and compares their pages with their checksums. Returns the targets of
    /// references that have another owner.
    mutating func verify(_ roots: [Found]) throws(HeapError) -> Set<UInt64> {
        for root in roots {
            verification.within(.value(keyAt: root.entry.keyPlace, String.self)) {
                root.type.verify(at: root.entry.place, in: &$0)
            }
            verification.followReferences()
            try requireNotCancelled()
            if let problem = verification.problems.first { throw failure(root.name, problem) }
        }
        if let pages = verification.claimedPages, let damaged = try damagedPages?(pages),
            !damaged.isEmpty
        {
            throw HeapError.damagedPages(path: access.heapPath, pages: damaged.sorted())
        }
        return verification.ownedReferredPlaces
    }

    private func requireNotCancelled() throws(HeapError) {
        if verification.wasCancelled { throw HeapError.cancelled(path: access.heapPath) }
    }
}

/// A root to be read, and its place.
typealias NamedEntry = (name: String, entry: RootCatalogue.Entry)

extension FoundRoot {
    var asEntry: NamedEntry {
        (
            name,
            RootCatalogue.Entry(
                keyPlace: keyPlace, place: place, offset: offset, description: description ?? "")
        )
    }
}
