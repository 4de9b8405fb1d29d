// Large files made in one go, and durable at the end.

/// What a system does to fill a new file as fast as it can.
protocol BuildingPeer {
    /// Makes the file, with an entry for each key whose value is its place. It is on the disk at
    /// the end.
    static func build(_ path: String, keys: [UInt64]) throws
    /// The sum of all values of the file.
    static func sum(_ path: String, keys: [UInt64]) throws -> UInt64
}

private let count = 1_000_000

var buildingFamilies: [Family] {
    [
        family("building", "build.map.u64.1e6", ascending: false) { building in
            [
                building(HoldfastBuilding.self, "holdfast"),
                Boost.isThere ? building(BoostBuilding.self, "boost") : nil,
                LMDB.isThere ? building(LMDBBuilding.self, "lmdb") : nil,
                SQLite.isThere ? building(SQLiteBuilding.self, "sqlite") : nil,
            ].compactMap { $0 }
        },
        family("building sorted", "build.sorted.u64.1e6", ascending: true) { building in
            [
                building(HoldfastSortedBuilding.self, "holdfast"),
                Boost.isThere ? building(BoostSortedBuilding.self, "boost") : nil,
                LMDB.isThere ? building(LMDBBuilding.self, "lmdb") : nil,
                SQLite.isThere ? building(SQLiteBuilding.self, "sqlite") : nil,
            ].compactMap { $0 }
        },
    ]
}

private func family(
    _ name: String, _ work: String, ascending: Bool,
    _ peers: @escaping ((any BuildingPeer.Type, String) -> Contestant) -> [Contestant]
) -> Family {
    Family(
        name: name, works: [work],
        contestants: { bench in
            var random = SplitMix(state: 9)
            var keys = (0 ..< count).map { _ in random.next() >> 1 }
            if ascending { keys.sort() }
            let input = keys
            return peers { peer, system in
                Contestant(system: system) { recorder in
                    let path = bench.folder.fresh("build.file")
                    try recorder.time(work, operations: count, expect: 0) {
                        try peer.build(path, keys: input)
                        return 0
                    }
                    try recorder.check(
                        work, try peer.sum(path, keys: input), UInt64(count) * UInt64(count - 1) / 2
                    )
                    _ = bench.folder.fresh("build.file")
                }
            }
        })
}
