import Holdfast
import HoldfastEngine

/// The type and size of a root. See `PersistentHeap.rootStatistics(following:knowing:progress:)`.
public struct RootStatistics: Equatable, Sendable {
    /// The name and type of the root.
    public let root: Root
    /// The number of elements of a collection, entries of a map, or UTF-8 bytes of a string; 1 for
    /// a value. Nil if the root's header is not valid.
    public let count: Int?
    /// The number of blocks that the root owns, including nested data and the records that only it
    /// leads to. Data that several roots lead to counts for one of them. Nil if this program does
    /// not know the root's type.
    public let blocks: Int?
    /// The size in bytes of these blocks, as allocated. Nil under the same condition as ``blocks``.
    public let bytes: Int?
    /// Contradictions, with their places in the root. Empty for an undamaged root. At most 20.
    public let problems: [String]
}

extension PersistentHeap {
    /// Returns the size of each root, sorted by name.
    ///
    /// Follows everything that the roots lead to, without trusting any of it. Types are known as in
    /// ``check(knowing:progress:)``. `progress` is called now and then with the number of bytes
    /// done and of bytes in use. If `following` is false, only the catalogue is read, and there are
    /// no blocks and bytes. Otherwise a view stays open during the call.
    ///
    /// - Throws: The errors of reading, and `HeapError.damaged(path:what:)` if the catalogue itself
    ///   is damaged.
    /// - Complexity: O(amount of data), or O(number of roots) if `following` is false.
    public func rootStatistics(
        following: Bool = true, knowing types: [any Persistable.Type] = [],
        progress: ((_ done: Int, _ of: Int) -> Void)? = nil
    ) throws -> [RootStatistics] {
        try RunTimeTypes.install(knowing: types)
        let used = try statistics().usedBytes
        return try withoutActuallyEscaping({ (done: Int) in progress?(min(done, used), used) }) {
            report in
            try read { tx in
                var verification = Verification(tx.access)
                verification.followsRoots = following
                verification.mayGoOn = { done in
                    report(done)
                    return self.engine.options.isCancelled?() != true
                }
                verification.run()
                if verification.wasCancelled { throw HeapError.cancelled(path: path) }
                if let problem = verification.catalogueProblem {
                    throw HeapError.damaged(path: path, what: problem)
                }
                return verification.rootStatistics
            }
        }
    }
}

extension Verification {
    /// The results of the walk for each root, sorted by name, without Holdfast's own roots.
    var rootStatistics: [RootStatistics] {
        let unknown = Set(unknownRoots.map(\.name))
        let names = Set(foundRoots.map(\.name))
        return foundRoots.filter { !RootCatalogue.isHidden($0.name, names.contains) }.map { found in
            let account = accounts[found.keyPlace] ?? RootAccount()
            let isFollowed = followsRoots && !unknown.contains(found.name)
            return RootStatistics(
                root: Root(name: found.name, type: TypeDescription(found.description ?? "")),
                count: found.description.flatMap {
                    count(
                        of: found, describedAs: $0, isSound: isFollowed && account.problems.isEmpty)
                },
                blocks: isFollowed ? account.blocks : nil, bytes: isFollowed ? account.bytes : nil,
                problems: account.problems)
        }.sorted { $0.root.name < $1.root.name }
    }

    /// Reads the count from the root's header, where all collections have it.
    private func count(of found: FoundRoot, describedAs description: String, isSound: Bool) -> Int?
    {
        let name = description.prefix { $0 != "<" }
        switch name {
        case "Value": return 1
        case "PersistentBitSet":
            // A bit set counts its bits, which requires valid places.
            return isSound
                ? PersistentBitSet.load(RelativePointer(offset: found.offset), from: access).count
                : nil
        default:
            let magics: Set<UInt32> = [0x5241_4648, 0x5144_4648, 0x504d_4648, 0x4d53_4648]
            guard ledgerContains(found.offset, 16),
                magics.contains(load(found.offset, as: UInt32.self))
            else { return nil }
            return Int(exactly: load(found.offset + 8, as: UInt64.self))
        }
    }
}
