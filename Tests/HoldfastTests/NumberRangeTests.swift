import Foundation
import Testing
import TestSupport

@testable import Holdfast
@testable import HoldfastInspection

/// Every number that a program can pass, at the ends of its range.
@Suite(.progress) struct NumberRangeTests {
    private static let extremes = [Int.min, -1, 0, 1, 1 << 40, .max - 1, .max]

    @Test(arguments: extremes) func options(_ number: Int) throws {
        let folder = try TemporaryFolder()
        var options = PersistentHeap.Options()
        options.logLimit = number
        options.memoryLimit = number
        for background in [true, false] {
            options.checkpointsInBackground = background
            let heap = try PersistentHeap.open(folder.file(), options: options)
            for round in 0 ..< 20 {
                try heap.write {
                    try $0.bytes("b\(round)").append(contentsOf: Data(repeating: 1, count: 100_000))
                }
            }
            try heap.checkpoint()
            #expect(try heap.check().problems.isEmpty)
            try heap.close()
        }
    }

    @Test(arguments: [
        Duration.seconds(Int64.max), .seconds(Int64.min), .zero, .nanoseconds(1), .seconds(-1),
    ])
    func times(_ time: Duration) throws {
        let folder = try TemporaryFolder()
        var options = PersistentHeap.Options()
        options.timeout = time
        options.longView = time
        let heap = try PersistentHeap.open(folder.file(), options: options)
        try heap.write { try $0.value("v", initial: 0).value = 1 }
        #expect(try heap.read { try $0.value("v", of: Int.self).value } == 1)
        let version = heap.version
        try heap.write { try $0.value("v", initial: 0).value = 2 }
        #expect(try heap.waitForChange(since: version, timeout: time))
        try heap.close()
    }

    @Test(arguments: extremes) func reserving(_ number: Int) throws {
        let folder = try TemporaryFolder()
        let heap = try PersistentHeap.open(folder.file())
        do throws(HeapError) {
            try heap.reserve(bytes: number)
            #expect(number >= 0)
        } catch {
            switch error {
            case .unusableNumber: #expect(number < 0 && "\(error)".contains("\(number)"))
            case .tooLarge, .diskFull, .fileTooLarge: #expect(number > 1 << 30)
            default: Issue.record("\(error)")
            }
        }
        try heap.write { try $0.value("v", initial: 0).value = 1 }
        try heap.close()
        #expect(
            try PersistentHeap.open(folder.file()).read { try $0.value("v", of: Int.self).value }
                == 1)
    }

    @Test(arguments: [Int.min, -1, 0, 1, 1_000_000_000_000, 1 << 60, .max]) func capacities(
        _ number: Int
    ) throws {
        let uses: [(String, (borrowing WriteTransaction) throws -> Void)] = [
            ("array", { try $0.array("r", of: Int.self).reserveCapacity(number) }),
            ("bytes", { try $0.bytes("r").reserveCapacity(number) }),
            ("text", { try $0.string("r").reserveCapacity(number) }),
            ("deque", { try $0.deque("r", of: Int.self).reserveCapacity(number) }),
            ("map", { try $0.map("r", Int.self, Int.self).reserveCapacity(number) }),
        ]
        for (name, use) in uses {
            let heap = try PersistentHeap.inMemory()
            var thrown: (any Error)?
            do { try heap.write { try use($0) } } catch { thrown = error }
            if number <= 1 {
                #expect(thrown == nil, "\(name)")
            } else if let error = thrown {
                guard case HeapError.tooLarge = error else {
                    Issue.record("\(name): \(error)")
                    continue
                }
            } else {
                // There are enough addresses for a trillion contiguous elements.
                #expect(name != "map" && number == 1_000_000_000_000, "\(name)")
            }
            try heap.write { try $0.value("v", initial: 0).value = 1 }
            if thrown != nil { #expect(try heap.read { $0.roots.map(\.name) } == ["v"], "\(name)") }
        }
    }

    @Test(arguments: [0, 1 << 50, Int.max - 1, .max]) func blocks(_ number: Int) throws {
        let heap = try PersistentHeap.inMemory()
        do {
            try heap.write { tx in
                let block = tx.allocate(byteCount: number)
                tx.free(block, byteCount: number)
            }
            #expect(number == 0)
        } catch HeapError.tooLarge { #expect(number > 0) }
    }

    @Test(arguments: [1 << 40, Int.max]) func elementsOfBitSets(_ number: Int) throws {
        let heap = try PersistentHeap.inMemory()
        do {
            try heap.write { tx in
                let bits = try tx.bitSet("bits")
                bits.insert(3)
                bits.insert(number)
                #expect(bits.contains(3))
            }
            Issue.record("\(number) was taken")
        } catch HeapError.tooLarge {}
    }

    @Test func sizesOfBytes() throws {
        let heap = try PersistentHeap.inMemory()
        for use in [
            { $0.resize(to: .max) },
            {
                _ = $0.append(upTo: .max) { (buffer: UnsafeMutableBufferPointer<UInt8>) in
                    min(3, buffer.count)
                }
            },
        ] as [(PersistentBytes) throws -> Void] {
            #expect(throws: HeapError.self) {
                try heap.write { tx in
                    let bytes = try tx.bytes("bytes")
                    bytes.append(contentsOf: [1, 2, 3])
                    try use(bytes)
                    #expect(bytes.count == 3)
                }
            }
        }
        try heap.write { tx in
            let bytes = try tx.bytes("bytes")
            bytes.append(contentsOf: [1, 2, 3])
            #expect(Array(bytes.chunks(of: .max)) == [Data([1, 2, 3])])
        }
    }
}
