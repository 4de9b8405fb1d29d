import HoldfastEngine
import HoldfastFormat

// Collections keep their form when their blocks move within the heap: capacities, segments and
// nodes stay as they are.

extension PersistentArray {
    static func relocate(at place: UInt64, by mover: BlockMover) {
        let block = mover.moveBlock(
            at: place, byteCount: MemoryLayout<Header>.size,
            alignment: MemoryLayout<Header>.alignment)
        let header = mover.target.load(block, as: Header.self)
        guard header.buffer != 0 else { return }
        let buffer = mover.moveBlock(
            at: block + UInt64(MemoryLayout<Header>.offset(of: \.buffer)!),
            byteCount: Int(header.capacity) * stride,
            alignment: MemoryLayout<Element.Stored>.alignment)
        mover.relocateElements(Element.self, count: Int(header.count)) {
            buffer + UInt64($0 * stride)
        }
    }
}

extension PersistentDeque {
    static func relocate(at place: UInt64, by mover: BlockMover) {
        let block = mover.moveBlock(
            at: place, byteCount: MemoryLayout<Header>.size, alignment: HeapLayout.lineBytes)
        let header = mover.target.load(block, as: Header.self)
        guard header.buffer != 0 else { return }
        let capacity = Int(header.capacity)
        let buffer = mover.moveBlock(
            at: block + UInt64(MemoryLayout<Header>.offset(of: \.buffer)!),
            byteCount: capacity * stride, alignment: bufferAlignment)
        mover.relocateElements(Element.self, count: Int(header.count)) { index in
            buffer + UInt64((Int(header.head) + index) % capacity * stride)
        }
    }
}

extension PersistentMap {
    static func relocate(at place: UInt64, by mover: BlockMover) {
        let target = mover.target
        let block = mover.moveBlock(
            at: place, byteCount: MemoryLayout<Header>.size, alignment: HeapLayout.lineBytes)
        let header = target.load(block, as: Header.self)
        guard header.table != 0 else { return }
        let map = PersistentMap(access: target, offset: block)
        let word = block + UInt64(MemoryLayout<Header>.offset(of: \.table)!)
        guard header.depth > 0 else {
            return mover.relocateParts(1) { _ in
                map.relocateSegment(at: word, count: 1, by: mover)
                return 1
            }
        }
        let depth = Int(header.depth)
        let directory = mover.moveBlock(at: word, byteCount: 8 << depth, alignment: 8)
        mover.relocateParts(1 << depth) { part in
            let place = directory + UInt64(part * 8)
            let localDepth = MapSegment(word: target.load(place, as: UInt64.self)).localDepth
            let count = 1 << (depth - localDepth)
            // Others may have split or merged segments since the last transaction.
            let first = part & ~(count - 1)
            map.relocateSegment(at: directory + UInt64(first * 8), count: count, by: mover)
            return first + count
        }
    }

    /// Relocates the segment whose word is repeated `count` times from `place` on, and what its
    /// entries lead to.
    private func relocateSegment(at place: UInt64, count: Int, by mover: BlockMover) {
        let old = MapSegment(word: access.load(place, as: UInt64.self))
        let offset = mover.relocation!.newPlace(
            of: old.offset, byteCount: Self.chunkBytes << old.exponent,
            alignment: HeapLayout.lineBytes)
        let new = MapSegment(offset: offset, localDepth: old.localDepth, exponent: old.exponent)
        if offset != old.offset {
            for entry in 0 ..< count { access.store(new.word, at: place + UInt64(entry * 8)) }
        }
        guard Key.holdsPlaces || Value.holdsPlaces else { return }
        forEachSlot(in: new) { slot in
            if Key.holdsPlaces {
                withUnsafeMutablePointer(to: &slot.pointee.key) {
                    mover.move(Key.self, at: mover.place(of: $0))
                }
            }
            if Value.holdsPlaces {
                withUnsafeMutablePointer(to: &slot.pointee.value) {
                    mover.move(Value.self, at: mover.place(of: $0))
                }
            }
        }
    }
}

extension PersistentSortedMap {
    static func relocate(at place: UInt64, by mover: BlockMover) {
        let block = mover.moveBlock(
            at: place, byteCount: MemoryLayout<SortedHeader>.size, alignment: HeapLayout.lineBytes)
        let header = mover.target.load(block, as: SortedHeader.self)
        guard header.root != 0 else { return }
        PersistentSortedMap(access: mover.target, offset: block).relocateNode(
            at: block + UInt64(MemoryLayout<SortedHeader>.offset(of: \.root)!),
            level: Int(header.height), by: mover)
    }

    /// Relocates the node that the word at `place` owns, and everything below it. A tree is at most
    /// 64 levels high.
    private func relocateNode(at place: UInt64, level: Int, by mover: BlockMover) {
        guard level > 0 else { return relocateLeaf(at: place, by: mover) }
        let node = mover.moveBlock(
            at: place, byteCount: Inner.byteCount, alignment: HeapLayout.lineBytes)
        let count = Inner(access, node).count
        mover.move(Key.self, at: node + UInt64(Inner.keysOffset), count: count - 1)
        mover.relocateParts(count) { child in
            relocateNode(
                at: node + UInt64(Inner.childrenOffset + child * 8), level: level - 1, by: mover)
            return child + 1
        }
    }

    private func relocateLeaf(at place: UInt64, by mover: BlockMover) {
        let node = mover.moveBlock(
            at: place, byteCount: Leaf.byteCount, alignment: HeapLayout.lineBytes)
        guard Key.holdsPlaces || Value.holdsPlaces else { return }
        let leaf = Leaf(access, node)
        for number in 0 ..< leaf.count {
            if Key.holdsPlaces {
                withUnsafeMutablePointer(to: &leaf.slots[number].key) {
                    mover.move(Key.self, at: mover.place(of: $0))
                }
            }
            if Value.holdsPlaces {
                withUnsafeMutablePointer(to: &leaf.slots[number].value) {
                    mover.move(Value.self, at: mover.place(of: $0))
                }
            }
        }
    }
}
