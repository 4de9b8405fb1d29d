import HoldfastEngine

/// The entries as a collection, in the order of the table, which is the same in every process but
/// changes as the map grows.
extension PersistentMap: Collection {
    /// The position of an entry, valid until the next insertion or removal. Later use traps with a
    /// message.
    @frozen
    public struct Index: Hashable, Comparable, Sendable {
        /// The first directory entry of the segment; that after the last one for the end.
        @usableFromInline let entry: Int
        /// The number of the slot in the segment: eight to a chunk, of which seven can be in use.
        @usableFromInline let slot: Int
        /// The map's count of changes, and the identity of the map.
        @usableFromInline let changes: UInt64
        @usableFromInline let map: UInt64

        @inlinable
        init(entry: Int, slot: Int, changes: UInt64, map: UInt64) {
            self.entry = entry
            self.slot = slot
            self.changes = changes
            self.map = map
        }

        @inlinable
        public static func < (left: Index, right: Index) -> Bool {
            (left.entry, left.slot) < (right.entry, right.slot)
        }
    }

    /// The index of the first entry.
    ///
    /// - Complexity: Amortised O(1), unless most entries have been removed.
    @inlinable
    public var startIndex: Index { index(atOrAfter: 0, 0) }

    /// The index after the last entry.
    ///
    /// - Complexity: O(1).
    @inlinable
    public var endIndex: Index {
        let header = opened("index")
        return Index(
            entry: header.pointee.table == 0 ? 0 : 1 &<< Int(header.pointee.depth), slot: 0,
            changes: header.pointee.changes, map: offset)
    }

    /// Returns the next index.
    ///
    /// - Complexity: Amortised O(1).
    @inlinable
    public func index(after index: Index) -> Index {
        _ = slot(at: index)
        return self.index(atOrAfter: index.entry, index.slot &+ 1)
    }

    /// The entry at `index`. Traps if entries have been inserted or removed since the index was
    /// found.
    ///
    /// - Complexity: O(1).
    @inlinable
    public subscript(index: Index) -> Element {
        let slot = slot(at: index)
        return (
            Key.load(slot.pointee.key, from: access), Value.load(slot.pointee.value, from: access)
        )
    }

    /// Returns the index of the entry for `key`, or nil if there is none.
    ///
    /// - Complexity: O(1) expected.
    @inlinable
    public func index(forKey key: Key) -> Index? {
        Key.withProbe(key) { probe in
            let hash = Key.hash(probe, seed: access.hashSeed)
            guard let found = find(probe, hash) else { return nil }
            let header = opened("index")
            let depth = Int(header.pointee.depth)
            let segment = segment(for: hash, header)
            let distance = UnsafeMutableRawPointer(found) - chunks(segment)
            let chunk = distance / Self.chunkBytes
            let place = (distance % Self.chunkBytes - Self.slotsOffset) / MemoryLayout<Slot>.stride
            let entry = depth == 0 ? 0 : Int(hash >> UInt64(64 - depth))
            let first = entry & ~((1 &<< (depth - segment.localDepth)) - 1)
            return Index(
                entry: first, slot: chunk &* 8 &+ place, changes: header.pointee.changes,
                map: offset)
        }
    }

    /// Removes the entry at `index` and returns it. All indices become invalid.
    ///
    /// - Complexity: O(1) expected.
    @inlinable @discardableResult
    public func remove(at index: Index) -> Element
    where Key: PersistableValue, Value: PersistableValue {
        let element = self[index]
        removeSlot(slot(at: index))
        return element
    }

    /// Returns the first slot in use from a slot of an entry's segment on, or the end.
    @inlinable
    func index(atOrAfter entry: Int, _ slot: Int) -> Index {
        let header = opened("index")
        let depth = Int(header.pointee.depth)
        let end = endIndex
        var (entry, slot) = (entry, slot)
        while entry < end.entry {
            let segment = segmentToWalk(entry, depth, header)
            let base = chunks(segment)
            while slot >> 3 < segment.chunks {
                let control = (base + slot >> 3 &* Self.chunkBytes).load(as: UInt64.self)
                let used = MapChunk.usedSlots(control) >> UInt64(slot & 7)
                if used != 0 {
                    return Index(
                        entry: entry, slot: slot + used.trailingZeroBitCount,
                        changes: end.changes, map: offset)
                }
                slot = (slot | 7) + 1
            }
            entry += 1 &<< (depth &- segment.localDepth)
            slot = 0
        }
        return end
    }

    /// Returns the slot of an index that is not the end.
    @inlinable
    func slot(at index: Index) -> UnsafeMutablePointer<Slot> {
        let header = opened("index")
        guard index.map == offset, header.pointee.changes == index.changes else {
            trap(.staleIndex)
        }
        let end = endIndex
        guard index.entry < end.entry else { trap(.behindTheEnd) }
        let segment = segmentToWalk(index.entry, Int(header.pointee.depth), header)
        guard index.slot >> 3 < segment.chunks else { Handle.damaged(access, "map") }
        return slots(chunks(segment) + index.slot >> 3 &* Self.chunkBytes) + index.slot & 7
    }
}

extension PersistentMap.Keys: Collection {
    @inlinable
    public var startIndex: PersistentMap.Index { map.startIndex }

    @inlinable
    public var endIndex: PersistentMap.Index { map.endIndex }

    @inlinable
    public func index(after index: PersistentMap.Index) -> PersistentMap.Index {
        map.index(after: index)
    }

    /// The key at `index`.
    ///
    /// - Complexity: O(1).
    @inlinable
    public subscript(index: PersistentMap.Index) -> Key {
        Key.load(map.slot(at: index).pointee.key, from: map.access)
    }
}

extension PersistentMap.Values: Collection {
    @inlinable
    public var startIndex: PersistentMap.Index { map.startIndex }

    @inlinable
    public var endIndex: PersistentMap.Index { map.endIndex }

    @inlinable
    public func index(after index: PersistentMap.Index) -> PersistentMap.Index {
        map.index(after: index)
    }

    /// The value at `index`.
    ///
    /// - Complexity: O(1).
    @inlinable
    public subscript(index: PersistentMap.Index) -> Value {
        Value.load(map.slot(at: index).pointee.value, from: map.access)
    }
}
