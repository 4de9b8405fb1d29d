import HoldfastEngine
import HoldfastFormat

// What a comparison of two states of a map needs to know of the table; see `MapComparison`.

/// A place in a map's table: the number of a directory entry, of a chunk of its segment, and of a
/// slot of that.
struct MapPlace {
    var entry = 0
    var chunk = 0
    var slot = 0
}

/// The words of a header that say where the table is.
struct MapTable: Equatable {
    let header: UInt64
    let depth: Int
    let table: UInt64
}

/// A segment with the first hash that belongs to it.
struct MapSegmentPlace {
    let segment: MapSegment
    let firstHash: UInt64
    /// The number of directory entries that lead to it.
    let entries: Int
}

/// Which of a segment's chunks a comparison visits.
enum MapPart {
    case none
    /// The chunks that have a changed line.
    case changed
    /// All chunks, of which those without a changed line are the same in the other state.
    case sameOrChanged
    /// All chunks, compared with a state that does not have the segment.
    case all
}

/// The hashes of the keys of which the former state is not known, as ranges.
struct LostHashes: Sendable {
    /// Ascending, and not adjacent.
    private(set) var ranges: [ClosedRange<UInt64>] = []

    var isEmpty: Bool { ranges.isEmpty }

    mutating func append(_ place: MapSegmentPlace) {
        let depth = place.segment.localDepth
        let last = place.firstHash | (depth == 0 ? .max : UInt64.max &>> UInt64(depth))
        if let before = ranges.last, before.upperBound &+ 1 == place.firstHash {
            ranges[ranges.count - 1] = before.lowerBound ... last
        } else {
            ranges.append(place.firstHash ... last)
        }
    }

    func contains(segment place: MapSegmentPlace) -> Bool { contains(hash: place.firstHash) }

    func contains(hash: UInt64) -> Bool {
        var low = 0
        var high = ranges.count
        while low < high {
            let middle = (low + high) / 2
            if ranges[middle].upperBound < hash { low = middle + 1 } else { high = middle }
        }
        return low < ranges.count && ranges[low].contains(hash)
    }
}

extension PersistentMap {
    var tableShape: MapTable {
        let header = opened()
        return MapTable(
            header: offset, depth: Int(header.pointee.depth), table: header.pointee.table)
    }

    /// Returns the segment that directory entry `entry` leads to, which must be its first one; nil
    /// at the end.
    func segmentPlace(_ entry: Int) -> MapSegmentPlace? {
        let header = opened()
        let depth = Int(header.pointee.depth)
        guard header.pointee.table != 0, entry < 1 << depth else { return nil }
        let segment = segmentToWalk(entry, depth, header)
        requireSound(segment)
        return MapSegmentPlace(
            segment: segment, firstHash: depth == 0 ? 0 : UInt64(entry) << UInt64(64 - depth),
            entries: 1 << (depth - segment.localDepth))
    }

    private static func byteCount(_ segment: MapSegment) -> Int { chunkBytes << segment.exponent }

    func insertTableLines(into lines: inout LineSet) {
        lines.insert(bytesAt: offset, count: MemoryLayout<Header>.size)
        let shape = tableShape
        if shape.depth > 0 { lines.insert(bytesAt: shape.table, count: 8 << shape.depth) }
        var entry = 0
        while !lines.isComplete, let place = segmentPlace(entry) {
            lines.insert(bytesAt: place.segment.offset, count: Self.byteCount(place.segment))
            entry += place.entries
        }
    }

    /// Inserts the lines of all blocks that the values own.
    func insertOwnedLines(into lines: inout LineSet) {
        guard !lines.isComplete, count > 0 else { return }
        var walk = OwnedLines(access, collectingIn: lines)
        var iterator = makeIterator()
        while !walk.wasCancelled, let slot = iterator.nextSlot() {
            Value.verify(at: valueOffset(slot), in: &walk)
        }
        if let all = walk.lines { lines = all }
    }

    private func valueOffset(_ slot: UnsafeMutablePointer<Slot>) -> UInt64 {
        let place = UnsafeMutableRawPointer(slot) - access.context.pointee.base
        return UInt64(place + MemoryLayout<Slot>.offset(of: \.value)!)
    }

    /// Returns the place of the value in a slot of another state of the map, which has the slot's
    /// bytes at the same place as this one.
    func valuePlace(of slot: UnsafeMutablePointer<Slot>, in other: PersistentMap) -> UInt64? {
        MemoryLayout<Value.Stored>.size > 0 ? other.valueOffset(slot) : nil
    }

    // MARK: Comparing

