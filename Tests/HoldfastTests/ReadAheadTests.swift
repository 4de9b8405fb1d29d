import Foundation
import TestSupport
import Testing

@testable import Holdfast

/// Walks through a heap that the system reads page by page, and that is read ahead therefore.
@Suite(.progress) struct ReadAheadTests {
    @Test(
        arguments: [OpenMode.readWrite, .readOnly, .privateCopy],
        [AccessPattern.random, .automatic])
    func walksFindTheSame(mode: OpenMode, pattern: AccessPattern) throws {
        let folder = try TemporaryFolder()
        let path = folder.file("test.heap")
        let large = Data((0 ..< 3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 7) })
        try PersistentHeap.build(path) { tx in
            let sorted = try tx.sortedMap("sorted", Int.self, Data.self)
            let map = try tx.map("map", Int.self, Int.self)
            let array = try tx.array("array", of: Int.self)
            for number in 0 ..< 20_000 {
                // In an order that leaves the leaves here and there.
                let key = number &* 7919 % 20_000
                sorted[key] = Data(repeating: UInt8(key & 255), count: 100)
                map[key] = key
            }
            array.append(contentsOf: 0 ..< 600_000)
            try tx.map("values", String.self, Data.self)["large"] = large
        }
        var options = PersistentHeap.Options()
        options.accessPattern = pattern
        let heap = try PersistentHeap.open(path, mode: mode, options: options)
        defer { try? heap.close() }
        // A reader registers with its second read, which maps the file anew.
        for _ in 0 ..< 3 {
            try heap.read { tx in
                var expected = 0
                for (key, value) in try tx.sortedMap("sorted", Int.self, Data.self) {
                    #expect(key == expected && value.last == UInt8(key & 255))
                    expected += 1
                }
                #expect(expected == 20_000)
                let map = try tx.map("map", Int.self, Int.self)
                #expect(map.reduce(0) { $0 + ($1.key ^ $1.value) } == 0 && map.count == 20_000)
                #expect(try tx.array("array", of: Int.self).reduce(0, +) == 179_999_700_000)
                let found = try tx.map("values", String.self, Data.self)["large"]
                #expect(found == large)
            }
        }
        guard mode == .readWrite else { return }
        // Private pages, and memory behind the file's end.
        try heap.write { tx in
            let array = try tx.array("array", of: Int.self)
            array[5] = 6
            array.append(contentsOf: 600_000 ..< 1_200_000)
            #expect(array.reduce(0, +) == 719_999_400_001)
        }
    }
}
