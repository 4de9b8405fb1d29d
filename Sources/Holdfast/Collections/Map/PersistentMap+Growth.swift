import HoldfastEngine
import HoldfastFormat

// Segments double up to 64 KiB, then split in two by one more hash bit. A directory, indexed with
// the top bits of the hash, leads to them. While a segment's keys share fewer bits than the
// directory uses, several directory entries lead to that segment.
extension PersistentMap {
    @inlinable
    func makeSegment(exponent: Int, localDepth: Int) -> MapSegment {
        let bytes = Self.chunkBytes << exponent
        let offset = access.allocate(byteCount: bytes, alignment: HeapLayout.lineBytes)
        access.markFresh(offset, bytes)
        // All of it, and not only the control bytes, so that old contents of the disk do not appear
        // in new slots.
        access.address(offset, bytes).initializeMemory(as: UInt8.self, repeating: 0, count: bytes)
        return MapSegment(offset: offset, localDepth: localDepth, exponent: exponent)
    }

    @inlinable
    func freeSegment(_ segment: MapSegment) {
        access.free(
            segment.offset, byteCount: Self.chunkBytes << segment.exponent,
            alignment: HeapLayout.lineBytes)
    }

    /// Grows the segment that `hash` belongs to. Returns false, with nothing changed, if the heap
    /// has no memory.
    @inlinable @inline(never)
    func grow(_ segment: MapSegment, _ hash: UInt64) -> Bool {
        let becomesLarger =
            segment.exponent < Self.largestExponent || segment.localDepth >= Self.deepest
        let doublesDirectory = !becomesLarger && segment.localDepth == Int(header.pointee.depth)
        let segmentBytes = Self.chunkBytes << (segment.exponent + (becomesLarger ? 1 : 0))
        let directoryBytes = doublesDirectory ? 16 << segment.localDepth : 0
        guard access.hasRoom(byteCount: segmentBytes + directoryBytes) else { return false }
        if becomesLarger {
            let larger = makeSegment(exponent: segment.exponent + 1, localDepth: segment.localDepth)
            move(from: segment, to: larger)
            replace(segment, hash, low: larger, high: larger)
            freeSegment(segment)
        } else {
            let header = openedForChange()
            if segment.localDepth == Int(header.pointee.depth) { doubleDirectory(header) }
            let depth = segment.localDepth + 1
            let low = MapSegment(
                offset: segment.offset, localDepth: depth, exponent: segment.exponent)
            let high = makeSegment(exponent: segment.exponent, localDepth: depth)
            moveHighHalf(from: low, to: high)
            replace(segment, hash, low: low, high: high)
        }
        return true
    }

    /// Copies all slots of `old` to a new segment with more chunks, where they always fit.
    @inlinable
    func move(from old: MapSegment, to new: MapSegment) {
        let seed = access.hashSeed
        let target = chunks(new)
        forEachSlot(in: old) { slot in
            let hash = Key.hash(stored: slot.pointee.key, seed: seed, from: access)
            if !place(slot.pointee, hash, in: new, at: target, reach: new.chunks, isDirty: true) {
                Handle.damaged(access, "map")
            }
        }
    }

    /// Moves the slots whose hashes have a 1 as the last of the bits that `high` shares from `low`
    /// to `high`. The remaining slots move up to where they would be without them. In `low`, little
    /// more than the control words is changed, and so logged.
    ///
    /// Each key is in its home chunk or a later one. A forward walk has therefore cleared the home
    /// of every key before it reaches the key. Starting from a chunk that no key has passed, this
    /// is true around the end of the segment too.
    @inlinable
    func moveHighHalf(from low: MapSegment, to high: MapSegment) {
        let seed = access.hashSeed
        let shift = UInt64(truncatingIfNeeded: 64 &- high.localDepth)
        let (base, target) = (chunks(low), chunks(high))
        let mask = low.chunks &- 1
        var first = 0
        while first < mask,
            MapChunk.overflow(
                (base + ((first &- 1) & mask) &* Self.chunkBytes).load(as: UInt64.self)) != 0
        {
            first &+= 1
        }
        for number in 0 ... mask {
            let index = (first &+ number) & mask
            let chunk = base + index &* Self.chunkBytes
            var used = chunk.load(as: UInt64.self) & MapChunk.tagBits
            while used != 0 {
                let place = MapChunk.slot(used)
                used &= used &- 1
                let slot = slots(chunk) + place
                let hash = Key.hash(stored: slot.pointee.key, seed: seed, from: access)
                let goes = (hash &>> shift) & 1 != 0
                let home = Int(truncatingIfNeeded: hash) & mask
                if !goes && home == index { continue }
                let moved = slot.pointee
                takeOut(place, of: index, home: home, from: base, mask)
                let fits =
                    goes
                    ? self.place(
                        moved, hash, in: high, at: target, reach: high.chunks, isDirty: true)
                    : self.place(moved, hash, in: low, at: base, reach: low.chunks, isDirty: false)
                if !fits { Handle.damaged(access, "map") }
            }
        }
    }

