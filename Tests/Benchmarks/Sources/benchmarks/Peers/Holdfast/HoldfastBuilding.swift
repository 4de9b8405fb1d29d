import Holdfast

/// `PersistentHeap.build`, for a map.
enum HoldfastBuilding: BuildingPeer {
    static func build(_ path: String, keys: [UInt64]) throws {
        try PersistentHeap.build(path) { tx in
            let map = try tx.map("map", UInt64.self, UInt64.self)
            map.reserveCapacity(keys.count)
            for place in keys.indices { map[keys[place]] = UInt64(place) }
        }
    }

    static func sum(_ path: String, keys: [UInt64]) throws -> UInt64 {
        let heap = try PersistentHeap.open(path, mode: .readOnly)
        let sum = try heap.read {
            try $0.map("map", UInt64.self, UInt64.self).reduce(0) { $0 &+ $1.value }
        }
        try heap.close()
        return sum
    }
}

/// The same for a sorted map, from keys in order.
enum HoldfastSortedBuilding: BuildingPeer {
    static func build(_ path: String, keys: [UInt64]) throws {
        try PersistentHeap.build(path) { tx in
            try tx.sortedMap("map", UInt64.self, UInt64.self).append(
                sorted: keys.lazy.enumerated().map { ($0.element, UInt64($0.offset)) })
        }
    }

    static func sum(_ path: String, keys: [UInt64]) throws -> UInt64 {
        let heap = try PersistentHeap.open(path, mode: .readOnly)
        let sum = try heap.read {
            try $0.sortedMap("map", UInt64.self, UInt64.self).reduce(0) { $0 &+ $1.value }
        }
        try heap.close()
        return sum
    }
}
