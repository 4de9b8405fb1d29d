import Holdfast

struct HoldfastOpening: OpeningPeer {
    private let heap: PersistentHeap

    static func make(_ path: String, keys: [UInt64], sparseBytes: Int) throws {
        var options = PersistentHeap.Options()
        options.reservesDiskSpace = sparseBytes == 0
        let heap = try PersistentHeap.open(path, options: options)
        try heap.write { tx in
            // Not written to: a hole.
            if sparseBytes > 0 { _ = tx.allocate(byteCount: sparseBytes) }
            let map = try tx.map("map", UInt64.self, UInt64.self)
            for place in keys.indices { map[keys[place]] = UInt64(place) }
        }
        try heap.close()
    }

    init(_ path: String, sparseBytes: Int) throws {
        heap = try PersistentHeap.open(path, mode: .readOnly)
    }

    func get(_ key: UInt64) throws -> UInt64 {
        try heap.read { try $0.map("map", UInt64.self, UInt64.self)[key] ?? 0 }
    }

    func close() throws { try heap.close() }
}
