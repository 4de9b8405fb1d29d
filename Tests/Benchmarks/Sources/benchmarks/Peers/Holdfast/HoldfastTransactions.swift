import Holdfast

/// Two words that lie in different lines.
struct Pair: HeapStruct {
    var first: UInt64
    var padding: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) = (
        0, 0, 0, 0, 0, 0, 0, 0
    )
    var second: UInt64
}

/// The root is asked for in every transaction, as a program does.
struct HoldfastPair: PairPeer, EmptyReadPeer {
    private let heap: PersistentHeap

    init(newAt path: String, durable: Bool) throws {
        var options = PersistentHeap.Options()
        options.durability = durable ? .device : .process
        heap = try PersistentHeap.open(path, options: options)
        try heap.write { _ = try $0.value("pair", initial: Pair(first: 0, second: 0)) }
    }

    func close() throws { try heap.close() }

    func setPairs(_ numbers: Range<UInt64>) throws {
        for number in numbers {
            try heap.write { tx in
                try tx.value("pair", initial: Pair(first: 0, second: 0)).value = Pair(
                    first: number, second: number)
            }
        }
    }

    func second() throws -> UInt64 {
        try heap.read { try $0.value("pair", of: Pair.self).value.second }
    }

    func readNothing(times: Int) throws -> UInt64 {
        var count: UInt64 = 0
        for _ in 0 ..< times { try heap.read { _ in count += 1 } }
        return count
    }
}

struct HoldfastChanges: SmallChangePeer, Sendable {
    let heap: PersistentHeap

    init(newAt path: String, keys: [UInt64]) throws {
        heap = try PersistentHeap.open(path)
        try heap.write { tx in
            let map = try tx.map("map", UInt64.self, UInt64.self)
            for key in keys { map[key] = 0 }
        }
    }

    func close() throws { try heap.close() }

    func updateEach(_ keys: [UInt64]) throws {
        for key in keys {
            try heap.write { tx in try tx.map("map", UInt64.self, UInt64.self)[key, default: 0] += 1
            }
        }
    }

    func insertEach(_ keys: [UInt64]) throws {
        for key in keys {
            try heap.write { tx in try tx.map("map", UInt64.self, UInt64.self)[key] = 1 }
        }
    }

    func sum() throws -> UInt64 {
        try heap.read { try $0.map("map", UInt64.self, UInt64.self).reduce(0) { $0 &+ $1.value } }
    }
}
