// The standard library's collections, which are gone with the process: what a program gives up by
// keeping its data in a heap, or gains.

/// `Dictionary`, without a reserved capacity, as Holdfast's map has none either.
final class DictionaryMap<Key: MapKey>: MapPeer {
    private var map: [Key: UInt64] = [:]

    init(newAt path: String, entries: Int) {}
    func reopened() -> DictionaryMap { self }
    func close() {}

    func insert(_ keys: [Key]) {
        change { map in for place in keys.indices { map[keys[place]] = UInt64(place) } }
    }
    func update(_ keys: [Key]) { change { map in for key in keys { map[key, default: 0] += 1 } } }
    func remove(_ keys: [Key]) { change { map in for key in keys { map[key] = nil } } }
    var count: Int { map.count }

    /// One access to the property for all changes.
    private func change(_ body: (inout [Key: UInt64]) -> Void) { body(&map) }

    func get(_ keys: [Key]) -> UInt64 {
        let map = map
        return keys.reduce(0) { $0 &+ map[$1]! }
    }

    func miss(_ keys: [Key]) -> UInt64 {
        let map = map
        return keys.reduce(0) { map[$1] == nil ? $0 + 1 : $0 }
    }

    func iterate() -> UInt64 { map.reduce(0) { $0 &+ $1.value } }
}

/// The standard library has no sorted map. Two arrays, sorted once and looked up by halving, stand
/// for it where nothing changes.
final class SortedArrayMap<Key: MapKey>: SortedMapPeer {
    private var keys: [Key] = []
    private var values: [UInt64] = []

    init(newAt path: String, entries: Int) {}
    func reopened() -> SortedArrayMap { self }
    func close() {}

    func insert(_ keys: [Key]) {
        let order = keys.indices.sorted { keys[$0] < keys[$1] }
        self.keys = order.map { keys[$0] }
        values = order.map { UInt64($0) }
    }

    func update(_ keys: [Key]) { fatalError("a sorted array takes no part in changes") }
    func remove(_ keys: [Key]) { fatalError("a sorted array takes no part in changes") }
    var count: Int { keys.count }

    private func place(of key: Key) -> Int {
        let keys = keys
        var low = 0
        var high = keys.count
        while low < high {
            let middle = (low + high) / 2
            if keys[middle] < key { low = middle + 1 } else { high = middle }
        }
        return low
    }

    func get(_ keys: [Key]) -> UInt64 { keys.reduce(0) { $0 &+ values[place(of: $1)] } }

    func miss(_ keys: [Key]) -> UInt64 {
        keys.reduce(0) { misses, key in
            let place = place(of: key)
            return place < self.keys.count && self.keys[place] == key ? misses : misses + 1
        }
    }

    func iterate() -> UInt64 { values.reduce(0, &+) }

    func ranges(from starts: [Key], count: Int) -> UInt64 {
        starts.reduce(0) { sum, start in
            let place = place(of: start)
            return values[place ..< place + count].reduce(sum, &+)
        }
    }
}

/// `Array`, without a reserved capacity.
final class PlainArray: ArrayPeer {
    private var array: [UInt64] = []

    init(newAt path: String) {}
    func reopened() -> PlainArray { self }
    func close() {}

    func append(_ count: Int) {
        change { array in for number in 0 ..< UInt64(count) { array.append(number) } }
    }
    func scatter(_ places: [Int]) { change { array in for place in places { array[place] += 1 } } }
    func sum() -> UInt64 { array.reduce(0, &+) }

    private func change(_ body: (inout [UInt64]) -> Void) { body(&array) }
}
