import HoldfastEngine
import HoldfastFormat

// A table frees memory as entries are removed: two sparse segments that differ in one hash bit are
// merged, and a single segment is halved. Both happen when the segments are a quarter full and
// leave a segment half full; growth happens at four fifths or more. Between a merge and the next
// split, or the reverse, there are therefore at least as many insertions or removals as a seventh
// of a segment's slots. They pay for moving the entries. A key that is inserted and removed
// repeatedly at a boundary moves nothing.
//
// Segments do not count their entries. Hashes are distributed evenly, so the map's count gives the
// mean number of entries in a segment. The entries themselves are counted only if the mean is a
// quarter or less: one pair of segments is counted per as many removals as a sixteenth of a
// segment's chunks, in an order that visits all segments equally.
extension PersistentMap {
    /// Returns whether the mean number of entries in a segment is at most a quarter of its slots.
    @inlinable @inline(__always)
    func isSparse(_ segment: MapSegment, _ header: UnsafeMutablePointer<Header>) -> Bool {
        let mean = header.pointee.count &>> UInt64(truncatingIfNeeded: segment.localDepth)
        return mean &* 4 <= UInt64(truncatingIfNeeded: MapChunk.slots &<< segment.exponent)
    }

    /// Called after a removal from a sparse segment. Reserved capacity is kept until the map has
    /// held that many entries.
    @inlinable @inline(never)
    func shrink(_ segment: MapSegment, _ header: UnsafeMutablePointer<Header>) {
        guard header.pointee.reservedCount == 0 else { return }
        guard segment.localDepth > 0 else { return halve(segment, header) }
        // Multiples of the golden ratio are distributed evenly over any range (D. Knuth, "The Art
        // of Computer Programming", 6.4).
        let place = header.pointee.changes &* 0x9e37_79b9_7f4a_7c15
        let interval = UInt64(truncatingIfNeeded: Swift.max(1, segment.chunks &>> 4))
        guard place <= UInt64.max / interval else { return }
        merge(at: place &* interval)
    }

    /// Shrinks the table as far as the entries allow, after many removals at once.
    @inlinable
    func shrinkAll() {
        let header = header
        guard header.pointee.reservedCount == 0, header.pointee.table != 0 else { return }
        var hash: UInt64 = 0
        while true {
            while merge(at: hash) {}
            let depth = segment(for: hash, header).localDepth
            guard depth > 0, depth < 64 else { break }
            let (next, isLast) = (hash &>> UInt64(64 - depth) &+ 1).multipliedReportingOverflow(
                by: 1 << UInt64(64 - depth))
            if isLast { break }
            hash = next
        }
        while true {
            let only = segment(for: 0, header)
            guard only.localDepth == 0, only.exponent > 0, isSparse(only, header) else { return }
            halve(only, header)
        }
    }

    /// Moves the single segment's entries to one of half as many chunks, if they fill at most half
    /// of it.
    @inlinable
    func halve(_ segment: MapSegment, _ header: UnsafeMutablePointer<Header>) {
        guard segment.exponent > 0, isSparse(segment, header) else { return }
        let smaller = makeSegment(exponent: segment.exponent - 1, localDepth: 0)
        move(from: segment, to: smaller)
        replace(segment, 0, low: smaller, high: smaller)
        freeSegment(segment)
    }

    /// Merges the segment that `hash` leads to with its sibling, if their entries fill at most half
    /// of one segment. Returns whether it did.
    @inlinable @discardableResult
    func merge(at hash: UInt64) -> Bool {
        let header = openedForChange()
        let one = segment(for: hash, header)
        let depth = one.localDepth
        guard depth > 0, depth <= Int(header.pointee.depth), one.exponent == Self.largestExponent
        else { return false }
        let bit: UInt64 = 1 << UInt64(64 - depth)
        let other = segment(for: hash ^ bit, header)
        guard other.localDepth == depth, other.exponent == one.exponent else { return false }
        guard other.offset != one.offset else { Handle.damaged(access, "map") }
        let most = MapChunk.slots << one.exponent / 2
        let used = usedSlots(of: one, upTo: most)
        guard used <= most, used + usedSlots(of: other, upTo: most - used) <= most else {
            return false
        }
        let (low, high) = hash & bit == 0 ? (one, other) : (other, one)
        let seed = access.hashSeed
        let base = chunks(low)
        forEachSlot(in: high) { slot in
            let hash = Key.hash(stored: slot.pointee.key, seed: seed, from: access)
            if !place(slot.pointee, hash, in: low, at: base, reach: low.chunks, isDirty: false) {
                Handle.damaged(access, "map")
            }
        }
        let merged = MapSegment(offset: low.offset, localDepth: depth - 1, exponent: low.exponent)
        replace(merged, hash, low: merged, high: merged)
        freeSegment(high)
        if depth >= Int(header.pointee.depth) - 1 { shrinkDirectory(header) }
        return true
    }

    /// Returns the number of used slots, counted no further than just beyond `most`.
    @inlinable
    func usedSlots(of segment: MapSegment, upTo most: Int) -> Int {
        let base = chunks(segment)
        var used = 0
        var index = 0
        while index < segment.chunks, used <= most {
            used &+=
                ((base + index &* Self.chunkBytes).load(as: UInt64.self) & MapChunk.tagBits)
                .nonzeroBitCount
            index &+= 1
        }
        return used
    }

    /// Halves the directory while no segment needs its last two bits, so that the next split does
    /// not double it again. Removes the directory if there is a single segment.
    @inlinable
    func shrinkDirectory(_ header: UnsafeMutablePointer<Header>) {
        let first = segment(for: 0, header)
        if first.localDepth == 0 {
            freeDirectory(header)
            header.pointee.table = first.word
            header.pointee.depth = 0
            return
        }
        while true {
            let depth = Int(header.pointee.depth)
            let old = header.pointee.table
            var entry = 0
            while entry < 1 << depth {
                let localDepth = MapSegment(
                    word: access.load(old &+ UInt64(entry * 8), as: UInt64.self)
                ).localDepth
                guard localDepth <= depth - 2 else { return }
                entry += 1 << (depth - localDepth)
            }
            let entries = 1 << (depth - 1)
            let directory = access.allocate(byteCount: entries * 8)
            access.markFresh(directory, entries * 8)
            let new = access.address(directory, entries * 8)
            for entry in 0 ..< entries {
                let word = access.load(old &+ UInt64(entry * 16), as: UInt64.self)
                new.storeBytes(of: word, toByteOffset: entry * 8, as: UInt64.self)
            }
            freeDirectory(header)
            header.pointee.table = directory
            header.pointee.depth = UInt32(depth - 1)
        }
    }

    /// Frees the directory, if there is one. The caller records in the header where the segments
    /// are then found.
    @inlinable
    func freeDirectory(_ header: UnsafeMutablePointer<Header>) {
        let depth = Int(header.pointee.depth)
        if depth > 0 { access.free(header.pointee.table, byteCount: 8 << depth) }
    }
}
