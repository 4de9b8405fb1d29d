import Holdfast

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// All threads use one heap.
extension HoldfastChanges: ThreadedPeer {
    func worker() -> HoldfastWorker { HoldfastWorker(heap: heap) }
}

struct HoldfastWorker: ThreadWorker {
    let heap: PersistentHeap

    func get(_ key: UInt64) throws -> UInt64 {
        try heap.read { try $0.map("map", UInt64.self, UInt64.self)[key]! }
    }

    func update(_ keys: ArraySlice<UInt64>, pause: () -> Void) throws {
        try heap.write { tx in
            let map = try tx.map("map", UInt64.self, UInt64.self)
            for key in keys {
                map[key, default: 0] += 1
                pause()
            }
        }
    }

    func staying(at key: UInt64, _ body: () -> Void) throws {
        try heap.read { tx in
            guard try tx.map("map", UInt64.self, UInt64.self)[key] != nil else {
                throw WrongResult(description: "Holdfast has lost a key")
            }
            body()
        }
    }
}

/// Maintenance beside readers. Each time, some entries are changed before.
enum HoldfastNeighbours {
    static let names = ["checkpoints", "compactions"]
    static let all: [Neighbour<HoldfastChanges>] = [checkpoints, compactions]

    private static func checkpoints(_ peer: HoldfastChanges, _ keys: [UInt64], _ period: Period)
        throws -> Changes
    {
        try changes(peer, keys, period) { try peer.heap.checkpoint() }
    }

    private static func compactions(_ peer: HoldfastChanges, _ keys: [UInt64], _ period: Period)
        throws -> Changes
    {
        try changes(peer, keys, period) { try peer.heap.compact() }
    }

    private static func changes(
        _ peer: HoldfastChanges, _ keys: [UInt64], _ period: Period, then: () throws -> Void
    ) throws -> Changes {
        let worker = peer.worker()
        var changes = Changes()
        while Clock.now() < period.end {
            try worker.update(places(in: keys, after: changes.entries)) {}
            changes.entries += UInt64(changesOfNeighbour)
            try then()
        }
        return changes
    }
}
