// Files of half to ten times the memory that their process may have: each read and each commit in a
// transaction of its own, at random keys, and how long the slowest of a thousand take.

/// What a system does with a map of values of a kilobyte.
protocol LargePeer {
    /// A new file with the values of the keys below `count`, in transactions of 1000.
    static func fill(_ path: String, count: UInt64) throws

    /// The file opened, with caches that fit into so much memory.
    init(existing path: String, memory: Int) throws
    /// The first word of the value.
    func get(_ key: UInt64) throws -> UInt64
    /// Replaces the value.
    func put(_ key: UInt64, _ number: UInt64) throws
    func close() throws
}

enum LargeValue {
    static let bytes = 1000

    /// Fills a value's bytes, the first word being the key.
    static func fill(_ value: UnsafeMutableRawBufferPointer, _ key: UInt64, _ number: UInt64) {
        let words = value.bindMemory(to: UInt64.self)
        for place in words.indices { words[place] = key &+ number &* UInt64(place) }
    }
}

private let memory = 256 << 20
private let sizes: [(name: String, halves: Int)] = [
    ("0.5", 1), ("1", 2), ("2", 4), ("4", 8), ("10", 20),
]
private let reads = 30_000
private let commits = 10_000
/// What is read before, so that the cache is as it will be.
private let readsBefore = 15_000

private func count(_ halves: Int) -> UInt64 {
    UInt64(halves * memory / 2 / (LargeValue.bytes + 100))
}

private let figures = ["get", "get.longest.per.mille", "commit", "commit.longest.per.mille"]

/// Empty where no group can be made.
var largeFamilies: [Family] {
    guard MemoryGroup.isPossible else { return [] }
    return sizes.map { size in
        let works = figures.map { "larger.\($0).\(size.name)" }
        return Family(
            name: "\(size.name) times the memory", works: works,
            contestants: { bench in
                func large(_ system: String) -> Contestant {
                    Contestant(system: system) {
                        try measure(system, size.halves, works, bench, $0)
                    }
                }
                return [
                    large("holdfast"), LMDB.isThere ? large("lmdb") : nil,
                    SQLite.isThere ? large("sqlite") : nil,
                ].compactMap { $0 }
            })
    }
}

private func measure(
    _ system: String, _ halves: Int, _ works: [String], _ bench: Bench, _ recorder: Recorder
) throws {
    let group = try MemoryGroup(bytes: memory)
    let path = bench.folder.fresh("large.file")
    defer { _ = bench.folder.fresh("large.file") }
    func run(_ step: String) throws -> [Double] {
        let partner = try Partner(
            job: "--large", [step, system, path, "\(count(halves))", group.folder])
        let found = partner.readToEnd().split(separator: " ").compactMap { Double($0) }
        guard partner.waitForEnd() == 0 else {
            throw WrongResult(description: "\(system): the process that was to \(step) has ended")
        }
        return found
    }
    _ = try run("fill")
    let found = try run("use")
    guard found.count == works.count else {
        throw WrongResult(description: "\(system) gave \(found)")
    }
    for (work, value) in zip(works, found) { recorder.record(work, value) }
}

/// `--large fill|use SYSTEM PATH COUNT GROUP PIPE`: the process of one system, in the group.
func runLarge(_ arguments: [String]) throws {
    guard arguments.count == 6, let count = UInt64(arguments[3]), let pipe = Int32(arguments[5])
    else { exitWithUsage() }
    try MemoryGroup.enter(arguments[4])
    func run<Peer: LargePeer>(_: Peer.Type) throws {
        if arguments[0] == "fill" { return try Peer.fill(arguments[2], count: count) }
        let found = try use(Peer(existing: arguments[2], memory: memory), count)
        sendText(found.map { "\($0)" }.joined(separator: " "), pipe)
    }
    switch arguments[1] {
    case "holdfast": try run(HoldfastLarge.self)
    case "lmdb": try run(LMDBLarge.self)
    case "sqlite": try run(SQLiteLarge.self)
    default: exitWithUsage()
    }
}

private func use(_ peer: some LargePeer, _ count: UInt64) throws -> [Double] {
    var random = SplitMix(state: 12)
    func get() throws {
        let key = random.next() % count
        guard try peer.get(key) == key else {
            throw WrongResult(description: "the value of \(key) is wrong")
        }
    }
    for _ in 0 ..< readsBefore { try get() }
    let times = try [
        times(reads, get),
        times(commits) {
            let key = random.next() % count
            try peer.put(key, key)
        },
    ]
    try peer.close()
    return times.flatMap { [$0[$0.count / 2], $0[$0.count * 999 / 1000]] }
}

/// The time of each, in ascending order.
private func times(_ count: Int, _ body: () throws -> Void) rethrows -> [Double] {
    var times: [Double] = []
    times.reserveCapacity(count)
    for _ in 0 ..< count {
        let start = Clock.now()
        try body()
        times.append(Clock.now() - start)
    }
    return times.sorted()
}
