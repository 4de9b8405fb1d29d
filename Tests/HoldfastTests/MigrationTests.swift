import HoldfastEngine
import Synchronization
import Testing
import TestSupport

@testable import Holdfast

private struct Movement1: HeapStruct {
    static var storedName: String { "Movement" }
    var item: Int32
    var delta: Int32
}

private struct Movement2: HeapStruct, Equatable {
    static var storedName: String { "Movement" }
    var item: Int32
    var delta: Int64
    var weight: Double
}

private struct Item1: HeapRecord {
    static var storedName: String { "Item" }
    var name: String
}

private struct Item2: HeapRecord {
    static var storedName: String { "Item" }
    var name: String
    var tags = PersistentArray<String>()
}

private struct Stopped: Error {}

@Suite(.progress) struct MigrationTests {
    private let folder = try! TemporaryFolder()

    private func fill(_ count: Int) throws {
        let heap = try PersistentHeap.open(
            folder.file(), migrations: [HeapMigration(to: 1) { _ in }])
        try heap.write { tx in
            let log = try tx.array("log", of: Movement1.self)
            log.append(contentsOf: (0 ..< Int32(count)).map { Movement1(item: $0, delta: -$0) })
            let items = try tx.array("items", of: Item1.self)
            let stock = try tx.map("stock", String.self, Int32.self)
            for number in 0 ..< count {
                items.append(Item1(name: "an item with a long name, number \(number)"))
                stock["an item with a long name, number \(number)"] = Int32(number)
            }
        }
        try heap.close()
    }

    /// From version 1 to 3, in batches of 100; throws after that many batches.
    private func migrations(stoppingAfter limit: Int = .max) -> [HeapMigration] {
        let counter = Counter()
        @Sendable func count() throws {
            if counter.next() >= limit { throw Stopped() }
        }
        return [
            HeapMigration(to: 1) { _ in },
            HeapMigration(batchesTo: 3) { tx in
                try count()
                return try tx.convertMap(
                    "stock", from: (String.self, Int32.self), to: (Int.self, Double.self), upTo: 100
                ) {
                    key, value in
                    (Int(key.split(separator: " ").last!)!, Double(value) / 2)
                }
            },
            HeapMigration(batchesTo: 2) { tx in
                try count()
                if !tx.roots.contains(where: { $0.name == "migrated log" }) {
                    guard
                        try tx.convertArray(
                            "log", from: Movement1.self, to: Movement2.self, upTo: 100,
                            {
                                Movement2(item: $0.item, delta: Int64($0.delta) * 10, weight: 0.5)
                            })
                    else { return false }
                    try tx.renameRoot("log", to: "migrated log")
                }
                return try tx.convertArray("items", from: Item1.self, to: Item2.self, upTo: 100) {
                    Item2(name: $0.name + "!")
                }
            },
        ]
    }

    private final class Counter: Sendable {
        private let value = Mutex(0)
        func next() -> Int {
            value.withLock {
                $0 += 1; return $0 - 1
            }
        }
    }

    private func requireMigrated(_ count: Int) throws {
        let heap = try PersistentHeap.open(folder.file(), migrations: migrations())
        try heap.read { tx in
            let log = Array(try tx.array("migrated log", of: Movement2.self))
            #expect(
                log
                    == (0 ..< Int32(count)).map {
                        Movement2(item: $0, delta: Int64(-$0) * 10, weight: 0.5)
                    })
            let items = try tx.array("items", of: Item2.self)
            let names = items.map(\.name)
            #expect(names == (0 ..< count).map { "an item with a long name, number \($0)!" })
            let stock = try tx.map("stock", Int.self, Double.self)
            let all =
                (0 ..< count).allSatisfy { stock[$0] == Double($0) / 2 } && stock.count == count
            #expect(all)
            let roots = tx.roots.map(\.name)
            #expect(roots == ["items", "migrated log", "stock"])
        }
        #expect(try heap.dataVersion == 3)
        #expect(try heap.audit().problems == [])
        try heap.close()
    }

    @Test func stepsRunInOrder() throws {
        try fill(1000)
        try requireMigrated(1000)
    }

    /// Stopped after every number of batches, and continued by another opening: nothing is lost,
    /// and nothing is done twice.
    @Test func aMigrationGoesOnWhereItWas() throws {
        try fill(450)
        var openings = 0
        while true {
            openings += 1
            do {
                try PersistentHeap.open(
                    folder.file(), migrations: migrations(stoppingAfter: 1 + openings % 3)
                ).close()
                break
            } catch is Stopped {}
        }
        #expect(openings > 5)
        try requireMigrated(450)
    }

    @Test func whatCannotBeMigratedIsRefused() throws {
        try fill(3)
        let path = folder.file()
        #expect(throws: HeapError.migrationNeeded(path: path, version: 1, wanted: 3)) {
            _ = try PersistentHeap.open(path, mode: .readOnly, migrations: migrations())
        }
        try requireMigrated(3)
        #expect(throws: HeapError.newerData(path: path, version: 3, known: 1)) {
            _ = try PersistentHeap.open(path, migrations: [HeapMigration(to: 1) { _ in }])
        }
        // The same without a root to convert.
        #expect(throws: HeapError.self) {
            _ = try PersistentHeap.open(
                path,
                migrations: [
                    HeapMigration(batchesTo: 4) {
                        try $0.convertArray("nothing", from: Int.self, to: Double.self) {
                            Double($0)
                        }
                    }
                ])
        }
        #expect(try PersistentHeap.open(path).dataVersion == 3)
    }

    @Test func aNewHeapNeedsNoSteps() throws {
        let heap = try PersistentHeap.open(
            folder.file(), migrations: [HeapMigration(to: 5) { _ in throw Stopped() }])
        #expect(try heap.dataVersion == 5)
        let roots = try heap.read { $0.roots }
        #expect(roots.isEmpty)
    }

    /// An empty array and an empty map are converted too.
    @Test func emptyRootsAreConverted() throws {
        try fill(0)
        try requireMigrated(0)
    }
}
