import Holdfast
import HoldfastEngine

/// Every page of a heap, each exactly once and in order: what it is used for, and which roots own
/// how much of it.
///
/// A collection of stretches of pages that are used alike: a slab, a block of whole pages, free
/// pages, or a part of the heap's own records. Made by
/// `PersistentHeap.pageUse(knowing:comparingChecksums:)`. An element is made when it is asked
/// for, in O(owners of it).
public struct HeapPages: Sendable {
    private let account: PageAccount
    /// The owner that each of the account's numbers stands for.
    private let owners: [Owner]

    /// Pages of 4096 bytes from the heap's start to its end.
    public let pageCount: Int
    /// What each root takes, in the order of their names.
    public let roots: [RootUse]
    /// What the catalogue of roots itself takes, with all names and descriptions of types.
    public let catalogueBytes: Int
    /// Bytes of blocks in use that no root was found to lead to: those that the program allocated
    /// by itself, records that nothing refers to any more, and, if ``isComplete`` is false,
    /// whatever belongs to what could not be followed.
    public let unreachedBytes: Int
    /// How many blocks those are.
    public let unreachedBlocks: Int
    /// Pages that do not hold what was written to them, in ascending order; empty if they were not
    /// compared with their checksums.
    public let damagedPages: [Int]
    /// Whether pages were compared with their checksums.
    public let comparedChecksums: Bool
    /// What contradicts what, as ``HeapCheck/problems`` has it.
    public let problems: [String]

    /// Whether every root was followed and nothing contradicted anything, so that nothing in use is
    /// taken for unreached.
    public var isComplete: Bool { problems.isEmpty && roots.allSatisfy(\.isFollowed) }

    /// Who owns a block.
    public enum Owner: Hashable, Sendable {
        /// A root, by its index in ``HeapPages/roots``.
        case root(Int)
        /// The catalogue of roots.
        case catalogue
        /// Nobody that was found; see ``HeapPages/unreachedBytes``.
        case unreached
    }

    /// What pages are used for.
    public enum Kind: Hashable, Sendable {
        /// The two copies of the file's header.
        case header
        /// The allocator's own records: its root and the page map.
        case allocator
        /// Checksums of pages.
        case checksums
        /// Nothing.
        case free
        /// One block of whole pages.
        case run
        /// Blocks of one size class.
        case slab(Slab)
        /// A slab whose header is damaged.
        case damagedSlab
        /// It is not known what: the page map is damaged before it describes them.
        case unaccounted
    }

    /// A slab: pages cut into slots for blocks of one size.
    public struct Slab: Hashable, Sendable {
        /// Bytes of each slot.
        public let slotBytes: Int
        /// How many slots there are.
        public let slots: Int
        /// How many of them are in use.
        public let usedSlots: Int
    }

    /// Bytes of one owner.
    public struct Share: Hashable, Sendable {
        /// Who owns them.
        public let owner: Owner
        /// How many they are; in a stretch of several pages, spread over all of them.
        public let bytes: Int
    }

    /// Neighbouring pages that are used alike.
    public struct Stretch: Hashable, Sendable {
        /// Their numbers; page *n* begins 4096 × *n* bytes from the file's start.
        public let pages: Range<Int>
        /// What they are used for.
        public let kind: Kind
        /// Who owns bytes in them, the catalogue and the roots in their order, then what is
        /// unreached. Empty for what is no block or slab.
        public let shares: [Share]

        /// Bytes of blocks in use.
        public var usedBytes: Int { shares.reduce(0) { $0 + $1.bytes } }
    }

    /// What a walk that has recorded owners has found.
    init(_ verification: Verification, damagedPages: [Int]?, problems: [String]) {
        let account = verification.pageAccount
        self.account = account
        let found = verification.foundRoots
        let order = found.indices.sorted { found[$0].name < found[$1].name }
        func bytes(_ owner: Int) -> Int {
            owner < account.bytes.count ? Int(account.bytes[owner]) : 0
        }
        roots = order.map { index in
            let blocks = index + 1 < account.blocks.count ? account.blocks[index + 1] : 0
            let root = Root(
                name: found[index].name, type: TypeDescription(found[index].description ?? ""))
            return RootUse(
                root: root, bytes: bytes(index + 1), blocks: blocks,
                isFollowed: verification.isFollowed(found[index]))
        }
        var owners = [Owner](repeating: .catalogue, count: found.count + 1)
        for (place, index) in order.enumerated() { owners[index + 1] = .root(place) }
        self.owners = owners
        pageCount = Int(account.pageCount)
        catalogueBytes = bytes(0)
        unreachedBytes = Int(account.unclaimedBytes)
        unreachedBlocks = account.unclaimedBlocks
        self.damagedPages = damagedPages ?? []
        comparedChecksums = damagedPages != nil
        self.problems = problems
    }

    /// The index of the stretch that the page is in; nil outside the heap. O(log stretches).
    public func index(ofPage page: Int) -> Int? {
        guard page >= 0, page < pageCount else { return nil }
        var low = 0
        var high = account.stretches.count
        while low < high {
            let middle = (low + high) / 2
            if Int(account.stretches[middle].first) <= page {
                low = middle + 1
            } else {
                high = middle
            }
        }
        return low - 1
    }
}

extension HeapPages: RandomAccessCollection {
    public var startIndex: Int { 0 }
    public var endIndex: Int { account.stretches.count }

    public subscript(index: Int) -> Stretch {
        let stretch = account.stretches[index]
        var shares = account.shares(of: index).map {
            Share(owner: owners[Int($0.owner)], bytes: Int($0.bytes))
        }
        shares.sort { Self.rank($0.owner) < Self.rank($1.owner) }
        let rest = Int(account.usedBytes(of: index)) - shares.reduce(0) { $0 + $1.bytes }
        if rest > 0 { shares.append(Share(owner: .unreached, bytes: rest)) }
        let first = Int(stretch.first)
        return Stretch(
            pages: first ..< first + Int(stretch.pages), kind: kind(of: stretch), shares: shares)
    }

    private static func rank(_ owner: Owner) -> Int {
        switch owner {
        case .catalogue: -1
        case .root(let index): index
        case .unreached: .max
        }
    }

    private func kind(of stretch: PageAccount.Stretch) -> Kind {
        switch stretch.kind {
        case .header: .header
        case .allocator: .allocator
        case .checksums: .checksums
        case .free: .free
        case .run: .run
        case .slab:
            .slab(
                Slab(
                    slotBytes: stretch.slotBytes, slots: stretch.slots,
                    usedSlots: Int(stretch.usedSlots)))
        case .damagedSlab: .damagedSlab
        case .unaccounted: .unaccounted
        }
    }
}
