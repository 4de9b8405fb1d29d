import HoldfastEngine
import HoldfastFormat

// Finding, inserting and removing entries in the table.
//
// A key's hash is divided up: the top bits select the segment, the low bits the chunk in it, and
// bits 32-38 are the tag. Starting at its home chunk and wrapping around the segment, a key is in
// the first chunk that had a free slot when the key was inserted. Every chunk that was passed on
// the way counts the key in its overflow.
extension PersistentMap {
    @inlinable @inline(__always)
    func segment(for hash: UInt64, _ header: UnsafeMutablePointer<Header>) -> MapSegment {
        let depth = header.pointee.depth
        if depth == 0 { return MapSegment(word: header.pointee.table) }
        let index = hash >> UInt64(64 &- Int(depth & 63))
        return MapSegment(word: access.load(header.pointee.table &+ index &* 8, as: UInt64.self))
    }

    /// Returns the start of the segment's chunks, after one bounds check for all of them.
    @inlinable @inline(__always)
    func chunks(_ segment: MapSegment) -> UnsafeMutableRawPointer {
        requireSound(segment)
        return access.address(segment.offset, Self.chunkBytes &<< segment.exponent)
    }

    /// Returns the start of one chunk, after a bounds check for it alone: a search reads few.
    @inlinable @inline(__always)
    func chunk(_ index: Int, of segment: MapSegment) -> UnsafeMutableRawPointer {
        access.address(
            segment.offset &+ UInt64(truncatingIfNeeded: index &* Self.chunkBytes), Self.chunkBytes)
    }

    @inlinable @inline(__always)
    func requireSound(_ segment: MapSegment) {
        guard segment.exponent < 32, segment.offset & UInt64(HeapLayout.lineBytes &- 1) == 0 else {
            Handle.damaged(access, "map")
        }
    }

    @inlinable @inline(__always)
    func slots(_ chunk: UnsafeMutableRawPointer) -> UnsafeMutablePointer<Slot> {
        (chunk + Self.slotsOffset).assumingMemoryBound(to: Slot.self)
    }

    @inlinable @inline(__always)
    func find(_ key: Key) -> UnsafeMutablePointer<Slot>? {
        Key.withProbe(key) { find($0, Key.hash($0, seed: access.hashSeed)) }
    }

    @inlinable @inline(__always)
    func find(_ probe: Key.Probe, _ hash: UInt64) -> UnsafeMutablePointer<Slot>? {
        search(probe, hash, opened("look-up of a key")).found
    }

    /// Returns the key's slot. If there is none, returns its home chunk, if that has a free slot.
    @inlinable @inline(__always)
    func search(
        _ probe: Key.Probe, _ hash: UInt64, _ header: UnsafeMutablePointer<Header>
    ) -> (found: UnsafeMutablePointer<Slot>?, room: UnsafeMutableRawPointer?) {
        let segment = segment(for: hash, header)
        if segment.isNull { return (nil, nil) }
        requireSound(segment)
        let mask = segment.chunks &- 1
        let tag = MapChunk.tag(hash)
        var index = Int(truncatingIfNeeded: hash) & mask
        let home = chunk(index, of: segment)
        var chunk = home
        var control = chunk.load(as: UInt64.self)
        let hasRoom = MapChunk.empties(control) != 0
        var distance = 0
        while true {
            var candidates = MapChunk.matches(control, tag)
            while candidates != 0 {
                let slot = slots(chunk) + MapChunk.slot(candidates)
                if Key.matches(slot.pointee.key, probe, in: access) { return (slot, nil) }
                candidates &= candidates &- 1
            }
            if MapChunk.overflow(control) == 0 || distance == mask {
                return (nil, hasRoom ? home : nil)
            }
            index = (index &+ 1) & mask
            distance &+= 1
            chunk = self.chunk(index, of: segment)
            control = chunk.load(as: UInt64.self)
        }
    }

