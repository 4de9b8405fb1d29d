public import CHoldfast
import HoldfastEngine
import HoldfastFormat

extension PersistentMap: Sequence {
    public typealias Element = (key: Key, value: Value)

    /// An iterator over the entries in the order of the table, which is the same in every process
    /// but changes as the map grows.
    ///
    /// Values of existing keys may be changed during iteration. Inserting or removing traps at the
    /// next step.
    @frozen
    public struct Iterator: IteratorProtocol {
        @usableFromInline let map: PersistentMap
        /// The map's count of changes, and its value when iteration began. The address is valid
        /// while the transaction is open.
        @usableFromInline let header: UnsafeMutablePointer<Header>
        @usableFromInline let changes: UInt64
        @usableFromInline var walk: Walk

        @inlinable
        init(_ map: PersistentMap) {
            self.map = map
            header = map.opened("makeIterator()")
            changes = header.pointee.changes
            walk = Walk(base: UnsafeMutableRawPointer(header), rest: header.pointee.count)
        }

        /// Returns the next entry, or nil at the end.
        ///
        /// - Complexity: Amortised O(1).
        @inlinable @inline(__always)
        public mutating func next() -> (key: Key, value: Value)? {
            guard let slot = nextSlot() else { return nil }
            return (
                Key.load(slot.pointee.key, from: map.access),
                Value.load(slot.pointee.value, from: map.access)
            )
        }

        /// Nothing here takes the iterator's address, so that it can stay in registers. In memory,
        /// each entry would have to wait for the one before it.
        @inlinable @inline(__always)
        mutating func nextSlot() -> UnsafeMutablePointer<Slot>? {
            guard map.access.isOpen else { map.trap(.iteratorOutlived, "next()") }
            // Nothing has been inserted or removed, so addresses that were checked are still valid.
            guard header.pointee.changes == changes else {
                map.trap(.changedWhileIterating, "next()")
            }
            if _slowPath(walk.used == 0) {
                walk = map.nextChunks(walk)
                if walk.used == 0 { return nil }
            }
            let bit = walk.used.trailingZeroBitCount
            walk.used &= walk.used &- 1
            return PersistentMap.slot(bit, from: walk.base)
        }
    }

    /// The progress of an iterator: four words, which a function can return in registers.
    @frozen @usableFromInline
    struct Walk {
        /// The remaining slots of the eight chunks (or fewer) that begin at `base`: a byte for each
        /// chunk, a bit for each slot. Eight at once, because a processor predicts the end of a
        /// chunk's entries mostly wrongly, and because it fetches the chunks in parallel.
        @usableFromInline var base: UnsafeMutableRawPointer
        @usableFromInline var used: UInt64 = 0
        /// The directory entry after those of the current segment, or 0 before the first segment.
        @usableFromInline var entry: Int = 0
        /// The number of entries after these chunks, by the header's count.
        @usableFromInline var rest: UInt64

        @inlinable
        init(base: UnsafeMutableRawPointer, rest: UInt64) {
            self.base = base
            self.rest = rest
        }
    }

    /// Advances to the next chunks that have entries. `used` is 0 if there are none.
    @inlinable @inline(never)
    func nextChunks(_ walk: Walk) -> Walk {
        let header = opened("next()")
        let depth = Int(header.pointee.depth)
        let step = 8 &* Self.chunkBytes
        var walk = walk
        // The segment is looked up again. At first there is none, and no chunks are left.
        var end = walk.base
        if walk.entry > 0 {
            let segment = segmentToWalk(walk.entry &- 1, depth, header)
            end = chunks(segment) + segment.chunks &* Self.chunkBytes
        }
        walk.base += step
        while true {
            if walk.base >= end {
                guard walk.entry < 1 &<< depth, header.pointee.table != 0 else {
                    // Callers that have reserved space for `underestimatedCount` entries rely on
                    // them.
                    guard walk.rest == 0 else { Handle.damaged(access, "map") }
                    return walk
                }
                let segment = segmentToWalk(walk.entry, depth, header)
                walk.entry &+= 1 &<< (depth &- segment.localDepth)
                walk.base = chunks(segment)
                end = walk.base + segment.chunks &* Self.chunkBytes
                access.willRead(segment.offset, segment.chunks &* Self.chunkBytes)
            }
            walk.used = Self.usedSlots(from: walk.base, to: end)
            if walk.used != 0 { break }
            walk.base += step
        }
        prefetch(behind: walk, end, depth, header)
        let number = UInt64(truncatingIfNeeded: walk.used.nonzeroBitCount)
        guard number <= walk.rest else { Handle.damaged(access, "map") }
        walk.rest &-= number
        return walk
    }

    /// Starts fetching chunks that will be visited a little later. Processors prefetch by
    /// themselves within a page, but not across pages.
    @inlinable @inline(__always)
    func prefetch(
        behind walk: Walk, _ end: UnsafeMutableRawPointer, _ depth: Int,
        _ header: UnsafeMutablePointer<Header>
    ) {
        var ahead = walk.base + Self.prefetchDistance
        if ahead >= end {
            guard walk.entry < 1 &<< depth else { return }
            let segment = segmentToWalk(walk.entry, depth, header)
            ahead = chunks(segment) + (ahead - end)
        }
        var line = 0
        while line < 8 &* Self.chunkBytes {
            holdfast_prefetch(ahead + line)
            line &+= HeapLayout.lineBytes
        }
    }

    @inlinable @inline(__always)
    static var prefetchDistance: Int { 4096 }

    @inlinable @inline(__always)
    func segmentToWalk(_ entry: Int, _ depth: Int, _ header: UnsafeMutablePointer<Header>)
        -> MapSegment
    {
        let table = header.pointee.table
        let segment = MapSegment(
            word: depth == 0
                ? table
                : access.load(table &+ UInt64(truncatingIfNeeded: entry) &* 8, as: UInt64.self))
        guard segment.localDepth <= depth else { Handle.damaged(access, "map") }
        return segment
    }

    /// Returns the used slots of up to eight chunks.
    @inlinable @inline(__always)
    static func usedSlots(from base: UnsafeMutableRawPointer, to end: UnsafeMutableRawPointer)
        -> UInt64
    {
        let slotBits: UInt64 = 0x7f7f_7f7f_7f7f_7f7f
        if end - base >= 8 &* chunkBytes { return holdfast_high_bits(base, chunkBytes) & slotBits }
        var used: UInt64 = 0
        for index in 0 ..< (end - base) / chunkBytes {
            let control = (base + index &* chunkBytes).load(as: UInt64.self)
            used |= MapChunk.usedSlots(control) &<< UInt64(truncatingIfNeeded: index &* 8)
        }
        return used
    }

    /// Returns the slot of a bit of `Walk.used`.
    @inlinable @inline(__always)
    static func slot(_ bit: Int, from base: UnsafeMutableRawPointer) -> UnsafeMutablePointer<Slot> {
        let stride = MemoryLayout<Slot>.stride
        // The same, with less arithmetic if the chunk's head and padding are as long as a slot.
        let distance =
            chunkBytes == 8 &* stride
            ? bit &* stride : (bit &>> 3) &* chunkBytes &+ (bit & 7) &* stride
        return (base + Self.slotsOffset + distance).assumingMemoryBound(to: Slot.self)
    }

    @inlinable
    public func makeIterator() -> Iterator { Iterator(self) }

    @inlinable
    public var underestimatedCount: Int { count }
}
