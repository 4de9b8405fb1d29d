import Holdfast
import HoldfastEngine

/// All pages of a heap, each exactly once and in order, with their use and the roots that own data
/// in them.
///
/// A collection of ranges of pages with the same use: a slab, a block of whole pages, free pages,
/// or a part of the heap's own records. `PersistentHeap.pageUse(knowing:comparingChecksums:)`
/// creates it. Each element is created on access, in O(number of its owners).
public struct HeapPages: Sendable {
    private let account: PageAccount
    /// The owner for each of the account's numbers.
    private let owners: [Owner]

    /// The number of pages of 4096 bytes in the heap.
    public let pageCount: Int
    /// The space that each root takes, in the order of their names.
    public let roots: [RootUse]
    /// The number of bytes in the catalogue of roots, including all names and type descriptions.
    public let catalogueBytes: Int
    /// The number of bytes in blocks that are in use but that no root leads to.
    ///
    /// These are blocks that the program has allocated directly and records that nothing refers to
    /// any more. If ``isComplete`` is false, they include data that could not be followed.
    public let unreachedBytes: Int
    /// The number of those blocks.
    public let unreachedBlocks: Int
    /// The pages whose contents do not match their checksums, in ascending order. Empty if they
    /// were not compared.
    public let damagedPages: [Int]
    /// Whether pages were compared with their checksums.
    public let comparedChecksums: Bool
    /// Contradictions, as in ``HeapCheck/problems``.
    public let problems: [String]

    /// Whether every root was followed without any contradiction, so that no data of a root is
    /// counted as unreached.
    public var isComplete: Bool { problems.isEmpty && roots.allSatisfy(\.isFollowed) }

    /// The owner of a block.
    public enum Owner: Hashable, Sendable {
        /// A root, by its index in ``HeapPages/roots``.
        case root(Int)
        /// The catalogue of roots.
        case catalogue
        /// No owner was found. See ``HeapPages/unreachedBytes``.
        case unreached
    }

    /// The use of pages.
    public enum Kind: Hashable, Sendable {
        /// The two copies of the file's header.
        case header
        /// The allocator's own records: its root and the page map.
        case allocator
        /// Checksums of pages.
        case checksums
        /// Free pages.
        case free
        /// A single block of whole pages.
        case run
        /// Blocks of one size class.
        case slab(Slab)
        /// A slab whose header is damaged.
        case damagedSlab
        /// Unknown: the page map is damaged before the descriptors of these pages.
        case unaccounted
    }

    /// A slab: pages cut into slots for blocks of one size.
    public struct Slab: Hashable, Sendable {
        /// The size of each slot in bytes.
        public let slotBytes: Int
        /// The number of slots.
        public let slots: Int
        /// The number of slots in use.
        public let usedSlots: Int
    }

    /// The bytes of one owner.
    public struct Share: Hashable, Sendable {
        /// The owner of the bytes.
        public let owner: Owner
        /// The number of bytes. In a range of several pages, they are spread over all of them.
        public let bytes: Int
    }

    /// Adjacent pages with the same use.
    public struct Stretch: Hashable, Sendable {
        /// The numbers of the pages. Page *n* begins 4096 × *n* bytes from the start of the file.
        public let pages: Range<Int>
        /// The use of the pages.
        public let kind: Kind
        /// The owners of bytes in the pages: the catalogue, the roots in order, and then the
        /// unreached blocks. Empty for pages without blocks.
        public let shares: [Share]

        /// The number of bytes in blocks in use.
        public var usedBytes: Int { shares.reduce(0) { $0 + $1.bytes } }
    }

    /// Creates the collection from a walk that has recorded owners.
    init(_ verification: Verification, damagedPages: [Int]?, problems: [String]) {
        let account = verification.pageAccount
        self.account = account
        let found = verification.foundRoots
        let names = Set(found.map(\.name))
        let order = found.indices.sorted { found[$0].name < found[$1].name }
        func bytes(_ owner: Int) -> Int {
            owner < account.bytes.count ? Int(account.bytes[owner]) : 0
        }
        roots = order.map { index in
            let blocks = index + 1 < account.blocks.count ? account.blocks[index + 1] : 0
            let root = Root(
                name: RootCatalogue.shownName(found[index].name, names.contains),
                type: TypeDescription(found[index].description ?? ""))
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

    /// Returns the index of the range that contains the page, or nil outside the heap.
    ///
    /// - Complexity: O(log *n*), where *n* is the number of ranges.
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
