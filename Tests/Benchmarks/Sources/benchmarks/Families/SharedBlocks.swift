import Dispatch
import Synchronization

// Allocating in several threads. Both patterns are those that allocators are compared with:
// Larson's server, whose blocks outlive the thread that made them, and a thread that only allocates
// while another only frees.

private let batch = 1000
private let batches = 200
private let threads = 2
private let slotsOfThread = 5000

var sharedBlockFamily: Family {
    Family(
        name: "shared blocks", works: ["alloc.larson.threads.2", "alloc.handed.over.64"],
        contestants: { bench in
            var random = SplitMix(state: 10)
            let steps = (0 ..< batch * batches).map { _ in
                ChurnStep(
                    slot: Int.random(in: 0 ..< slotsOfThread, using: &random),
                    bytes: Int.random(in: 16 ... 512, using: &random))
            }
            return allBlockPeers(withSlow: false) { system, environment, _, run in
                Contestant(system: system, environment: environment) { recorder in
                    try run(SharedBlockWork(steps: steps, bench: bench, recorder: recorder))
                }
            }
        })
}

private struct SharedBlockWork: BlockRun {
    let steps: [ChurnStep]
    let bench: Bench
    let recorder: Recorder

    func run<Peer: BlockPeer>(_: Peer.Type) throws {
        if recorder.wants("alloc.larson.threads.2") { try larson(Peer.self) }
        if recorder.wants("alloc.handed.over.64") { try handOver(Peer.self) }
    }

    /// Each thread replaces random blocks of one set of slots, a batch at a time, and then takes
    /// the next thread's: what it frees was mostly allocated by another.
    private func larson<Peer: BlockPeer>(_: Peer.Type) throws {
        let peer = Shared(try Peer(newAt: bench.folder.fresh("larson.file"), bytes: 256 << 20))
        let sets = (0 ..< threads).map { _ in
            Locked([Slot<Peer.Block>](repeating: Slot(), count: slotsOfThread))
        }
        let steps = self.steps
        let filling = (0 ..< slotsOfThread).map { ChurnStep(slot: $0, bytes: steps[$0].bytes) }
        for set in sets { try set.withLock { try peer.value.churn(filling[...], in: &$0) } }
        try recorder.time(
            "alloc.larson.threads.2", operations: batches * batch * threads, expect: 1
        ) {
            inThreads(threads) { thread in
                for round in 0 ..< batches {
                    let start = round * batch
                    try sets[(thread + round) % threads].withLock {
                        try peer.value.churn(steps[start ..< start + batch], in: &$0)
                    }
                }
            } ? 1 : 0
        }
        var blocks: Set<Peer.Block> = []
        for set in sets {
            try set.withLock { slots in
                for slot in slots {
                    blocks.insert(slot.block!)
                    try peer.value.free([slot.block!], bytes: slot.bytes)
                }
            }
        }
        try recorder.check(
            "alloc.larson.threads.2", UInt64(blocks.count), UInt64(threads * slotsOfThread))
        try peer.value.close()
        _ = bench.folder.fresh("larson.file")
    }

    /// Time for each block, allocated in one thread and freed in another.
    private func handOver<Peer: BlockPeer>(_: Peer.Type) throws {
        let peer = Shared(try Peer(newAt: bench.folder.fresh("handed.file"), bytes: 256 << 20))
        let channel = Shared(Channel<[Peer.Block]>())
        let freed = Shared(Atomic<Int>(0))
        try recorder.time(
            "alloc.handed.over.64", operations: batches * batch, expect: UInt64(batches * batch)
        ) {
            let worked = inThreads(2) { thread in
                for _ in 0 ..< batches {
                    if thread == 0 {
                        var blocks: [Peer.Block] = []
                        blocks.reserveCapacity(batch)
                        try peer.value.allocate(batch, bytes: 64, into: &blocks)
                        channel.value.send(blocks)
                    } else {
                        let blocks = channel.value.receive()
                        try peer.value.free(blocks, bytes: 64)
                        freed.value.add(blocks.count, ordering: .relaxed)
                    }
                }
            }
            return worked ? UInt64(freed.value.load(ordering: .relaxed)) : 0
        }
        try peer.value.close()
        _ = bench.folder.fresh("handed.file")
    }
}

/// What threads share; what lies in it must take care of itself, as all allocators here do.
private final class Shared<Value: ~Copyable>: @unchecked Sendable {
    let value: Value
    init(_ value: consuming Value) { self.value = value }
}

/// A value that one thread at a time has.
private final class Locked<Value>: @unchecked Sendable {
    private let lock = DispatchSemaphore(value: 1)
    private var value: Value
    init(_ value: Value) { self.value = value }

    func withLock<R>(_ body: (inout Value) throws -> R) rethrows -> R {
        lock.wait()
        defer { lock.signal() }
        return try body(&value)
    }
}

/// A queue of at most 16 batches.
private final class Channel<Element> {
    private let room = DispatchSemaphore(value: 16)
    private let filled = DispatchSemaphore(value: 0)
    private let lock = DispatchSemaphore(value: 1)
    private var elements: [Element] = []

    func send(_ element: Element) {
        room.wait()
        lock.wait()
        elements.append(element)
        lock.signal()
        filled.signal()
    }

    func receive() -> Element {
        filled.wait()
        lock.wait()
        defer {
            lock.signal()
            room.signal()
        }
        return elements.removeFirst()
    }
}