    /// Which part of a segment is to be compared with another state.
    ///
    /// Of two states that have the segment, only one visits the chunks without a changed line, for
    /// the sake of what their values own.
    func part(
        _ place: MapSegmentPlace, comparedWith other: PersistentMap?, _ changed: LineSet,
        _ findsNewKeys: Bool
    ) -> MapPart {
        guard let other, !other.isEmpty,
            other.segment(for: place.firstHash, other.header).word == place.segment.word
        else { return .all }
        if Value.changesInPlace, !findsNewKeys { return .sameOrChanged }
        let segment = place.segment
        return changed.intersects(bytesAt: segment.offset, count: Self.byteCount(segment))
            ? .changed : .none
    }

    /// Calls `body` with each used slot from `place` on, in the parts of segments that `part`
    /// returns, until `body` returns false. Returns whether the end was reached.
    func walk(
        _ place: inout MapPlace, in part: (MapSegmentPlace) -> MapPart, _ changed: LineSet,
        _ body: (UnsafeMutablePointer<Slot>, _ isSame: Bool) -> Bool
    ) -> Bool {
        while let segment = segmentPlace(place.entry) {
            let part = part(segment)
            while let chunk = nextChunk(place.chunk, of: segment.segment, part, changed) {
                if chunk > place.chunk { place.slot = 0 }
                place.chunk = chunk
                let base = self.chunk(chunk, of: segment.segment)
                let used = MapChunk.usedSlots(base.load(as: UInt64.self))
                let isSame =
                    part == .sameOrChanged
                    && !changed.intersects(
                        bytesAt: chunkOffset(chunk, of: segment.segment), count: Self.chunkBytes)
                while place.slot < MapChunk.slots {
                    let slot = place.slot
                    place.slot += 1
                    guard used & (1 << UInt64(slot)) != 0 else { continue }
                    if !body(slots(base) + slot, isSame) { return false }
                }
                place.chunk += 1
                place.slot = 0
            }
            place.entry += segment.entries
            place.chunk = 0
            place.slot = 0
        }
        return true
    }

    private func chunkOffset(_ chunk: Int, of segment: MapSegment) -> UInt64 {
        segment.offset + UInt64(chunk * Self.chunkBytes)
    }

    /// Returns the first chunk from `chunk` on that is to be visited.
    private func nextChunk(
        _ chunk: Int, of segment: MapSegment, _ part: MapPart, _ changed: LineSet
    ) -> Int? {
        guard chunk < segment.chunks else { return nil }
        switch part {
        case .none: return nil
        case .all, .sameOrChanged: return chunk
        case .changed:
            let end = chunkOffset(segment.chunks, of: segment)
            let line = changed.first(
                from: chunkOffset(chunk, of: segment) >> HeapLayout.lineShift,
                through: (end - 1) >> HeapLayout.lineShift)
            return line.map {
                Int(($0 << HeapLayout.lineShift) - segment.offset) / Self.chunkBytes
            }
        }
    }

    // MARK: Comparing with a state that is gone

    /// The hashes of all keys whose entries may differ from a state with the table `shape`; nil if
    /// all may.
    ///
    /// A key that was removed or inserted has changed the chunk it was in. Later that chunk's
    /// segment may have been replaced, but then the directory entries have changed that lead to the
    /// segment in its place. A new directory has been written as a whole.
    func lostHashes(since shape: MapTable, _ changed: LineSet) -> LostHashes? {
        let now = tableShape
        guard now.header == shape.header, now.depth == shape.depth,
            // Without a directory this is the only segment.
            now.depth > 0 || now.table == shape.table
        else { return nil }
        var lost = LostHashes()
        var entry = 0
        while let place = segmentPlace(entry) {
            let isMoved =
                now.depth > 0
                && changed.intersects(
                    bytesAt: now.table + UInt64(entry * 8), count: place.entries * 8)
            if isMoved || isTouched(place.segment, changed) { lost.append(place) }
            // Bounded, whatever the size of the map.
            if lost.ranges.count > 4096 { return nil }
            entry += place.entries
        }
        return lost
    }

    /// Whether a line of the segment, or of what its values own, is in `changed`.
    private func isTouched(_ segment: MapSegment, _ changed: LineSet) -> Bool {
        if changed.intersects(bytesAt: segment.offset, count: Self.byteCount(segment)) {
            return true
        }
        guard Value.changesInPlace, MemoryLayout<Value.Stored>.size > 0 else { return false }
        for index in 0 ..< segment.chunks {
            let base = chunk(index, of: segment)
            let used = MapChunk.usedSlots(base.load(as: UInt64.self))
            for slot in 0 ..< MapChunk.slots where used & (1 << UInt64(slot)) != 0 {
                let place = valueOffset(slots(base) + slot)
                if OwnedLines.areTouched(Value.self, at: place, changed, in: access) { return true }
            }
        }
        return false
    }
}