    // MARK: Inserting

    /// The maximum distance of a key from its home before the segment grows. At the largest size
    /// and depth there is no maximum.
    @inlinable @inline(__always)
    static var reach: Int { 6 }

    /// Inserts a slot with a new key: into `room`, if a search has just found a free slot and
    /// nothing has been inserted or removed since, as `changes` shows.
    @inlinable @inline(__always)
    func insertNew(
        _ slot: Slot, _ hash: UInt64, room: UnsafeMutableRawPointer?, changes: UInt64,
        _ header: UnsafeMutablePointer<Header>
    ) {
        requireWritable("insertion of a key")
        guard let room, header.pointee.changes == changes else { return insertNew(slot, hash) }
        put(slot, hash, into: room, isDirty: false)
        countOneMore(header)
    }

    @inlinable @inline(__always)
    func countOneMore(_ header: UnsafeMutablePointer<Header>) {
        markHeader("insertion of a key")
        header.pointee.count &+= 1
        header.pointee.changes &+= 1
    }

    /// Inserts a slot with a new key, growing the table as needed.
    @inlinable
    func insertNew(_ slot: Slot, _ hash: UInt64) {
        requireWritable("insertion of a key")
        while true {
            let header = opened("insertion of a key")
            let segment = segment(for: hash, header)
            if segment.isNull {
                markHeader("insertion of a key")
                header.pointee.table = makeSegment(exponent: 0, localDepth: 0).word
                continue
            }
            let isFinal =
                segment.exponent >= Self.largestExponent && segment.localDepth >= Self.deepest
            let isReserved = header.pointee.count < header.pointee.reservedCount
            if place(
                slot, hash, in: segment, at: chunks(segment),
                reach: isFinal || isReserved ? segment.chunks : Self.reach,
                isDirty: false)
            {
                return countOneMore(header)
            }
            // Without memory the transaction has exceeded a limit, and the entry is lost.
            if !grow(segment, hash) { return }
        }
    }

    /// Returns a slot for a new key. Nil if the transaction has exceeded a limit and the key could
    /// not be stored. It must not be inserted then.
    @inlinable @inline(__always)
    func newSlot(
        _ key: Key, _ probe: Key.Probe, _ value: @autoclosure () -> Value.Stored
    ) -> Slot? {
        let slot = Slot(key: Key.store(key, in: access), value: value())
        guard Key.ownsMemory, access.isLost else { return slot }
        return Key.matches(slot.key, probe, in: access) ? slot : nil
    }

    /// With this many shared hash bits, splitting again would not separate the keys: their hashes
    /// are the same.
    @inlinable @inline(__always)
    static var deepest: Int { 30 }

    /// Inserts the slot into the first free place within reach of the segment, whose chunks begin
    /// at `base`. Returns false if there is none. Lines of a new segment are dirty already.
    @inlinable @inline(__always)
    func place(
        _ slot: Slot, _ hash: UInt64, in segment: MapSegment, at base: UnsafeMutableRawPointer,
        reach: Int, isDirty: Bool
    ) -> Bool {
        let mask = segment.chunks &- 1
        let home = Int(truncatingIfNeeded: hash) & mask
        let limit = Swift.min(reach, segment.chunks)
        var distance = 0
        var chunk = base + home &* Self.chunkBytes
        var control = chunk.load(as: UInt64.self)
        while MapChunk.empties(control) == 0 {
            distance &+= 1
            if distance == limit { return false }
            chunk = base + ((home &+ distance) & mask) &* Self.chunkBytes
            control = chunk.load(as: UInt64.self)
        }
        put(slot, hash, into: chunk, isDirty: isDirty)
        for step in 0 ..< distance {
            let passed = base + ((home &+ step) & mask) &* Self.chunkBytes
            storeControl(MapChunk.addingOverflow(passed.load(as: UInt64.self)), passed, isDirty)
        }
        return true
    }

