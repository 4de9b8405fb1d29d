import HoldfastEngine

extension PersistentMap: Sequence {
    public typealias Element = (key: Key, value: Value)

    /// Walks the entries in the table's order, which is the same in every process but changes as the map grows.
    ///
    /// Changing values of existing keys while iterating is allowed; inserting or removing traps at the next step.
    @frozen
    public struct Iterator: IteratorProtocol {
        @usableFromInline let map: PersistentMap
        /// Where the map counts its changes, and what the count was. The address is good while the transaction is open.
        @usableFromInline let header: UnsafeMutablePointer<Header>
        @usableFromInline let changes: UInt64
        /// The directory entry to go on with, the segment being walked, the chunk in it to go on with; and of the eight chunks (or fewer) before that, which begin
        /// at `base`, the slots still to come: a byte for each chunk, a bit for each slot. Eight at once, because a processor guesses where a chunk's entries end,
        /// mostly wrongly, and because it fetches them side by side.
        @usableFromInline var entry = 0
        @usableFromInline var segment = MapSegment(word: 0)
        @usableFromInline var chunk = 0
        @usableFromInline var used: UInt64 = 0
        @usableFromInline var base: UnsafeMutableRawPointer
        /// Entries still to come, by the header's count.
        @usableFromInline var rest: UInt64

        @inlinable
        init(_ map: PersistentMap) {
            self.map = map
            header = map.header
            changes = header.pointee.changes
            base = UnsafeMutableRawPointer(header)
            rest = header.pointee.count
        }

        /// The next entry, or nil. Amortised O(1).
        @inlinable
        public mutating func next() -> (key: Key, value: Value)? {
            guard let slot = nextSlot() else { return nil }
            return (Key.load(slot.pointee.key, from: map.access), Value.load(slot.pointee.value, from: map.access))
        }

        @inlinable @inline(__always)
        mutating func nextSlot() -> UnsafeMutablePointer<Slot>? {
            guard map.access.isOpen else { Handle.outlived() }
            guard header.pointee.changes == changes else { Handle.changedWhileIterating() }
            if used == 0, !nextChunks() { return nil }
            guard rest > 0 else { Handle.damaged(map.access, "map") }
            rest &-= 1
            let bit = used.trailingZeroBitCount
            used &= used &- 1
            return map.slots(base + (bit &>> 3) &* PersistentMap.chunkBytes) + (bit & 7)
        }

        /// Goes on to the next chunks that have entries; false if there are none.
        @inlinable @inline(never)
        mutating func nextChunks() -> Bool {
            while used == 0 {
                if segment.isNull || chunk == segment.chunks {
                    guard nextSegment() else {
                        // Whoever has made room for `underestimatedCount` entries relies on them.
                        guard rest == 0 else { Handle.damaged(map.access, "map") }
                        return false
                    }
                }
                base = map.chunks(segment) + chunk &* PersistentMap.chunkBytes
                let number = Swift.min(8, segment.chunks &- chunk)
                for index in 0 ..< number {
                    let control = (base + index &* PersistentMap.chunkBytes).load(as: UInt64.self)
                    used |= MapChunk.usedSlots(control) &<< UInt64(truncatingIfNeeded: index &* 8)
                }
                chunk &+= number
            }
            return true
        }

        @inlinable
        mutating func nextSegment() -> Bool {
            let header = map.header
            let depth = Int(header.pointee.depth)
            guard depth < 40 else { Handle.damaged(map.access, "map") }
            guard entry < 1 << depth, header.pointee.table != 0 else { return false }
            segment = MapSegment(
                word: depth == 0
                    ? header.pointee.table : map.access.load(header.pointee.table &+ UInt64(entry * 8), as: UInt64.self))
            guard segment.localDepth <= depth else { Handle.damaged(map.access, "map") }
            entry += 1 << (depth - segment.localDepth)
            chunk = 0
            return true
        }
    }

    @inlinable
    public func makeIterator() -> Iterator { Iterator(self) }

    @inlinable
    public var underestimatedCount: Int { count }
}
