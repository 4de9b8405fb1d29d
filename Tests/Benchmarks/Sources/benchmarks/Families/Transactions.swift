// Small transactions, each of which survives `kill -9` when it returns (`tx.`), or a power cut
// (`tx.durable`).

/// What a system does with two words that change together.
protocol PairPeer {
    init(newAt path: String, durable: Bool) throws
    func close() throws
    /// One transaction for each number, which sets both words to it.
    func setPairs(_ numbers: Range<UInt64>) throws
    /// The second word.
    func second() throws -> UInt64
}

/// Read transactions that read nothing.
protocol EmptyReadPeer: PairPeer {
    /// Returns how many there were.
    func readNothing(times: Int) throws -> UInt64
}

/// What a system does with a map, one change a transaction.
protocol SmallChangePeer {
    /// A map with an entry of value 0 for each key.
    init(newAt path: String, keys: [UInt64]) throws
    func close() throws
    /// Adds 1 to the value of each.
    func updateEach(_ keys: [UInt64]) throws
    /// Inserts each with the value 1.
    func insertEach(_ keys: [UInt64]) throws
    func sum() throws -> UInt64
}

private let small = 200_000
private let durable = 300

var transactionFamilies: [Family] {
    [
        Family(
            name: "pairs", works: ["tx.2words"],
            contestants: { bench in
                func pairs<Peer: PairPeer>(
                    _: Peer.Type, _ system: String, _ environment: [String: String] = [:]
                ) -> Contestant {
                    pairContestant(
                        Peer.self, system, environment, "tx.2words", count: small, durable: false,
                        bench)
                }
                return [
                    pairs(HoldfastPair.self, "holdfast"),
                    LMDB.isThere ? pairs(LMDBPair<LMDB.Nosync>.self, "lmdb") : nil,
                    LMDB.isThere ? pairs(LMDBPair<LMDB.Writemap>.self, "lmdb-writemap") : nil,
                    SQLite.isThere ? pairs(SQLitePair.self, "sqlite") : nil,
                ].compactMap { $0 }
                    // The mode that syncs stands among the durable ones.
                    + PMDK.modes.filter { PMDK.isThere && !$0.isSlow }.map {
                        pairs(PMDKPair.self, $0.system, $0.environment)
                    }
            }),
        Family(
            name: "empty reads", works: ["tx.read.empty"],
            contestants: { bench in
                func reading<Peer: EmptyReadPeer>(_: Peer.Type, _ system: String) -> Contestant {
                    Contestant(system: system) { recorder in
                        let peer = try Peer(
                            newAt: bench.folder.fresh("pair.file"), durable: false)
                        try recorder.time(
                            "tx.read.empty", operations: small, expect: UInt64(small)
                        ) { try peer.readNothing(times: small) }
                        try peer.close()
                    }
                }
                return [
                    reading(HoldfastPair.self, "holdfast"),
                    LMDB.isThere ? reading(LMDBPair<LMDB.Nosync>.self, "lmdb") : nil,
                ].compactMap { $0 }
            }),
        Family(
            name: "durable", works: ["tx.durable"],
            contestants: { bench in
                func pairs<Peer: PairPeer>(
                    _: Peer.Type, _ system: String, _ environment: [String: String] = [:]
                ) -> Contestant {
                    pairContestant(
                        Peer.self, system, environment, "tx.durable", count: durable, durable: true,
                        bench)
                }
                return [
                    pairs(HoldfastPair.self, "holdfast"), pairs(BarePair.self, "bare"),
                    LMDB.isThere ? pairs(LMDBPair<LMDB.Durable>.self, "lmdb") : nil,
                    SQLite.isThere ? pairs(SQLitePair.self, "sqlite") : nil,
                ].compactMap { $0 }
                    + PMDK.modes.filter { PMDK.isThere && $0.isSlow }.map {
                        pairs(PMDKPair.self, $0.system, $0.environment)
                    }
            }),
        Family(
            name: "small changes", works: ["tx.map.update", "tx.map.insert"],
            contestants: { bench in
                var random = SplitMix(state: 3)
                let keys = (0 ..< 100_000).map { _ in random.next() >> 1 }
                let updates = (0 ..< small).map { _ in keys.randomElement(using: &random)! }
                let inserts = (0 ..< small).map { _ in random.next() >> 1 }
                return [
                    changeContestant(
                        HoldfastChanges.self, "holdfast", keys, updates, inserts, bench),
                    LMDB.isThere
                        ? changeContestant(
                            LMDBChanges<LMDB.Nosync>.self, "lmdb", keys, updates, inserts, bench)
                        : nil,
                    LMDB.isThere
                        ? changeContestant(
                            LMDBChanges<LMDB.Writemap>.self, "lmdb-writemap", keys, updates,
                            inserts, bench) : nil,
                    SQLite.isThere
                        ? changeContestant(
                            SQLiteChanges.self, "sqlite", keys, updates, inserts, bench) : nil,
                ].compactMap { $0 }
            }),
    ]
}

private func pairContestant<Peer: PairPeer>(
    _: Peer.Type, _ system: String, _ environment: [String: String], _ work: String, count: Int,
    durable: Bool, _ bench: Bench
) -> Contestant {
    Contestant(system: system, environment: environment) { recorder in
        let peer = try Peer(newAt: bench.folder.fresh("pair.file"), durable: durable)
        try recorder.time(work, operations: count, expect: 0) {
            try peer.setPairs(1 ..< UInt64(count) + 1)
            return 0
        }
        try recorder.check(work, try peer.second(), UInt64(count))
        try peer.close()
        _ = bench.folder.fresh("pair.file")
    }
}

private func changeContestant<Peer: SmallChangePeer>(
    _: Peer.Type, _ system: String, _ keys: [UInt64], _ updates: [UInt64], _ inserts: [UInt64],
    _ bench: Bench
) -> Contestant {
    Contestant(system: system) { recorder in
        let peer = try Peer(newAt: bench.folder.fresh("changes.file"), keys: keys)
        var sum: UInt64 = 0
        if recorder.wants("tx.map.update") {
            try recorder.time("tx.map.update", operations: updates.count, expect: 0) {
                try peer.updateEach(updates)
                return 0
            }
            sum += UInt64(updates.count)
            try recorder.check("tx.map.update", try peer.sum(), sum)
        }
        if recorder.wants("tx.map.insert") {
            try recorder.time("tx.map.insert", operations: inserts.count, expect: 0) {
                try peer.insertEach(inserts)
                return 0
            }
            sum += UInt64(inserts.count)
            try recorder.check("tx.map.insert", try peer.sum(), sum)
        }
        try peer.close()
        _ = bench.folder.fresh("changes.file")
    }
}
