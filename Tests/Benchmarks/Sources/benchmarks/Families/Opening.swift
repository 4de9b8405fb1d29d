// From a path to the first value.

/// What a system does in a new run of a program.
protocol OpeningPeer {
    /// Makes a file with a map of these keys, each with its place as value. If `sparseBytes` is not
    /// 0 it is at least so long, nearly all of it a hole.
    static func make(_ path: String, keys: [UInt64], sparseBytes: Int) throws

    /// The file opened, to read.
    init(_ path: String, sparseBytes: Int) throws
    /// The map found in it, and the key in the map.
    func get(_ key: UInt64) throws -> UInt64
    func close() throws
}

private let count = 1_000_000
private let opens = 100

var openingFamilies: [Family] {
    [
        family("opening", "open.get.1e6", sparseBytes: 0, withSQLiteAndBoost: true),
        // The others' files cannot be holes of this size.
        family("opening 1 TiB", "open.get.1TiB", sparseBytes: 1 << 40, withSQLiteAndBoost: false),
    ]
}

private func family(_ name: String, _ work: String, sparseBytes: Int, withSQLiteAndBoost: Bool)
    -> Family
{
    Family(
        name: name, works: [work],
        contestants: { bench in
            var random = SplitMix(state: 8)
            let keys = (0 ..< count).map { _ in random.next() >> 1 }
            func opening<Peer: OpeningPeer>(_: Peer.Type, _ system: String) throws -> Contestant? {
                guard bench.filter.wants(system: system) else { return nil }
                let path = bench.folder.fresh("open-\(sparseBytes)-\(system).file")
                try Peer.make(path, keys: keys, sparseBytes: sparseBytes)
                return Contestant(system: system) {
                    try open(Peer.self, path, keys, sparseBytes, work, $0)
                }
            }
            return try [
                opening(HoldfastOpening.self, "holdfast"),
                LMDB.isThere ? opening(LMDBOpening.self, "lmdb") : nil,
                withSQLiteAndBoost && SQLite.isThere ? opening(SQLiteOpening.self, "sqlite") : nil,
                withSQLiteAndBoost && Boost.isThere ? opening(BoostOpening.self, "boost") : nil,
            ].compactMap { $0 }
        })
}

/// The mean of many openings, each of another key; closing is not counted.
private func open<Peer: OpeningPeer>(
    _: Peer.Type, _ path: String, _ keys: [UInt64], _ sparseBytes: Int, _ work: String,
    _ recorder: Recorder
) throws {
    var time = 0.0
    for number in 0 ..< opens {
        let place = number * 9973
        let start = Clock.now()
        let peer = try Peer(path, sparseBytes: sparseBytes)
        let value = try peer.get(keys[place])
        time += Clock.now() - start
        try recorder.check(work, value, UInt64(place))
        try peer.close()
    }
    recorder.record(work, time / Double(opens))
}
