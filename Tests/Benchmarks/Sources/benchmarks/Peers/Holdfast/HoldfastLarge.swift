import Foundation
import Holdfast

/// With the default options, which follow the memory.
struct HoldfastLarge: LargePeer {
    private let heap: PersistentHeap

    private static func value(_ key: UInt64, _ number: UInt64) -> Data {
        var data = Data(count: LargeValue.bytes)
        data.withUnsafeMutableBytes { LargeValue.fill($0, key, number) }
        return data
    }

    static func fill(_ path: String, count: UInt64) throws {
        let heap = try PersistentHeap.open(path)
        for start in stride(from: 0, to: count, by: 1000) {
            try heap.write { tx in
                let map = try tx.sortedMap("map", UInt64.self, Data.self)
                for key in start ..< min(start + 1000, count) { map[key] = value(key, 1) }
            }
        }
        try heap.close()
    }

    init(existing path: String, memory: Int) throws { heap = try PersistentHeap.open(path) }

    func get(_ key: UInt64) throws -> UInt64 {
        try heap.read { tx in
            try tx.sortedMap("map", UInt64.self, Data.self)[key]?.withUnsafeBytes {
                $0.loadUnaligned(as: UInt64.self)
            } ?? .max
        }
    }

    func put(_ key: UInt64, _ number: UInt64) throws {
        let value = Self.value(key, number)
        try heap.write { try $0.sortedMap("map", UInt64.self, Data.self)[key] = value }
    }

    func close() throws { try heap.close() }
}
