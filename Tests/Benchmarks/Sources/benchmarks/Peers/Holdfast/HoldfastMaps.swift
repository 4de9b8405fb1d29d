import Holdfast

/// A map in a heap of its own. Each work is one transaction, which survives `kill -9` when it
/// returns; nothing is switched off.
struct HoldfastMap<Key: MapKey>: MapPeer {
    private let heap: PersistentHeap

    init(newAt path: String, entries: Int) throws { heap = try PersistentHeap.open(path) }

    init(existing path: String) throws { heap = try PersistentHeap.open(path, mode: .readOnly) }

    private init(heap: PersistentHeap) { self.heap = heap }

    /// From the mapped file, not from the private pages of the process that wrote it.
    func reopened() throws -> HoldfastMap {
        try heap.close()
        return HoldfastMap(heap: try PersistentHeap.open(heap.path, mode: .readOnly))
    }

    func close() throws { try heap.close() }

    func insert(_ keys: [Key]) throws {
        try heap.write { tx in
            let map = try tx.map("map", Key.self, UInt64.self)
            for place in keys.indices { map[keys[place]] = UInt64(place) }
        }
    }

    func update(_ keys: [Key]) throws {
        try heap.write { tx in
            let map = try tx.map("map", Key.self, UInt64.self)
            for key in keys { map[key, default: 0] += 1 }
        }
    }

    func remove(_ keys: [Key]) throws {
        try heap.write { tx in
            let map = try tx.map("map", Key.self, UInt64.self)
            for key in keys { map[key] = nil }
        }
    }

    var count: Int {
        get throws { try heap.read { try $0.map("map", Key.self, UInt64.self).count } }
    }

    func get(_ keys: [Key]) throws -> UInt64 {
        try heap.read { tx in
            let map = try tx.map("map", Key.self, UInt64.self)
            return keys.reduce(0) { $0 &+ map[$1]! }
        }
    }

    func miss(_ keys: [Key]) throws -> UInt64 {
        try heap.read { tx in
            let map = try tx.map("map", Key.self, UInt64.self)
            return keys.reduce(0) { map[$1] == nil ? $0 + 1 : $0 }
        }
    }

    func iterate() throws -> UInt64 {
        try heap.read { tx in try tx.map("map", Key.self, UInt64.self).reduce(0) { $0 &+ $1.value }
        }
    }
}

/// The same with a sorted map.
struct HoldfastSortedMap<Key: MapKey>: SortedMapPeer {
    private let heap: PersistentHeap

    init(newAt path: String, entries: Int) throws { heap = try PersistentHeap.open(path) }

    private init(heap: PersistentHeap) { self.heap = heap }

    func reopened() throws -> HoldfastSortedMap {
        try heap.close()
        return HoldfastSortedMap(heap: try PersistentHeap.open(heap.path, mode: .readOnly))
    }

    func close() throws { try heap.close() }

    func insert(_ keys: [Key]) throws {
        try heap.write { tx in
            let map = try tx.sortedMap("map", Key.self, UInt64.self)
            for place in keys.indices { map[keys[place]] = UInt64(place) }
        }
    }

    func update(_ keys: [Key]) throws {
        try heap.write { tx in
            let map = try tx.sortedMap("map", Key.self, UInt64.self)
            for key in keys { map[key, default: 0] += 1 }
        }
    }

    func remove(_ keys: [Key]) throws {
        try heap.write { tx in
            let map = try tx.sortedMap("map", Key.self, UInt64.self)
            for key in keys { map[key] = nil }
        }
    }

    var count: Int {
        get throws { try heap.read { try $0.sortedMap("map", Key.self, UInt64.self).count } }
    }

    func get(_ keys: [Key]) throws -> UInt64 {
        try heap.read { tx in
            let map = try tx.sortedMap("map", Key.self, UInt64.self)
            return keys.reduce(0) { $0 &+ map[$1]! }
        }
    }

    func miss(_ keys: [Key]) throws -> UInt64 {
        try heap.read { tx in
            let map = try tx.sortedMap("map", Key.self, UInt64.self)
            return keys.reduce(0) { map[$1] == nil ? $0 + 1 : $0 }
        }
    }

    func iterate() throws -> UInt64 {
        try heap.read { tx in
            try tx.sortedMap("map", Key.self, UInt64.self).reduce(0) { $0 &+ $1.value }
        }
    }

    func ranges(from starts: [Key], count: Int) throws -> UInt64 {
        try heap.read { tx in
            let map = try tx.sortedMap("map", Key.self, UInt64.self)
            return starts.reduce(0) { sum, start in
                map[start...].prefix(count).reduce(sum) { $0 &+ $1.value }
            }
        }
    }
}
