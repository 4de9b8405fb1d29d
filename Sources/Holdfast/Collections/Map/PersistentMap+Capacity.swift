import HoldfastEngine
import HoldfastFormat

// Reserving capacity, and random entries. Both depend on the table's shape.

extension PersistentMap {
    /// Reserves capacity for `minimumCapacity` entries in all, so that inserting up to that count
    /// does not grow the table.
    ///
    /// Writes and logs the whole new table. The capacity is kept until the map has held that many
    /// entries; later removals free it.
    ///
    /// In a table of several segments, keys are distributed over them at random. Each segment
    /// reserves six standard deviations more than the mean. A segment that overflows all the same
    /// grows by itself.
    ///
    /// - Complexity: O(*n* + `minimumCapacity`), where *n* is the count.
    @inlinable
    public func reserveCapacity(_ minimumCapacity: Int) {
        guard minimumCapacity > count else { return }
        requireWritable()
        guard minimumCapacity <= Int(HeapLayout.maximumBytes) / MemoryLayout<Slot>.stride else {
            return access.refuseAsTooLarge()
        }
        let shape = Self.shape(for: minimumCapacity)
        // All of it will be written.
        guard access.hasMemory(byteCount: (Self.chunkBytes << shape.exponent) << shape.depth)
        else { return }
        let header = openedForChange()
        if header.pointee.table == 0 {
            header.pointee.table = makeSegment(exponent: shape.exponent, localDepth: 0).word
        }
        header.pointee.changes &+= 1
        for prefix in 0 ..< UInt64(1) << UInt64(shape.depth) {
            // A hash that begins with the prefix leads to the segment that must grow until it has
            // that depth.
            let hash = shape.depth == 0 ? 0 : prefix << UInt64(64 - shape.depth)
            while true {
                let segment = segment(for: hash, self.header)
                if segment.localDepth >= shape.depth && segment.exponent >= shape.exponent { break }
                if !grow(segment, hash) { return }
            }
        }
        header.pointee.reservedCount = UInt64(minimumCapacity)
    }

    /// Returns the depth and the segment size of a table with capacity for `count` entries.
    @inlinable
    static func shape(for count: Int) -> (depth: Int, exponent: Int) {
        // A single segment contains all keys. A fifth is left free so that searches stay short.
        let chunks = (count + count / 4 + MapChunk.slots - 1) / MapChunk.slots
        let exponent = chunks <= 1 ? 0 : Int.bitWidth - (chunks - 1).leadingZeroBitCount
        if exponent <= largestExponent { return (0, exponent) }
        // The mean m for which m + 6√m still fit, and at most four fifths.
        let slots = Double(MapChunk.slots << largestExponent)
        let root = ((36 + 4 * slots).squareRoot() - 6) / 2
        let mean = Swift.min(root * root, slots * 0.8)
        var depth = 1
        while Double(count) / Double(UInt64(1) << UInt64(depth)) > mean && depth < deepest {
            depth += 1
        }
        return (depth, largestExponent)
    }

    /// Returns a uniformly random entry, or nil if there is none.
    ///
    /// - Complexity: O(1) expected; O(*c*) if most entries have been removed, where *c* is the
    ///   capacity.
    @inlinable
    public func randomElement(using generator: inout some RandomNumberGenerator) -> Element? {
        let count = count
        guard count > 0 else { return nil }
        let slot = randomSlot(&generator) ?? nthSlot(Int.random(in: 0 ..< count, using: &generator))
        return (
            Key.load(slot.pointee.key, from: access), Value.load(slot.pointee.value, from: access)
        )
    }

    /// Returns a random entry, or nil if there is none.
    ///
    /// - Complexity: O(1) expected.
    @inlinable
    public func randomElement() -> Element? {
        var generator = SystemRandomNumberGenerator()
        return randomElement(using: &generator)
    }

    /// Probes random places of the table a limited number of times. Each entry is found with the
    /// same probability. Nil if no probe succeeds.
    @inlinable
    func randomSlot(_ generator: inout some RandomNumberGenerator) -> UnsafeMutablePointer<Slot>? {
        let header = opened()
        let depth = Int(header.pointee.depth)
        guard depth < 40 else { Handle.damaged(access, "map") }
        for _ in 0 ..< 64 {
            let entry = UInt64.random(in: 0 ..< 1 << UInt64(depth), using: &generator)
            let segment = segment(for: depth == 0 ? 0 : entry << UInt64(64 - depth), header)
            // A segment of several directory entries counts once, by its first. A segment of a
            // different size would distort the probabilities.
            guard depth == 0 || segment.exponent == Self.largestExponent else { return nil }
            guard segment.localDepth <= depth else { Handle.damaged(access, "map") }
            if entry & (1 << UInt64(depth - segment.localDepth) - 1) != 0 { continue }
            let chunk =
                chunks(segment) + Int.random(in: 0 ..< segment.chunks, using: &generator)
                &* Self.chunkBytes
            let slot = Int.random(in: 0 ..< MapChunk.slots, using: &generator)
            if chunk.load(as: UInt64.self) & (0x80 << UInt64(slot * 8)) != 0 {
                return slots(chunk) + slot
            }
        }
        return nil
    }

    @inlinable
    func nthSlot(_ number: Int) -> UnsafeMutablePointer<Slot> {
        var entries = makeIterator()
        var slot = entries.nextSlot()
        for _ in 0 ..< number { slot = entries.nextSlot() }
        guard let slot else { Handle.damaged(access, "map") }
        return slot
    }
}
