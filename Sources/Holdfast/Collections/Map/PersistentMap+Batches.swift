import HoldfastEngine

// Emptying a map in batches, each in a transaction of its own: a walk goes on in the next
// transaction at the directory entry that it had come to.

extension PersistentMap.Iterator {
    /// Starts at a directory entry that `segmentEntry` returned.
    init(_ map: PersistentMap, fromEntry entry: Int) {
        self.init(map)
        walk = map.walk(behind: entry, walk)
    }

    /// The directory entry at which the most recently visited segment begins. It stays valid while
    /// entries are only removed.
    var segmentEntry: Int {
        let header = map.header
        let depth = Int(header.pointee.depth)
        guard depth > 0, walk.entry > 0 else { return 0 }
        return walk.entry - 1
            << (depth - map.segmentToWalk(walk.entry - 1, depth, header).localDepth)
    }
}

extension PersistentMap {
    /// Removes an entry without changing the segments.
    func removeKeepingTable(_ key: Key) {
        Key.withProbe(key) { probe in
            let hash = Key.hash(probe, seed: access.hashSeed)
            if let found = find(probe, hash) { destroy(removeKeepingPlaces(found, hash).0) }
        }
    }

    /// A walk that has reached the end of the segment before a directory entry.
    func walk(behind entry: Int, _ beginning: Walk) -> Walk {
        let header = opened()
        let depth = Int(header.pointee.depth)
        // The entry comes from the heap, and the table may have become smaller.
        guard entry > 0, entry <= 1 << depth, header.pointee.table != 0 else { return beginning }
        let segment = segmentToWalk(entry - 1, depth, header)
        var walk = beginning
        walk.entry = entry
        walk.base = chunks(segment) + segment.chunks * Self.chunkBytes
        return walk
    }
}
