// Several processes that only read one file: how fast, and in how much memory of their own.

private let count = 1_000_000
private let readers = 2

/// The data, the same in every process.
private var data: MapData<UInt64> { MapData(count: count, sorted: false) }

var readerFamily: Family {
    Family(
        name: "readers", works: ["share.get.u64.1e6", "bytes.private.reader"],
        contestants: { bench in
            let data = data
            func reading<Peer: OpeningPeer>(_: Peer.Type, _ system: String) throws -> Contestant? {
                guard bench.filter.wants(system: system) else { return nil }
                let path = bench.folder.fresh("share-\(system).file")
                try Peer.make(path, keys: data.keys, sparseBytes: 0)
                return Contestant(system: system) { try read(path, system, $0) }
            }
            return try [
                reading(HoldfastOpening.self, "holdfast"),
                LMDB.isThere ? reading(LMDBOpening.self, "lmdb") : nil,
                SQLite.isThere ? reading(SQLiteOpening.self, "sqlite") : nil,
            ].compactMap { $0 }
        })
}

/// Two processes look up all keys at the same time. Time for each look-up in one process, the
/// slower one's; memory of the larger one.
private func read(_ path: String, _ system: String, _ recorder: Recorder) throws {
    let partners = try (0 ..< readers).map { _ in
        try Partner(job: "--read", [system, path], input: true)
    }
    for partner in partners { try partner.requireSign() }
    for partner in partners { partner.send(1) }
    var time = 0.0
    var memory = 0.0
    for partner in partners {
        let figures = partner.readToEnd().split(separator: " ").compactMap { Double($0) }
        guard partner.waitForEnd() == 0, figures.count == 2 else {
            throw WrongResult(description: "a reader of \(path) has failed")
        }
        time = max(time, figures[0])
        memory = max(memory, figures[1])
    }
    recorder.record("share.get.u64.1e6", time / Double(count))
    recorder.record("bytes.private.reader", memory, unit: .bytes)
}

/// Reads as one of several: `--read SYSTEM PATH INPUT PIPE`.
func runReader(_ arguments: [String]) throws {
    guard arguments.count == 4, let input = Int32(arguments[2]), let pipe = Int32(arguments[3])
    else { exitWithUsage() }
    let data = data
    func read<Peer: MapPeer>(_ open: () throws -> Peer) throws where Peer.Key == UInt64 {
        let keys = Peer.prepared(data.lookups)
        sendSign(pipe)
        awaitMessage(input)
        let before = try privateBytes()
        let start = Clock.now()
        let sum = try open().get(keys)
        let time = Clock.now() - start
        guard sum == data.sum else {
            throw WrongResult(description: "\(arguments[0]) gave \(sum) instead of \(data.sum)")
        }
        sendText("\(time) \(max(0, try privateBytes() - before))", pipe)
    }
    switch arguments[0] {
    case "holdfast": try read { try HoldfastMap<UInt64>(existing: arguments[1]) }
    case "lmdb":
        try read { try LMDBMap<UInt64, LMDB.Reading>(existing: arguments[1], entries: count) }
    case "sqlite": try read { try SQLiteMap<UInt64>(existing: arguments[1]) }
    default: exitWithUsage()
    }
}

/// Memory that is this process's alone, 0 where the system does not tell.
private func privateBytes() throws -> Int {
    guard let text = try? readText("/proc/self/smaps_rollup") else { return 0 }
    return text.split(separator: "\n").filter { $0.hasPrefix("Private_Dirty:") }.reduce(0) {
        sum, line in
        sum + (line.split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0) * 1024
    }
}
