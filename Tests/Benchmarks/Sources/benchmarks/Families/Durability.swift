import Holdfast

// Durable commits of several threads, and what checkpoints and recovery cost.

/// What a system does with durable commits of several threads at once.
protocol GroupCommitPeer: Sendable {
    init(newAt path: String, threads: Int) throws
    func close() throws
    /// In the thread of this number: durable commits, which set its word to 1, 2 and so on.
    func commit(_ count: Int, thread: Int) throws
    /// The word of a thread.
    func word(_ thread: Int) throws -> UInt64
}

private let durable = 400
private let pausedCommits = 400_000
private let arrayWords = 4 << 20

var durabilityFamilies: [Family] {
    [
        Family(
            name: "threads", works: [1, 2, 8].map { "tx.durable.threads.\($0)" },
            contestants: { bench in
                [
                    threads(HoldfastGroup.self, "holdfast", bench), LMDB.isThere ? threads(LMDBGroup.self, "lmdb", bench) : nil,
                    SQLite.isThere ? threads(SQLiteGroup.self, "sqlite", bench) : nil,
                ].compactMap { $0 }
            }),
        Family(
            name: "checkpoint", works: ["checkpoint.pause"],
            contestants: { bench in [Contestant(system: "holdfast") { try pause($0, bench) }] }),
        Family(
            name: "recovery", works: ["recovery.100MiB"],
            contestants: { bench in [Contestant(system: "holdfast") { try recover($0, bench) }] }),
    ]
}

/// Time for each commit of all together: those that wait at the same time may share a sync.
private func threads<Peer: GroupCommitPeer>(_: Peer.Type, _ system: String, _ bench: Bench) -> Contestant {
    Contestant(system: system) { recorder in
        for threads in [1, 2, 8] where recorder.wants("tx.durable.threads.\(threads)") {
            let peer = try Peer(newAt: bench.folder.fresh("threads.file"), threads: threads)
            try recorder.time("tx.durable.threads.\(threads)", operations: durable, expect: 1) {
                inThreads(threads) { try peer.commit(durable / threads, thread: $0) } ? 1 : 0
            }
            for thread in 0 ..< threads {
                try recorder.check("tx.durable.threads.\(threads)", try peer.word(thread), UInt64(durable / threads))
            }
            try peer.close()
        }
    }
}

/// The longest of many small transactions, 100,000 a second, while checkpoints of tens of megabytes run beside them. (A writer that commits as fast as
/// it can is faster than a disk, and has to wait for it sooner or later.)
private func pause(_ recorder: Recorder, _ bench: Bench) throws {
    var options = PersistentHeap.Options()
    options.logLimit = 32 << 20
    let heap = try PersistentHeap.open(bench.folder.fresh("pause.heap"), options: options)
    try heap.write { tx in
        try tx.array("words", of: UInt64.self).append(contentsOf: repeatElement(0, count: arrayWords))
    }
    try heap.checkpoint()
    var random = SplitMix(state: 5)
    var longest = 0.0
    var next = Clock.now()
    for round in 0 ..< UInt64(pausedCommits) {
        let place = Int.random(in: 0 ..< arrayWords, using: &random)
        while Clock.now() < next {}
        next += 10_000
        let begin = Clock.now()
        try heap.write { try $0.array("words", of: UInt64.self)[place] = round }
        longest = max(longest, Clock.now() - begin)
    }
    try recorder.check(
        "checkpoint.pause", UInt64(try heap.read { try $0.array("words", of: UInt64.self).count }), UInt64(arrayWords))
    recorder.record("checkpoint.pause", longest)
    try heap.close()
}

/// From a killed writer's files to the first value read.
private func recover(_ recorder: Recorder, _ bench: Bench) throws {
    let path = bench.folder.fresh("recovery.heap")
    let partner = try Partner("log", path, "\(recoverySlices)")
    try partner.requireSign()
    partner.waitForEnd()
    var opened: PersistentHeap?
    try recorder.time("recovery.100MiB", operations: 1, expect: UInt64(recoverySlices - 1)) {
        let heap = try PersistentHeap.open(path)
        opened = heap
        return try heap.read { try $0.array("words", of: UInt64.self)[(recoverySlices - 1) % 128 * sliceWords] }
    }
    try opened?.close()
}