    /// Inserts a slot into a chunk that has a free one.
    @inlinable @inline(__always)
    func put(_ slot: Slot, _ hash: UInt64, into chunk: UnsafeMutableRawPointer, isDirty: Bool) {
        let control = chunk.load(as: UInt64.self)
        let free = MapChunk.slot(MapChunk.empties(control))
        let place = slots(chunk) + free
        storeControl(MapChunk.setting(control, slot: free, tag: MapChunk.tag(hash)), chunk, isDirty)
        // The part in the line of the control word is marked dirty together with it.
        let end = UnsafeMutableRawPointer(place) + MemoryLayout<Slot>.size
        let rest = Swift.max(UnsafeMutableRawPointer(place), chunk + HeapLayout.lineBytes)
        if !isDirty, rest < end {
            access.markDirty(address: rest.assumingMemoryBound(to: UInt8.self), end - rest)
        }
        place.pointee = slot
        MapSlot.clearPadding(Key.self, Value.self, at: place)
    }

    @inlinable @inline(__always)
    func storeControl(_ control: UInt64, _ chunk: UnsafeMutableRawPointer, _ isDirty: Bool = false)
    {
        if !isDirty {
            access.markDirty(
                address: chunk.assumingMemoryBound(to: UInt64.self), MapChunk.headerBytes)
        }
        chunk.storeBytes(of: control, as: UInt64.self)
    }

    // MARK: Removing

    /// Removes the key's slot from the table and returns it. The caller frees everything that it
    /// owned.
    @inlinable
    func remove(_ probe: Key.Probe, _ hash: UInt64) -> Slot? {
        guard let found = find(probe, hash) else { return nil }
        return remove(found, hash)
    }

    /// Removes a slot that `find` or a walk has found. The table may shrink.
    @inlinable
    func remove(_ found: UnsafeMutablePointer<Slot>, _ hash: UInt64) -> Slot {
        let (removed, segment) = removeKeepingPlaces(found, hash)
        if isSparse(segment, header), header.pointee.count > 0 { shrink(segment, header) }
        return removed
    }

    /// Removes a slot without moving the others. Removing the last one frees the table. Returns the
    /// segment, too.
    @inlinable @inline(__always)
    func removeKeepingPlaces(_ found: UnsafeMutablePointer<Slot>, _ hash: UInt64) -> (
        Slot, MapSegment
    ) {
        requireWritable("removal of a key")
        let removed = found.pointee
        let header = openedForChange("removal of a key")
        let segment = segment(for: hash, header)
        let base = chunks(segment)
        let mask = segment.chunks &- 1
        let position = UnsafeMutableRawPointer(found) - base
        let target = position / Self.chunkBytes
        let slot = found - slots(base + target &* Self.chunkBytes)
        takeOut(slot, of: target, home: Int(truncatingIfNeeded: hash) & mask, from: base, mask)
        // The reserved capacity has been used.
        if header.pointee.count >= header.pointee.reservedCount { header.pointee.reservedCount = 0 }
        header.pointee.count &-= 1
        header.pointee.changes &+= 1
        if header.pointee.count == 0 { freeTable(header) }
        return (removed, segment)
    }

    /// Marks a slot of the chunk `target` as empty, and removes its key from the overflow counts of
    /// the chunks that it passed.
    @inlinable @inline(__always)
    func takeOut(
        _ slot: Int, of target: Int, home: Int, from base: UnsafeMutableRawPointer, _ mask: Int
    ) {
        var index = home
        while index != target {
            let passed = base + index &* Self.chunkBytes
            storeControl(MapChunk.removingOverflow(passed.load(as: UInt64.self)), passed)
            index = (index &+ 1) & mask
        }
        let chunk = base + target &* Self.chunkBytes
        storeControl(MapChunk.setting(chunk.load(as: UInt64.self), slot: slot, tag: 0), chunk)
    }
}
