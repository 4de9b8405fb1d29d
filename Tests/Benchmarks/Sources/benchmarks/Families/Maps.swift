// Maps of numbers and of texts to numbers, hashed (`map.`) and in the order of their keys
// (`sorted.`).

/// What a system does for the works on maps. All works of one call happen in one transaction, if
/// the system has any.
protocol MapPeer {
    associatedtype Key: MapKey
    /// Keys as the system's loops take them, made of the program's before any clock runs.
    associatedtype Keys = [Key]

    static func prepared(_ keys: [Key]) -> Keys

    /// An empty map, in a new file if it is kept in one.
    init(newAt path: String, entries: Int) throws
    /// The same map as after the next run's opening: from the file, ready to read.
    func reopened() throws -> Self
    func close() throws

    /// Makes an entry for each key, whose value is the key's place in `keys`.
    func insert(_ keys: Keys) throws
    /// Adds 1 to the value of each.
    func update(_ keys: Keys) throws
    func remove(_ keys: Keys) throws
    var count: Int { get throws }

    /// The sum of the values of `keys`, each looked up. All are there.
    func get(_ keys: Keys) throws -> UInt64
    /// How many of the keys are not there.
    func miss(_ keys: Keys) throws -> UInt64
    /// The sum of all values.
    func iterate() throws -> UInt64
}

extension MapPeer where Keys == [Key] {
    static func prepared(_ keys: [Key]) -> [Key] { keys }
}

protocol SortedMapPeer: MapPeer {
    /// The sum of the values of the first `count` entries from each of `starts` on.
    func ranges(from starts: Keys, count: Int) throws -> UInt64
}

/// Keys that all systems can hold.
protocol MapKey: MapBytes {
    /// Keys that differ for different numbers, all below 2^63, so that signed integers sort them
    /// alike.
    init(number: UInt64)
    static var workName: String { get }
}

extension UInt64: MapKey {
    init(number: UInt64) { self = number }
    static var workName: String { "u64" }
}

extension String: MapKey {
    /// About 15 bytes, as identifiers are.
    init(number: UInt64) { self = "key-\(number % 100_000_000_000)" }
    static var workName: String { "string" }
}

/// The data of one size, the same for all systems.
struct MapData<Key: MapKey> {
    let keys: [Key]
    let lookups: [Key]
    /// None of them is in the map.
    let strangers: [Key]
    /// Where ranges begin.
    let starts: [Key]
    let sum: UInt64
    let rangeSum: UInt64

    static var rangeLength: Int { 100 }

    init(count: Int, sorted: Bool) {
        var random = SplitMix(state: 1)
        var seen: Set<Key> = []
        func some() -> [Key] {
            var keys: [Key] = []
            keys.reserveCapacity(count)
            while keys.count < count {
                let key = Key(number: random.next() >> 1)
                if seen.insert(key).inserted { keys.append(key) }
            }
            return keys
        }
        keys = some()
        strangers = some()
        lookups = keys.shuffled(using: &random)
        sum = UInt64(count) * UInt64(count - 1) / 2
        guard sorted else {
            starts = []
            rangeSum = 0
            return
        }
        let all = keys
        let order = all.indices.sorted { all[$0] < all[$1] }
        let places = (0 ..< count / Self.rangeLength).map { _ in
            Int.random(in: 0 ... count - Self.rangeLength, using: &random)
        }
        starts = places.map { all[order[$0]] }
        rangeSum = places.reduce(0) { sum, place in
            order[place ..< place + Self.rangeLength].reduce(sum) { $0 &+ UInt64($1) }
        }
    }
}

/// The two families of one kind of map and one size: one reads what lies in a file, the other
/// makes, changes and empties a map.
struct MapFamilies<Key: MapKey> {
    let kind: String
    let size: String
    let count: Int

    private var suffix: String { "\(Key.workName).\(size)" }
    private var isSorted: Bool { kind == "sorted" }
    private var iterating: String { isSorted ? "scan" : "iterate" }
    private func work(_ name: String) -> String { "\(kind).\(name).\(suffix)" }

    /// Small maps are gone through several times a round.
    private var repeats: Int { max(1, 200_000 / count) }

    var families: [Family] {
        [
            Family(
                name: "\(kind).read.\(suffix)",
                works: [work("get"), work("miss"), work(iterating)]
                    + (isSorted ? [work("range")] : []),
                contestants: { bench in
                    let data = MapData<Key>(count: count, sorted: isSorted)
                    return try isSorted
                        ? sortedPeers(reading: data, bench) : hashedPeers(reading: data, bench)
                }),
            Family(
                name: "\(kind).write.\(suffix)",
                works: [work("insert"), work("update"), work("remove")],
                contestants: { bench in
                    let data = MapData<Key>(count: count, sorted: false)
                    return isSorted
                        ? sortedPeers(writing: data, bench) : hashedPeers(writing: data, bench)
                }),
        ]
    }

    // MARK: Who takes part

    private func hashedPeers(reading data: MapData<Key>, _ bench: Bench) throws -> [Contestant] {
        try [
            reading(HoldfastMap<Key>.self, "holdfast", data, bench),
            reading(DictionaryMap<Key>.self, "Dictionary", data, bench),
            LMDB.isThere ? reading(LMDBMap<Key, LMDB.Nosync>.self, "lmdb", data, bench) : nil,
            SQLite.isThere ? reading(SQLiteMap<Key>.self, "sqlite", data, bench) : nil,
            Boost.isThere ? reading(BoostHashMap<Key>.self, "boost", data, bench) : nil,
        ].compactMap { $0 }
    }

