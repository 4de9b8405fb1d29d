import Foundation
import Holdfast
import HoldfastInspection
import TestSupport

/// Uses a heap that is larger than the memory of this process's control group. Says "done" after
/// each step; an error ends the program.
///
/// The heap has one sorted map of values that follow from their keys.
struct LargeHeapWorker {
    struct Wrong: Error { var what: String }

    static let valueBytes = 4000
    let path: String
    /// The number of entries.
    let count: Int

    typealias Values = PersistentSortedMap<Int, Data>

    func run(_ steps: [String]) throws {
        for step in steps {
            switch step {
            case "fill": try fill()
            case "read": try read()
            case "walk": try walk()
            case "update": try update()
            case "copy": try copy()
            case "check": try check()
            case "overdo": try overdo()
            default: throw Wrong(what: step)
            }
            print("done")
            fflush(nil)
        }
    }

    private func value(_ key: Int) -> Data {
        Data(repeating: UInt8(key & 255), count: Self.valueBytes)
    }

    private func opened<R>(_ body: (PersistentHeap) throws -> R) throws -> R {
        let heap = try PersistentHeap.open(path)
        defer { try? heap.close() }
        return try body(heap)
    }

    private func values(_ tx: borrowing ReadTransaction) throws -> Values {
        try tx.sortedMap("values", Int.self, Data.self)
    }

    private func fill() throws {
        try opened { heap in
            for start in stride(from: 0, to: count, by: 500) {
                try heap.write { tx in
                    let values = try tx.sortedMap("values", Int.self, Data.self)
                    for key in start ..< min(start + 500, count) { values[key] = value(key) }
                }
            }
        }
    }

    /// Two threads, so that there are several images.
    private func read() throws {
        try opened { heap in
            let failures = Failures()
            DispatchQueue.concurrentPerform(iterations: 2) { number in
                var random = SplitMix(state: UInt64(number))
                for _ in 0 ..< 1000 {
                    let key = Int(random.next() % UInt64(count))
                    let isRight = try? heap.read { try values($0)[key]?.last == UInt8(key & 255) }
                    if isRight != true { failures.add() }
                }
            }
            guard failures.count == 0 else { throw Wrong(what: "\(failures.count) values") }
        }
    }

    private func walk() throws {
        let found = try opened { heap in
            try heap.read { tx in
                var found = 0
                for (key, data) in try values(tx) where data.first == UInt8(key & 255) {
                    found += 1
                }
                return found
            }
        }
        guard found == count else { throw Wrong(what: "\(found) of \(count) values") }
    }

    /// Small transactions, with checkpoints in the background and in between, and large ones.
    private func update() throws {
        try opened { heap in
            var random = SplitMix(state: UInt64(getpid()))
            for number in 0 ..< 500 {
                try heap.write { tx in
                    let values = try tx.sortedMap("values", Int.self, Data.self)
                    for _ in 0 ..< (number % 250 == 0 ? 1000 : 2) {
                        let key = Int(random.next() % UInt64(count))
                        values[key] = value(key)
                    }
                }
                if number % 150 == 0 { try heap.checkpoint() }
            }
            try heap.sync()
        }
    }

    private func copy() throws {
        try opened { try $0.copy(to: path + "-copy", replacing: true) }
        let copied = try PersistentHeap.open(path + "-copy", mode: .readOnly)
        let found = try copied.read { try values($0).count }
        try copied.close()
        guard found == count else { throw Wrong(what: "\(found) values in the copy") }
        try FileManager.default.removeItem(atPath: path + "-copy")
    }

    private func check() throws {
        let check: HeapCheck = try opened { try $0.check() }
        guard check.isSound else { throw Wrong(what: "\(check.problems) \(check.damagedPages)") }
    }

    /// A transaction that is larger than memory is an error, and changes nothing.
    private func overdo() throws {
        try opened { heap in
            do {
                try heap.write { tx in
                    let more = try tx.map("more", Int.self, Data.self)
                    for key in 0 ..< count where tx.errorToCome == nil { more[key] = value(key) }
                }
                throw Wrong(what: "a transaction of \(count) values was committed")
            } catch HeapError.outOfMemory {}
            guard try heap.read({ !$0.hasRoot("more") }) else { throw Wrong(what: "a root") }
        }
    }

    private final class Failures: @unchecked Sendable {
        private let lock = NSLock()
        private var number = 0
        var count: Int { lock.withLock { number } }
        func add() { lock.withLock { number += 1 } }
    }
}
