import HoldfastFormat

/// The owners of a heap's blocks: each block in use may be claimed once, by the reference that
/// leads to it.
///
/// For checking the contents of a heap without trusting any of it. Nothing here traps or reads
/// outside the heap, whatever the file holds. Because a block can be claimed only once, a walk that
/// claims before it follows a pointer cannot run in a cycle.
///
/// Memory: 56 bytes per run of pages, which a slab is too, and 32 for each kind of note that has
/// been made. Valid as long as the transaction that it was made in.
public struct BlockLedger {
    private struct Run {
        var first: UInt64
        var pages: UInt64
        var kind: PageDescriptor.Kind
        var sizeClass: UInt8
    }

    let access: HeapAccess
    private let limit: UInt64
    private var runs: [Run] = []
    /// One bit per block that has been claimed. A slab has four words, like its bitmap; a run uses
    /// the first bit.
    private var claimed: [UInt64] = []
    /// What the walk notes about blocks, like `claimed`; empty until the first one is noted.
    private var referred: [UInt64] = []
    private var owned: [UInt64] = []
    public private(set) var claimedBlocks = 0
    /// Bytes of all claimed blocks, as allocated: whole blocks of their size class, or whole pages.
    public private(set) var claimedBytes = 0

    /// The owner of the following claims, if owners are recorded.
    package var owner: UInt32 = 0
    private(set) var tally: OwnerTally?

    /// Records owners from here on, for `pageAccount`.
    package mutating func recordOwners() { tally = OwnerTally(runs: runs.count) }

    /// Every page, with the recorded owners. O(runs + slabs).
    package var pageAccount: PageAccount { PageAccount(self) }

    /// Reads the page map. O(runs).
    public init(_ access: HeapAccess) {
        self.access = access
        limit = access.context.pointee.byteCount
        let pages = limit >> HeapLayout.pageShift
        guard pages >= HeapLayout.initialPages else { return }
        let base = UnsafeRawPointer(access.context.pointee.base)
        let end = base.load(fromByteOffset: Int(AllocatorRoot.endField), as: UInt64.self)
        for run in PageWalk(base: base, end: min(end, pages))
        where run.kind == .slab || run.kind == .run {
            runs.append(
                Run(
                    first: UInt64(run.pages.lowerBound), pages: UInt64(run.pages.count),
                    kind: run.kind, sizeClass: run.sizeClass)
            )
        }
        claimed = Array(repeating: 0, count: runs.count * SlabHeader.bitmapWords)
    }

    /// Whether the range lies inside the heap and may be read.
    public func contains(_ offset: UInt64, _ byteCount: Int) -> Bool {
        byteCount >= 0 && offset <= limit && UInt64(byteCount) <= limit - offset
    }

    /// Claims the block in use that begins at `offset` and was allocated with this size and
    /// alignment. Returns nil, or a description of the problem. O(log runs).
    public mutating func claim(_ offset: UInt64, byteCount: Int, alignment: Int) -> String? {
        let (place, problem) = find(offset, byteCount: byteCount, alignment: alignment)
        guard let place else { return problem }
        guard claimed[place.word] & place.bit == 0 else {
            return "lies at \(offset), in a block that also has another owner"
        }
        claimed[place.word] |= place.bit
        claimedBlocks += 1
        claimedBytes += place.bytes
        tally?.add(UInt64(place.bytes), of: owner, inRun: place.word / SlabHeader.bitmapWords)
        return nil
    }

    /// Whether the block in use at `offset`, of this size and alignment, has been claimed. O(log
    /// runs).
    public func isClaimed(_ offset: UInt64, byteCount: Int, alignment: Int) -> Bool {
        guard let place = find(offset, byteCount: byteCount, alignment: alignment).place else {
            return false
        }
        return claimed[place.word] & place.bit != 0
    }

    // MARK: Notes

    /// What a walk notes about a block in use, a bit for each.
    package enum Note {
        /// It was claimed by following a reference.
        case referred
        /// It has an owner that shares it.
        case owned
    }

    /// Notes this about the block in use that begins at `offset`; false if none does. O(log runs).
    package mutating func note(_ note: Note, of offset: UInt64) -> Bool {
        guard let (word, bit) = place(of: offset) else { return false }
        switch note {
        case .referred:
            if referred.isEmpty { referred = Array(repeating: 0, count: claimed.count) }
            referred[word] |= bit
        case .owned:
            if owned.isEmpty { owned = Array(repeating: 0, count: claimed.count) }
            owned[word] |= bit
        }
        return true
    }

    package func isNoted(_ note: Note, of offset: UInt64) -> Bool {
        let words = note == .referred ? referred : owned
        guard !words.isEmpty, let (word, bit) = place(of: offset) else { return false }
        return words[word] & bit != 0
    }

    /// Takes back that the block was claimed by following a reference; false if it was not.
    package mutating func forgetReferred(_ offset: UInt64) -> Bool {
        guard !referred.isEmpty, let (word, bit) = place(of: offset), referred[word] & bit != 0
        else { return false }
        referred[word] &= ~bit
        return true
    }

    /// Calls `body` with the place of each block that has an owner that shares it. O(blocks).
    package func forEachOwned(_ body: (UInt64) -> Void) {
        if owned.isEmpty { return }
        forEachBlock({ word, inUse, _ in inUse & owned[word] }, { body($0.offset) })
    }

    /// The bit of the block in use that begins at `offset`.
    private func place(of offset: UInt64) -> (word: Int, bit: UInt64)? {
        guard let index = index(ofRunWith: offset >> HeapLayout.pageShift) else { return nil }
        let run = runs[index]
        var block = 0
        if run.kind == .slab {
            guard let found = blockOfSlab(run, at: offset, sizeClass: Int(run.sizeClass)) else {
                return nil
            }
            block = found
        } else if run.first << HeapLayout.pageShift != offset {
            return nil
        }
        return (index * SlabHeader.bitmapWords + block >> 6, 1 << UInt64(block & 63))
    }

