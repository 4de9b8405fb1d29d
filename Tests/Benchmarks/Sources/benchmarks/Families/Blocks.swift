// Allocating and freeing blocks of memory.

/// What a system does for the works on blocks. Those with transactions do each call in one, or in
/// as many as its makers' advice asks for.
protocol BlockPeer: SendableMetatype {
    associatedtype Block: Hashable & SendableMetatype

    /// With room for so many bytes, where room does not come by itself.
    init(newAt path: String, bytes: Int) throws
    func close() throws

    func allocate(_ count: Int, bytes: Int, into blocks: inout [Block]) throws
    func free(_ blocks: [Block], bytes: Int) throws
    /// Frees what each step's slot holds, and puts a new block there.
    func churn(_ steps: ArraySlice<ChurnStep>, in slots: inout [Slot<Block>]) throws
}

struct ChurnStep {
    var slot: Int
    var bytes: Int
}

struct Slot<Block> {
    var block: Block?
    var bytes = 0
}

private let count = 1_000_000
private let liveBlocks = 100_000

var blockFamily: Family {
    Family(
        name: "blocks", works: ["alloc.64", "free.64", "churn.16-1024"],
        contestants: { bench in
            var random = SplitMix(state: 2)
            let order = Array(0 ..< count).shuffled(using: &random)
            let steps = (0 ..< count).map { _ in
                ChurnStep(
                    slot: Int.random(in: 0 ..< liveBlocks, using: &random),
                    bytes: Int.random(in: 16 ... 1024, using: &random))
            }
            return allBlockPeers(withSlow: true) { system, environment, share, run in
                Contestant(system: system, environment: environment) { recorder in
                    try run(
                        BlockWork(
                            order: order, steps: steps, share: share, bench: bench,
                            recorder: recorder))
                }
            }
        })
}

/// The systems that allocate blocks, each as `make` makes of it something that takes part: of its
/// name, what its environment must hold, the part of the work that is enough to time it (1 for all,
/// 1000 for a thousandth), and a way to have a work done by it. `withSlow`: also those that sync
/// each change.
func allBlockPeers<R>(
    withSlow: Bool,
    _ make: (String, [String: String], Int, @escaping (any BlockRun) throws -> Void) -> R
)
    -> [R]
{
    var all = [
        make("holdfast", [:], 1) { try $0.run(HoldfastBlocks.self) },
        make("malloc", [:], 1) { try $0.run(MallocBlocks.self) },
    ]
    if Mimalloc.isThere { all.append(make("mimalloc", [:], 1) { try $0.run(MimallocBlocks.self) }) }
    if Boost.isThere { all.append(make("boost", [:], 1) { try $0.run(BoostBlocks.self) }) }
    for mode in PMDK.modes where PMDK.isThere && (withSlow || !mode.isSlow) {
        all.append(
            make(mode.system, mode.environment, mode.isSlow ? 1000 : 1) {
                try $0.run(PMDKBlocks.self)
            })
    }
    return all
}

/// Something that any of the systems can be told to do.
protocol BlockRun {
    func run<Peer: BlockPeer>(_: Peer.Type) throws
}

private struct BlockWork: BlockRun {
    let order: [Int]
    let steps: [ChurnStep]
    /// Systems that take a thousand times as long do a thousandth of the steps.
    let share: Int
    let bench: Bench
    let recorder: Recorder

    func run<Peer: BlockPeer>(_: Peer.Type) throws {
        if recorder.wants("alloc.64") || recorder.wants("free.64") {
            try allocateAndFree(Peer.self)
        }
        if recorder.wants("churn.16-1024") { try churn(Peer.self) }
    }

    /// Allocates all, frees all in random order.
    private func allocateAndFree<Peer: BlockPeer>(_: Peer.Type) throws {
        let count = count / share
        let peer = try Peer(newAt: bench.folder.fresh("blocks.file"), bytes: count * 256 + 64 << 20)
        var blocks: [Peer.Block] = []
        blocks.reserveCapacity(count)
        try recorder.time("alloc.64", operations: count, expect: UInt64(count), needed: true) {
            try peer.allocate(count, bytes: 64, into: &blocks)
            return UInt64(blocks.count)
        }
        try recorder.check("alloc.64", UInt64(Set(blocks).count), UInt64(count))
        let shuffled = order.lazy.filter { $0 < count }.map { blocks[$0] }
        let order = Array(shuffled)
        try recorder.time("free.64", operations: count, expect: 0) {
            try peer.free(order, bytes: 64)
            return 0
        }
        try peer.close()
        _ = bench.folder.fresh("blocks.file")
    }

    /// Replaces random ones of many blocks. All slots are full from the start, so that each step
    /// frees and allocates.
    private func churn<Peer: BlockPeer>(_: Peer.Type) throws {
        let peer = try Peer(newAt: bench.folder.fresh("churn.file"), bytes: 512 << 20)
        let live = liveBlocks / (share > 100 ? 100 : 1)
        let steps = steps.prefix(count / share).map {
            ChurnStep(slot: $0.slot % live, bytes: $0.bytes)
        }
        var slots = [Slot<Peer.Block>](repeating: Slot(), count: live)
        var random = SplitMix(state: 7)
        let filling = slots.indices.shuffled(using: &random).map {
            ChurnStep(slot: $0, bytes: Int.random(in: 16 ... 1024, using: &random))
        }
        try peer.churn(filling[...], in: &slots)
        try recorder.time("churn.16-1024", operations: steps.count, expect: 0) {
            try peer.churn(steps[...], in: &slots)
            return 0
        }
        var sizes: [Int: Int] = [:]
        for step in filling + steps { sizes[step.slot] = step.bytes }
        try recorder.check(
            "churn.16-1024", UInt64(slots.reduce(0) { $0 + $1.bytes }),
            UInt64(sizes.values.reduce(0, +)))
        try recorder.check(
            "churn.16-1024", UInt64(Set(slots.map { $0.block! }).count), UInt64(live))
        for slot in slots { try peer.free([slot.block!], bytes: slot.bytes) }
        try peer.close()
        _ = bench.folder.fresh("churn.file")
    }
}