    private func hashedPeers(writing data: MapData<Key>, _ bench: Bench) -> [Contestant] {
        [
            writing(HoldfastMap<Key>.self, "holdfast", data, bench),
            writing(DictionaryMap<Key>.self, "Dictionary", data, bench),
            LMDB.isThere ? writing(LMDBMap<Key, LMDB.Nosync>.self, "lmdb", data, bench) : nil,
            LMDB.isThere
                ? writing(LMDBMap<Key, LMDB.Writemap>.self, "lmdb-writemap", data, bench) : nil,
            SQLite.isThere ? writing(SQLiteMap<Key>.self, "sqlite", data, bench) : nil,
            Boost.isThere ? writing(BoostHashMap<Key>.self, "boost", data, bench) : nil,
        ].compactMap { $0 }
    }

    private func sortedPeers(reading data: MapData<Key>, _ bench: Bench) throws -> [Contestant] {
        try [
            reading(HoldfastSortedMap<Key>.self, "holdfast", data, bench, ranges: ranges),
            reading(SortedArrayMap<Key>.self, "sorted Array", data, bench, ranges: ranges),
            LMDB.isThere
                ? reading(LMDBMap<Key, LMDB.Nosync>.self, "lmdb", data, bench, ranges: ranges)
                : nil,
            SQLite.isThere
                ? reading(SQLiteMap<Key>.self, "sqlite", data, bench, ranges: ranges) : nil,
            Boost.isThere
                ? reading(BoostTreeMap<Key>.self, "boost", data, bench, ranges: ranges) : nil,
        ].compactMap { $0 }
    }

    /// A sorted array takes no part: it would be sorted once, not kept in order.
    private func sortedPeers(writing data: MapData<Key>, _ bench: Bench) -> [Contestant] {
        [
            writing(HoldfastSortedMap<Key>.self, "holdfast", data, bench),
            LMDB.isThere ? writing(LMDBMap<Key, LMDB.Nosync>.self, "lmdb", data, bench) : nil,
            LMDB.isThere
                ? writing(LMDBMap<Key, LMDB.Writemap>.self, "lmdb-writemap", data, bench) : nil,
            SQLite.isThere ? writing(SQLiteMap<Key>.self, "sqlite", data, bench) : nil,
            Boost.isThere ? writing(BoostTreeMap<Key>.self, "boost", data, bench) : nil,
        ].compactMap { $0 }
    }

    // MARK: What they do

    private func reading<Peer: MapPeer>(
        _: Peer.Type, _ system: String, _ data: MapData<Key>, _ bench: Bench,
        ranges: ((Recorder, Peer, MapData<Key>) throws -> Void)? = nil
    ) throws -> Contestant? where Peer.Key == Key {
        guard bench.filter.wants(system: system) else { return nil }
        let made = try Peer(
            newAt: bench.folder.fresh("\(kind)-\(suffix)-\(system).file"), entries: count)
        try made.insert(Peer.prepared(data.keys))
        let peer = try made.reopened()
        let (lookups, strangers) = (Peer.prepared(data.lookups), Peer.prepared(data.strangers))
        return Contestant(system: system) { recorder in
            let operations = count * repeats
            let times = UInt64(repeats)
            try recorder.time(work("get"), operations: operations, expect: data.sum &* times) {
                try repeated { try peer.get(lookups) }
            }
            try recorder.time(work("miss"), operations: operations, expect: UInt64(count) &* times)
            {
                try repeated { try peer.miss(strangers) }
            }
            try recorder.time(work(iterating), operations: operations, expect: data.sum &* times) {
                try repeated { try peer.iterate() }
            }
            try ranges?(recorder, peer, data)
        }
    }

    private func ranges<Peer: SortedMapPeer>(
        _ recorder: Recorder, _ peer: Peer, _ data: MapData<Key>
    ) throws
    where Peer.Key == Key {
        let length = MapData<Key>.rangeLength
        let starts = Peer.prepared(data.starts)
        try recorder.time(
            work("range"), operations: data.starts.count * length * repeats,
            expect: data.rangeSum &* UInt64(repeats)
        ) {
            try repeated { try peer.ranges(from: starts, count: length) }
        }
    }

    private func repeated(_ body: () throws -> UInt64) rethrows -> UInt64 {
        var sum: UInt64 = 0
        for _ in 0 ..< repeats { sum &+= try body() }
        return sum
    }

    private func writing<Peer: MapPeer>(
        _: Peer.Type, _ system: String, _ data: MapData<Key>, _ bench: Bench
    ) -> Contestant? where Peer.Key == Key {
        guard bench.filter.wants(system: system) else { return nil }
        let (keys, lookups) = (Peer.prepared(data.keys), Peer.prepared(data.lookups))
        return Contestant(system: system) { recorder in
            let peer = try Peer(
                newAt: bench.folder.fresh("\(kind)-write-\(system).file"), entries: count)
            try recorder.time(work("insert"), operations: count, expect: 0, needed: true) {
                try peer.insert(keys)
                return 0
            }
            try recorder.check(work("insert"), UInt64(try peer.count), UInt64(count))
            if recorder.wants(work("update")) {
                try recorder.time(work("update"), operations: count, expect: 0) {
                    try peer.update(lookups)
                    return 0
                }
                try recorder.check(work("update"), try peer.iterate(), data.sum &+ UInt64(count))
            }
            if recorder.wants(work("remove")) {
                try recorder.time(work("remove"), operations: count, expect: 0) {
                    try peer.remove(lookups)
                    return 0
                }
                try recorder.check(work("remove"), UInt64(try peer.count), 0)
            }
            try peer.close()
            // Not left to lie in the page cache beside the next.
            _ = bench.folder.fresh("\(kind)-write-\(system).file")
        }
    }
}
