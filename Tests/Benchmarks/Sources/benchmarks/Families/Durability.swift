import Holdfast

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

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

/// What a system does after its process was killed.
protocol RecoveryPeer {
    /// Fills a file with 128 slices of 64 KiB, brings it to rest, and replaces each slice in turn,
    /// a transaction each, until so many are replaced; the number of the transaction is in each of
    /// its words. The process is killed when this returns: nothing may be closed before.
    static func write(_ path: String, slices: Int) throws
    /// The file opened after that.
    init(recovering path: String) throws
    /// The first word of a slice.
    func word(ofSlice slice: Int) throws -> UInt64
    func close() throws
}

/// 100 MiB of changes, all of which are still in the log.
private let slices = 1600
/// Insertions into an empty map, a transaction each, whose records take 100 MiB.
private let insertions = 394_000
let slicesOfFile = 128
let sliceWords = 8192

private let durable = 4000
private let pausedCommits = 400_000
private let arrayWords = 4 << 20

var durabilityFamilies: [Family] {
    [
        Family(
            name: "threads", works: [1, 2, 8].map { "tx.durable.threads.\($0)" },
            contestants: { bench in
                [
                    threads(HoldfastGroup.self, "holdfast", bench),
                    LMDB.isThere ? threads(LMDBGroup.self, "lmdb", bench) : nil,
                    SQLite.isThere ? threads(SQLiteGroup.self, "sqlite", bench) : nil,
                ].compactMap { $0 }
            }),
        Family(
            name: "checkpoint", works: ["checkpoint.pause"],
            contestants: { bench in [Contestant(system: "holdfast") { try pause($0, bench) }] }),
        Family(
            name: "recovery", works: ["recovery.100MiB", "recovery.small.100MiB"],
            contestants: { bench in
                func recovering<Peer: RecoveryPeer>(_: Peer.Type, _ system: String) -> Contestant {
                    Contestant(system: system) { try recover(Peer.self, $0, bench) }
                }
                return [
                    recovering(HoldfastRecovery.self, "holdfast"),
                    LMDB.isThere ? recovering(LMDBRecovery.self, "lmdb") : nil,
                    SQLite.isThere ? recovering(SQLiteRecovery.self, "sqlite") : nil,
                    Contestant(system: "holdfast") { try recoverSmallCommits($0, bench) },
                ].compactMap { $0 }
            }),
    ]
}

/// Time for each commit of all together: those that wait at the same time may share a sync.
private func threads<Peer: GroupCommitPeer>(_: Peer.Type, _ system: String, _ bench: Bench)
    -> Contestant
{
    Contestant(system: system) { recorder in
        for threads in [1, 2, 8] where recorder.wants("tx.durable.threads.\(threads)") {
            let peer = try Peer(newAt: bench.folder.fresh("threads.file"), threads: threads)
            try recorder.time("tx.durable.threads.\(threads)", operations: durable, expect: 1) {
                inThreads(threads) { try peer.commit(durable / threads, thread: $0) } ? 1 : 0
            }
            for thread in 0 ..< threads {
                try recorder.check(
                    "tx.durable.threads.\(threads)", try peer.word(thread),
                    UInt64(durable / threads))
            }
            try peer.close()
        }
    }
}

/// The longest of many small transactions, 100,000 a second, while checkpoints of tens of megabytes
/// run beside them. (A writer that commits as fast as it can is faster than a disk, and has to wait
/// for it sooner or later.)
private func pause(_ recorder: Recorder, _ bench: Bench) throws {
    var options = PersistentHeap.Options()
    options.logLimit = 32 << 20
    let heap = try PersistentHeap.open(bench.folder.fresh("pause.heap"), options: options)
    try heap.write { tx in
        try tx.array("words", of: UInt64.self).append(
            contentsOf: repeatElement(0, count: arrayWords))
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
        "checkpoint.pause", UInt64(try heap.read { try $0.array("words", of: UInt64.self).count }),
        UInt64(arrayWords))
    recorder.record("checkpoint.pause", longest)
    try heap.close()
}

/// From a killed writer's files to the first value read.
private func recover<Peer: RecoveryPeer>(_: Peer.Type, _ recorder: Recorder, _ bench: Bench) throws
{
    guard recorder.wants("recovery.100MiB") else { return }
    let path = bench.folder.fresh("recovery.file")
    let partner = try Partner(job: "--die", [recorder.system, path])
    try partner.requireSign()
    partner.waitForEnd()
    var opened: Peer?
    try recorder.time("recovery.100MiB", operations: 1, expect: UInt64(slices - 1)) {
        let peer = try Peer(recovering: path)
        opened = peer
        return try peer.word(ofSlice: (slices - 1) % slicesOfFile)
    }
    try opened?.close()
    _ = bench.folder.fresh("recovery.file")
}

/// The same where the log holds as many transactions of one entry as fit. Only Holdfast's: so many
/// bytes are a few thousand transactions of SQLite's, and none of LMDB's.
private func recoverSmallCommits(_ recorder: Recorder, _ bench: Bench) throws {
    guard recorder.wants("recovery.small.100MiB") else { return }
    let path = bench.folder.fresh("recovery.file")
    let partner = try Partner(job: "--die", ["holdfast-small", path])
    try partner.requireSign()
    partner.waitForEnd()
    var opened: HoldfastSmallCommits?
    try recorder.time("recovery.small.100MiB", operations: 1, expect: UInt64(insertions)) {
        let peer = try HoldfastSmallCommits(recovering: path)
        opened = peer
        return UInt64(try peer.count)
    }
    try opened?.close()
    _ = bench.folder.fresh("recovery.file")
}

/// Writes and is killed: `--die SYSTEM PATH PIPE`.
func writeAndDie(_ arguments: [String]) throws {
    guard arguments.count == 3, let pipe = Int32(arguments[2]) else { exitWithUsage() }
    switch arguments[0] {
    case "holdfast-small": try HoldfastSmallCommits.write(arguments[1], commits: insertions)
    case "holdfast": try HoldfastRecovery.write(arguments[1], slices: slices)
    case "lmdb": try LMDBRecovery.write(arguments[1], slices: slices)
    case "sqlite": try SQLiteRecovery.write(arguments[1], slices: slices)
    default: exitWithUsage()
    }
    sendSign(pipe)
    kill(getpid(), SIGKILL)
}