    /// Points every directory entry of `old` to its successors.
    @inlinable
    func replace(_ old: MapSegment, _ hash: UInt64, low: MapSegment, high: MapSegment) {
        let header = openedForChange()
        let depth = Int(header.pointee.depth)
        guard depth > 0 else {
            header.pointee.table = low.word
            return
        }
        // The entries of `old` are adjacent: they all begin with its shared bits.
        let entries = 1 << (depth - old.localDepth)
        let index = Int(truncatingIfNeeded: hash >> UInt64(64 - depth))
        let first = index & ~(entries - 1)
        let bytes = access.writableAddress(header.pointee.table &+ UInt64(first * 8), entries * 8)
        for entry in 0 ..< entries {
            let word = entry < entries / 2 || entries == 1 ? low.word : high.word
            bytes.storeBytes(of: word, toByteOffset: entry * 8, as: UInt64.self)
        }
    }

    @inlinable
    func doubleDirectory(_ header: UnsafeMutablePointer<Header>) {
        let depth = Int(header.pointee.depth)
        let entries = 2 << depth
        let directory = access.allocate(byteCount: entries * 8)
        access.markFresh(directory, entries * 8)
        let new = access.address(directory, entries * 8)
        for entry in 0 ..< entries {
            let word =
                depth == 0
                ? header.pointee.table
                : access.load(header.pointee.table &+ UInt64(entry / 2 * 8), as: UInt64.self)
            new.storeBytes(of: word, toByteOffset: entry * 8, as: UInt64.self)
        }
        freeDirectory(header)
        header.pointee.table = directory
        header.pointee.depth = UInt32(depth + 1)
    }

    /// Frees all segments and the directory. Once its count is 0, the map is as empty as a new one.
    @inlinable
    func freeTable(_ header: UnsafeMutablePointer<Header>) {
        forEachSegment { freeSegment($0) }
        freeDirectory(header)
        header.pointee.depth = 0
        header.pointee.table = 0
        header.pointee.reservedCount = 0
    }

    // MARK: Walking

    /// Calls `body` with each segment once, in the order of the directory.
    @inlinable
    func forEachSegment(_ body: (MapSegment) -> Void) {
        let header = header
        let depth = Int(header.pointee.depth)
        if depth == 0 {
            let only = MapSegment(word: header.pointee.table)
            if !only.isNull { body(only) }
            return
        }
        guard depth < 40 else { Handle.damaged(access, "map") }
        let table = header.pointee.table
        var entry = 0
        while entry < 1 << depth {
            let segment = MapSegment(word: access.load(table &+ UInt64(entry * 8), as: UInt64.self))
            guard segment.localDepth <= depth else { Handle.damaged(access, "map") }
            body(segment)
            entry += 1 << (depth - segment.localDepth)
        }
    }

    @inlinable @inline(__always)
    func forEachSlot(in segment: MapSegment, _ body: (UnsafeMutablePointer<Slot>) -> Void) {
        let base = chunks(segment)
        for index in 0 ..< segment.chunks {
            let chunk = base + index &* Self.chunkBytes
            var used = chunk.load(as: UInt64.self) & MapChunk.tagBits
            while used != 0 {
                body(slots(chunk) + MapChunk.slot(used))
                used &= used &- 1
            }
        }
    }

    @inlinable @inline(__always)
    func forEachSlot(_ body: (UnsafeMutablePointer<Slot>) -> Void) {
        forEachSegment { forEachSlot(in: $0, body) }
    }
}
