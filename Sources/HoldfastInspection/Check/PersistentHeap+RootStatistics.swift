import Holdfast
import HoldfastEngine

/// What a root is and how much it holds; see
/// `PersistentHeap.rootStatistics(following:knowing:progress:)`.
public struct RootStatistics: Equatable, Sendable {
    /// Its name and type.
    public let root: Root
    /// Elements of a collection, entries of a map, UTF-8 bytes of a text, 1 for a value. Nil if the
    /// root's header does not look like one.
    public let count: Int?
    /// Blocks that the root owns, and their bytes as allocated, with everything nested in it and
    /// every record that it alone leads to; what several roots lead to counts for one of them. Nil
    /// if the root's type is not known to this program.
    public let blocks: Int?
    /// The bytes of these blocks; nil as ``blocks``.
    public let bytes: Int?
    /// What contradicts what, with the place in the root; empty for a sound root. At most 20.
    public let problems: [String]
}

extension PersistentHeap {
    /// How much each root holds, sorted by name.
    ///
    /// Follows everything that the roots lead to, trusting none of it; types are known as in
    /// ``check(knowing:progress:)``. `progress` is told now and then how many bytes are done, of
    /// how many in use. Where `following` is false only the catalogue is read: O(roots), without
    /// blocks and bytes. Otherwise O(data), and the view stays open meanwhile. Throws what reading
    /// throws, and `HeapError.damaged(path:what:)` if the catalogue of roots itself is.
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
    /// What the walk has found out about each root, sorted by name; without Holdfast's own.
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

    /// By the number in the root's header, which is where it is in all collections.
    private func count(of found: FoundRoot, describedAs description: String, isSound: Bool) -> Int?
    {
        let name = description.prefix { $0 != "<" }
        switch name {
        case "Value": return 1
        case "PersistentBitSet":
            // It counts its bits; not where they may lie anywhere.
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
