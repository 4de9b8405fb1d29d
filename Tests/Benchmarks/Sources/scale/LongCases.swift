import Foundation
import Holdfast

struct Node: HeapRecord {
    var number: Int
    var next: HeapRef<Node>?
}

struct Owned: HeapRecord {
    var number: Int
    var next: SharedRef<Owned>?
}

func list(_ count: Int) throws {
    let heap = try PersistentHeap.open(path)
    try step("a list of \(count) nodes that own the next") {
        try heap.write { tx in
            var node = try tx.share(Owned(number: 0))
            for number in 1 ..< count { node = try tx.share(Owned(number: number, next: node)) }
            _ = try tx.value("owned", initial: node)
        }
    }
    try step("checkpoint") { try heap.checkpoint() }
    try check(heap)
    try step("free it by its head") {
        try heap.write { try $0.removeRoot("owned", PersistentValue<SharedRef<Owned>>.self) }
    }
    try step("a list of nodes that refer to the next") {
        try heap.write { tx in
            var node = try tx.new(Node(number: 0))
            for number in 1 ..< count { node = try tx.new(Node(number: number, next: node)) }
            _ = try tx.value("list", initial: node)
        }
    }
    try check(heap)
    try step("walk it, and free each node") {
        try heap.write { tx in
            var next: HeapRef<Node>? = try tx.value("list", of: HeapRef<Node>.self).value
            try tx.removeRoot("list", PersistentValue<HeapRef<Node>>.self)
            for _ in 0 ..< count / 2 {
                let node = next!
                next = node.next
                node.free()
            }
        }
    }
    try step("collect the other half as garbage") {
        _ = try heap.write { try $0.collectGarbage(knowing: [Node.self]) }
    }
    try step("close") { try heap.close() }
}

func map(_ count: Int) throws {
    try step("build a map of \(count) entries, without reserving") {
        try PersistentHeap.build(path) { tx in
            let map = try tx.map("m", UInt64.self, UInt64.self)
            for number in 0 ..< count { map[scattered(number)] = UInt64(number) }
        }
    }
    let heap = try PersistentHeap.open(path)
    try step("1,000,000 look-ups all over it") {
        try heap.read { tx in
            let map = try tx.map("m", UInt64.self, UInt64.self)
            for number in 0 ..< 1_000_000 { require(map[scattered(number * 7919 % count)] != nil) }
        }
    }
    try step("iterate") {
        try heap.read { tx in
            var sum: UInt64 = 0
            for (_, value) in try tx.map("m", UInt64.self, UInt64.self) { sum &+= value }
            require(sum == UInt64(count) * UInt64(count - 1) / 2)
        }
    }
    try check(heap)
    try step("100,000 updates all over it, a transaction each") {
        for number in 0 ..< 100_000 {
            try heap.write {
                try $0.map("m", UInt64.self, UInt64.self)[scattered(number * 7919 % count)] = 1
            }
        }
    }
    try step("remove") {
        try heap.write { try $0.removeRoot("m", PersistentMap<UInt64, UInt64>.self) }
    }
    try step("close") { try heap.close() }
}

/// A map that grows by transactions of 100,000 insertions.
func mapTransactions(_ count: Int) throws {
    let heap = try PersistentHeap.open(path)
    var number = 0
    for tenth in 1 ... 10 {
        try step("insert \(count / 10), 100,000 a transaction (\(tenth))") {
            while number < tenth * count / 10 {
                try heap.write { tx in
                    let map = try tx.map("m", UInt64.self, UInt64.self)
                    for _ in 0 ..< 100_000 {
                        map[scattered(number)] = UInt64(number)
                        number += 1
                    }
                }
            }
        }
    }
    try step("close") { try heap.close() }
}

func transaction(_ count: Int) throws {
    struct Stop: Error {}
    let heap = try PersistentHeap.open(path)
    func change(_ name: String, _ body: (PersistentMap<UInt64, UInt64>) throws -> Void) throws {
        try step(name) {
            try heap.write { try body($0.map("m", UInt64.self, UInt64.self)) }
        }
        try step("checkpoint") { try heap.checkpoint() }
    }
    try change("insert \(count) in a transaction") { map in
        for number in 0 ..< count { map[scattered(number)] = UInt64(number) }
    }
    try change("update \(count)") { map in
        for number in 0 ..< count { map[scattered(number)] = UInt64(number + 1) }
    }
    try step("update \(count), and undo it") {
        do {
            try heap.write { tx in
                let map = try tx.map("m", UInt64.self, UInt64.self)
                for number in 0 ..< count { map[scattered(number)] = UInt64(number + 2) }
                throw Stop()
            }
        } catch is Stop {}
    }
    try change("remove \(count)") { map in
        for number in 0 ..< count { map[scattered(number)] = nil }
    }
    try step("close") { try heap.close() }
}

func heaps(_ count: Int) throws {
    var limit = rlimit()
    #if canImport(Darwin)
        let files = RLIMIT_NOFILE
    #else
        let files = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    #endif
    getrlimit(files, &limit)
    limit.rlim_cur = limit.rlim_max
    setrlimit(files, &limit)
    var all: [PersistentHeap] = []
    func each(_ name: String, _ body: (PersistentHeap) throws -> Void) throws {
        try step(name) { for heap in all { try body(heap) } }
    }
    try step("open \(count) new heaps") {
        for number in 0 ..< count { all.append(try PersistentHeap.open("\(path)-\(number)")) }
    }
    try each("the first write to each") { heap in
        try heap.write { try $0.map("m", Int.self, Int.self)[1] = 1 }
    }
    try step("100 writes to each, by turns") {
        for key in 0 ..< 100 {
            for heap in all { try heap.write { try $0.map("m", Int.self, Int.self)[key] = key } }
        }
    }
    try each("1 MiB to each") { heap in
        let data = Data(repeating: 1, count: 1 << 20)
        try heap.write { try $0.bytes("b").append(contentsOf: data) }
    }
    try each("sync each") { try $0.sync() }
    try each("checkpoint each") { try $0.checkpoint() }
    try each("close each") { try $0.close() }
}