    /// The bit of a block in use, or a description of the problem.
    private func find(_ offset: UInt64, byteCount: Int, alignment: Int) -> (
        place: (word: Int, bit: UInt64, bytes: Int)?, problem: String?
    ) {
        guard contains(offset, byteCount) else {
            return (nil, "lies at \(offset) with \(byteCount) bytes, outside the heap")
        }
        let request = Allocator.roundedRequest(byteCount, alignment: alignment)
        guard let index = index(ofRunWith: offset >> HeapLayout.pageShift) else {
            return (nil, "lies at \(offset), where nothing is in use")
        }
        let block: Int?
        if Allocator.fitsSlab(request, alignment: alignment) {
            block = blockOfSlab(runs[index], at: offset, sizeClass: SizeClass.index(for: request))
        } else {
            let run = runs[index]
            let isWhole =
                run.kind == .run && run.first << HeapLayout.pageShift == offset
                && run.pages == Allocator.pages(for: request)
            block = isWhole ? 0 : nil
        }
        guard let block else {
            return (nil, "lies at \(offset), where no block of \(byteCount) bytes in use begins")
        }
        let run = runs[index]
        let bytes =
            run.kind == .slab
            ? SizeClass.blockBytes(SizeClass.index(for: request))
            : Int(run.pages) * HeapLayout.pageBytes
        return ((index * SlabHeader.bitmapWords + block >> 6, 1 << UInt64(block & 63), bytes), nil)
    }

    /// A block in use: its offset and its usable bytes, which are also the size to free it with.
    public struct Block: Hashable, Sendable {
        public let offset: UInt64
        public let byteCount: Int
    }

    /// The blocks in use that have not been claimed, in ascending order. O(blocks).
    public func unclaimedBlocks() -> [Block] {
        blocks { _, inUse, claimed in inUse & ~claimed }
    }

    /// The blocks that have been claimed since `earlier` was copied, in ascending order. O(runs),
    /// with memory for these blocks only.
    public func blocks(claimedSince earlier: BlockLedger) -> [Block] {
        // A copy has the same runs.
        blocks { word, _, claimed in claimed & ~earlier.claimed[word] }
    }

    private func blocks(
        _ choose: (_ word: Int, _ inUse: UInt64, _ claimed: UInt64) -> UInt64
    ) -> [Block] {
        var found: [Block] = []
        forEachBlock(choose) { found.append($0) }
        return found
    }

    /// Calls `body` with the blocks whose bits `choose` returns, in ascending order.
    private func forEachBlock(
        _ choose: (_ word: Int, _ inUse: UInt64, _ claimed: UInt64) -> UInt64,
        _ body: (Block) -> Void
    ) {
        for (index, run) in runs.enumerated() {
            let start = run.first << HeapLayout.pageShift
            let words = index * SlabHeader.bitmapWords
            guard run.kind == .slab else {
                if choose(words, 1, claimed[words]) & 1 != 0 {
                    body(Block(offset: start, byteCount: Int(run.pages) * HeapLayout.pageBytes))
                }
                continue
            }
            guard let header = header(of: run) else { continue }
            let shape = SizeClass.shapes[Int(run.sizeClass)]
            let kind = SlabClass.all + Int(run.sizeClass)
            let headerPlace = kind.pointee.headerPlace(page: run.first)
            let bits = [header.bitmap.0, header.bitmap.1, header.bitmap.2, header.bitmap.3]
            for word in 0 ..< SlabHeader.bitmapWords {
                var chosen = choose(words + word, bits[word], claimed[words + word])
                while chosen != 0 {
                    let block = word << 6 + chosen.trailingZeroBitCount
                    chosen &= chosen - 1
                    guard block < shape.blocks else { break }
                    let offset = start + kind.pointee.blockPlace(block, headerPlace: headerPlace)
                    body(Block(offset: offset, byteCount: shape.blockBytes))
                }
            }
        }
    }

    private func index(ofRunWith page: UInt64) -> Int? {
        var low = 0
        var high = runs.count
        while low < high {
            let middle = (low + high) / 2
            if runs[middle].first <= page { low = middle + 1 } else { high = middle }
        }
        guard low > 0, page - runs[low - 1].first < runs[low - 1].pages else { return nil }
        return low - 1
    }

    private func blockOfSlab(_ run: Run, at offset: UInt64, sizeClass: Int) -> Int? {
        guard run.kind == .slab, Int(run.sizeClass) == sizeClass, let header = header(of: run)
        else { return nil }
        let kind = SlabClass.all + sizeClass
        let place = offset - run.first << HeapLayout.pageShift
        guard
            let index = kind.pointee.block(
                at: place, headerPlace: kind.pointee.headerPlace(page: run.first))
        else {
            return nil
        }
        let bits = [header.bitmap.0, header.bitmap.1, header.bitmap.2, header.bitmap.3]
        return bits[index >> 6] & 1 << UInt64(index & 63) != 0 ? index : nil
    }

    /// The header of a slab, if it is complete. The walk has established that the run's pages lie
    /// inside the heap.
    private func header(of run: Run) -> SlabHeader? {
        let base = UnsafeRawPointer(access.context.pointee.base)
        guard let header = SlabClass.header(page: run.first, sizeClass: run.sizeClass, in: base),
            run.pages == UInt64(SizeClass.shapes[Int(run.sizeClass)].pages)
        else { return nil }
        return header
    }
}
