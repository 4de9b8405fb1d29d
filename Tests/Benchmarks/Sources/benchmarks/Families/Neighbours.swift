// Short reads of several threads beside other work of the same process: a long transaction, a
// reader that stays, and, for Holdfast alone, its own maintenance.

/// What a system does with a map in several threads.
protocol ThreadedPeer: SmallChangePeer, Sendable {
    associatedtype Worker: ThreadWorker
    /// What the calling thread uses.
    func worker() throws -> Worker
}

protocol ThreadWorker {
    /// The value of a key, in a transaction of its own.
    func get(_ key: UInt64) throws -> UInt64
    /// One transaction, which adds 1 to the value of each key and calls `pause` after each.
    func update(_ keys: ArraySlice<UInt64>, pause: () -> Void) throws
    /// Runs `body` in a transaction that has read the key.
    func staying(at key: UInt64, _ body: () -> Void) throws
}

private let entries = 100_000
/// Of a long transaction.
let changesOfNeighbour = 256
private let transactionLength = 100e6
private let readerCounts = [1, 2, 4]
/// How long readers read.
private let length = 1e9

/// Short reads beside some work.
private struct Scene<Peer: ThreadedPeer> {
    let name: String
    var readers = readerCounts
    /// Nanoseconds, in the long form of the program.
    var longLength = length
    let neighbours: [Neighbour<Peer>]

    func work(_ figure: String, _ readers: Int) -> String { "beside.\(name).\(figure).\(readers)" }
}

private let figures = ["get", "get.processor", "wait", "wait.processor", "wait.asleep"]

func neighbourFamily(long: Bool) -> Family {
    let names = ["alone", "writer"] + HoldfastNeighbours.names
    return Family(
        name: "neighbours",
        works: readerCounts.flatMap { readers in
            names.flatMap { name in figures.map { "beside.\(name).\($0).\(readers)" } }
        }
            + ["commits", "staying"].flatMap { name in
                (figures + ["commit"]).map { "beside.\(name).\($0).1" }
            },
        contestants: { bench in
            func reading<Peer: ThreadedPeer>(
                _: Peer.Type, _ system: String, _ more: [Scene<Peer>] = []
            ) -> Contestant {
                contestant(system, scenes(Peer.self) + more, long: long, bench)
            }
            return [
                reading(
                    HoldfastChanges.self, "holdfast",
                    zip(HoldfastNeighbours.names, HoldfastNeighbours.all).map {
                        Scene(name: $0, neighbours: [$1])
                    }),
                LMDB.isThere ? reading(LMDBChanges<LMDB.Nosync>.self, "lmdb") : nil,
                SQLite.isThere ? reading(SQLiteChanges.self, "sqlite") : nil,
            ].compactMap { $0 }
        })
}

/// What every system is asked for.
private func scenes<Peer: ThreadedPeer>(_: Peer.Type) -> [Scene<Peer>] {
    [
        Scene(name: "alone", neighbours: []),
        Scene(name: "writer", neighbours: [longTransactions]),
        Scene(name: "commits", readers: [1], longLength: 10e9, neighbours: [smallCommits]),
        Scene(
            name: "staying", readers: [1], longLength: 10e9,
            neighbours: [smallCommits, stayingReader]),
    ]
}

private func contestant<Peer: ThreadedPeer>(
    _ system: String, _ scenes: [Scene<Peer>], long: Bool, _ bench: Bench
) -> Contestant {
    Contestant(system: system) { recorder in
        var random = SplitMix(state: 7)
        let keys = (0 ..< entries).map { _ in random.next() >> 1 }
        for readers in readerCounts {
            for scene in scenes where scene.readers.contains(readers) {
                let works = (figures + ["commit"]).map { scene.work($0, readers) }
                guard works.contains(where: { recorder.wants($0) }) else { continue }
                let peer = try Peer(newAt: bench.folder.fresh("beside.file"), keys: keys)
                let (found, changes) = try readInThreads(
                    peer, keys, readers: readers, length: long ? scene.longLength : length,
                    beside: scene.neighbours)
                try recorder.check(works[0], try peer.sum(), changes.entries)
                try peer.close()
                let values = [
                    found.time, found.processor, found.wait, found.processorWait,
                    found.sleepingWait,
                ]
                for (work, value) in zip(works, values) { recorder.record(work, value) }
                if let commit = changes.commit { recorder.record(works.last!, commit) }
            }
        }
        _ = bench.folder.fresh("beside.file")
    }
}

// MARK: Neighbours

/// Transactions one after the other, each of which takes 100 ms for its changes.
private func longTransactions<Peer: ThreadedPeer>(
    _ peer: Peer, _ keys: [UInt64], _ period: Period
) throws -> Changes {
    let worker = try peer.worker()
    var changes = Changes()
    var next = Clock.now()
    while Clock.now() < period.end {
        try worker.update(places(in: keys, after: changes.entries)) {
            next += transactionLength / Double(changesOfNeighbour)
            Clock.sleep(until: next)
        }
        changes.entries += UInt64(changesOfNeighbour)
    }
    return changes
}

/// Five small transactions each millisecond: so many that all systems can do them, and that a
/// reader who stays does not fill the disk.
private func smallCommits<Peer: ThreadedPeer>(_ peer: Peer, _ keys: [UInt64], _ period: Period)
    throws -> Changes
{
    let worker = try peer.worker()
    var changes = Changes()
    var time = 0.0
    while Clock.now() < period.end {
        let place = Int(changes.entries) % (keys.count - 5)
        let begin = Clock.now()
        for key in keys[place ..< place + 5] { try worker.update([key]) {} }
        time += Clock.now() - begin
        changes.entries += 5
        Clock.sleep(until: begin + 1e6)
    }
    changes.commit = time / Double(changes.entries)
    return changes
}

/// A reader who sees one state all the time.
private func stayingReader<Peer: ThreadedPeer>(_ peer: Peer, _ keys: [UInt64], _ period: Period)
    throws -> Changes
{
    try peer.worker().staying(at: keys[0]) { Clock.sleep(until: period.end) }
    return Changes()
}

/// The entries that the next long transaction changes.
func places(in keys: [UInt64], after changes: UInt64) -> ArraySlice<UInt64> {
    let place = Int(changes) % (keys.count - changesOfNeighbour)
    return keys[place ..< place + changesOfNeighbour]
}
