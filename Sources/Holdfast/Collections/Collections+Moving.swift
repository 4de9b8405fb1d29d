import HoldfastEngine
import HoldfastFormat

// Collections are packed as they move: arrays and deques get no more capacity than they need,
// tables shrink, and the leaves of trees are filled.

extension PersistentArray {
    public static func moveOwned(at place: UInt64, by mover: BlockMover) {
        if mover.relocation != nil { return relocate(at: place, by: mover) }
        let target = mover.target
        let block = mover.moveBlock(
            at: place, byteCount: MemoryLayout<Header>.size,
            alignment: MemoryLayout<Header>.alignment)
        var header = target.load(block, as: Header.self)
        let count = Int(header.count)
        let old = header.buffer
        (header.capacity, header.buffer) = (0, 0)
        if count > 0 {
            let alignment = MemoryLayout<Element.Stored>.alignment
            let capacity =
                HeapAccess.usableBytes(byteCount: count * stride, alignment: alignment) / stride
            header.capacity = UInt64(capacity)
            header.buffer = target.allocate(byteCount: capacity * stride, alignment: alignment)
            mover.copy(count * stride, from: old, to: header.buffer)
        }
        target.store(header, at: block)
        mover.move(Element.self, at: header.buffer, count: count)
    }
}

extension PersistentDeque {
    public static func moveOwned(at place: UInt64, by mover: BlockMover) {
        if mover.relocation != nil { return relocate(at: place, by: mover) }
        let target = mover.target
        let block = mover.moveBlock(
            at: place, byteCount: MemoryLayout<Header>.size, alignment: HeapLayout.lineBytes)
        var header = target.load(block, as: Header.self)
        let (count, head, oldCapacity, old) = (
            Int(header.count), Int(header.head), Int(header.capacity), header.buffer
        )
        (header.capacity, header.buffer, header.head, header.kept) = (0, 0, 0, 0)
        if count > 0 {
            let capacity = fittingCapacity(count)
            header.capacity = UInt64(capacity)
            header.buffer = target.allocate(
                byteCount: capacity * stride, alignment: bufferAlignment)
            // Up to the end of the old ring, then the part that has wrapped.
            let first = Swift.min(count, oldCapacity - head)
            mover.copy(first * stride, from: old + UInt64(head * stride), to: header.buffer)
            mover.copy(
                (count - first) * stride, from: old, to: header.buffer + UInt64(first * stride))
        }
        target.store(header, at: block)
        mover.move(Element.self, at: header.buffer, count: count)
    }
}

extension PersistentMap {
    public static func moveOwned(at place: UInt64, by mover: BlockMover) {
        if mover.relocation != nil { return relocate(at: place, by: mover) }
        let target = mover.target
        let block = mover.moveBlock(
            at: place, byteCount: MemoryLayout<Header>.size, alignment: HeapLayout.lineBytes)
        var header = target.load(block, as: Header.self)
        header.reservedCount = 0
        target.store(header, at: block)
        guard header.table != 0 else { return }
        let word = block + UInt64(MemoryLayout<Header>.offset(of: \.table)!)
        if header.depth == 0 {
            moveSegment(at: word, count: 1, by: mover)
        } else {
            let directory = mover.moveBlock(
                at: word, byteCount: 8 << Int(header.depth), alignment: 8)
            var entry = 0
            while entry < 1 << Int(header.depth) {
                let first = directory + UInt64(entry * 8)
                let entries =
                    1
                    << (Int(header.depth)
                        - MapSegment(word: target.load(first, as: UInt64.self)).localDepth)
                moveSegment(at: first, count: entries, by: mover)
                entry += entries
            }
        }
        let map = PersistentMap(access: target, offset: block)
        // Keys first, and at once, since shrinking hashes them. Values only when the slots no
        // longer move.
        if Key.holdsPlaces {
            map.forEachSlot { slot in
                withUnsafeMutablePointer(to: &slot.pointee.key) {
                    Key.moveOwned(at: mover.place(of: $0), by: mover)
                }
            }
        }
        map.shrinkAll()
        guard Value.holdsPlaces else { return }
        map.forEachSlot { slot in
            withUnsafeMutablePointer(to: &slot.pointee.value) {
                mover.move(Value.self, at: mover.place(of: $0))
            }
        }
    }

    /// Moves the segment whose word is repeated `count` times from `place` on.
    private static func moveSegment(at place: UInt64, count: Int, by mover: BlockMover) {
        let old = MapSegment(word: mover.target.load(place, as: UInt64.self))
        let byteCount = chunkBytes << old.exponent
        let block = mover.target.allocate(byteCount: byteCount, alignment: HeapLayout.lineBytes)
        mover.copy(byteCount, from: old.offset, to: block)
        let new = MapSegment(offset: block, localDepth: old.localDepth, exponent: old.exponent)
        for entry in 0 ..< count { mover.target.store(new.word, at: place + UInt64(entry * 8)) }
    }
}

extension PersistentSortedMap {
    public static func moveOwned(at place: UInt64, by mover: BlockMover) {
        if mover.relocation != nil { return relocate(at: place, by: mover) }
        let target = mover.target
        let old = PersistentSortedMap(
            access: mover.source, offset: target.load(place, as: UInt64.self))
        let block = mover.moveBlock(
            at: place, byteCount: MemoryLayout<SortedHeader>.size, alignment: HeapLayout.lineBytes)
        let new = PersistentSortedMap(access: target, offset: block)
        let header = new.openedForChange()
        (header.pointee.root, header.pointee.height) = (0, 0)
        // A key moves here, before its leaf is known.
        let room = target.allocate(
            byteCount: MemoryLayout<Slot>.size, alignment: MemoryLayout<Slot>.alignment)
        var last: Leaf?
        var next = old.place { _ in 0 }
        while let here = next {
            let leaf = old.leaf(here)
            for position in 0 ..< leaf.count {
                target.store(leaf.slot(position, mover.source).pointee, at: room)
                if Key.holdsPlaces { Key.moveOwned(at: room, by: mover) }
                let slot = new.appendMoved(target.load(room, as: Slot.self), &last)
                guard Value.holdsPlaces else { continue }
                withUnsafeMutablePointer(to: &slot.pointee.value) {
                    mover.move(Value.self, at: mover.place(of: $0))
                }
            }
            next = old.place(after: here)
        }
        target.free(
            room, byteCount: MemoryLayout<Slot>.size, alignment: MemoryLayout<Slot>.alignment)
    }

    /// Appends an entry after all others, where it stays. `last` is the last leaf.
    private func appendMoved(_ slot: Slot, _ last: inout Leaf?) -> UnsafeMutablePointer<Slot> {
        Key.withProbe(Key.load(slot.key, from: access)) { probe in
            if last == nil {
                last = makeRootLeaf()
            } else if last!.isFull {
                makeRoom(Key.orderedProbe(probe), slot.key, appends: true)
                last = lastLeaf(header)
            }
            let leaf = last!
            leaf.insert(
                slot, tag: Leaf.tag(Key.hash(probe, seed: access.hashSeed)), at: leaf.count, access)
            return leaf.slots + (leaf.count - 1)
        }
    }
}
