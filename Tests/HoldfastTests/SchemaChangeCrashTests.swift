import HoldfastEngine
import Testing
import TestSupport

@testable import Holdfast
@testable import HoldfastEngine
@testable import HoldfastInspection

@Persistable(.plain) private struct Move1 {
    static var storedName: String { "Move" }
    var item: Int32
    var delta: Int32
}
@Persistable(.plain) private struct Move2: Equatable {
    static var storedName: String { "Move" }
    var delta: Int64
    var weight: Double = 2
    var item: Int32
}
@Persistable private struct Person1 {
    static var storedName: String { "Person" }
    var name: String
    var age: Int16
}
@Persistable private struct Person2 {
    static var storedName: String { "Person" }
    var age: Int
    var name: String
    var tags: [String]
}

@HeapSchema private struct Shop1 {
    var log: PersistentArray<Move1>
    var people: PersistentArray<Person1>
    var byName: PersistentMap<String, Person1>
    var queue: PersistentDeque<Move1>
    var sorted: PersistentSortedMap<Int, Person1>
}
@HeapSchema private struct Shop2 {
    var log: PersistentArray<Move2>
    var people: PersistentArray<Person2>
    var byName: PersistentMap<String, Person2>
    var queue: PersistentDeque<Move2>
    var sorted: PersistentSortedMap<Int, Person2>
}

/// A conversion that is stopped anywhere goes on at the next opening.
@Suite(.progress) struct SchemaChangeCrashTests {
    private static let path = "/sim/shop.heap"

    private static func name(_ number: Int) -> String { "a person with a long name, \(number)" }

    private func fill(_ shop: Shop1, _ range: Range<Int>) {
        for number in range {
            let move = Move1(item: Int32(number), delta: Int32(-number))
            let person = Person1(name: Self.name(number), age: Int16(number % 1000))
            shop.log.append(move)
            shop.queue.append(move)
            shop.people.append(person)
            shop.byName[Self.name(number)] = person
            shop.sorted[number] = person
        }
    }

    private func isWhole(_ shop: Shop2, _ count: Int) -> Bool {
        func isRight(_ person: Person2?, _ number: Int) -> Bool {
            person?.name == Self.name(number) && person?.age == number % 1000
                && person?.tags.isEmpty == true
        }
        guard shop.log.count == count, shop.queue.count == count, shop.people.count == count,
            shop.byName.count == count, shop.sorted.count == count
        else { return false }
        for number in 0 ..< count {
            let move = Move2(delta: Int64(-number), weight: 2, item: Int32(number))
            guard shop.log[number] == move, shop.queue[number] == move,
                isRight(shop.people[number], number), isRight(shop.sorted[number], number),
                isRight(shop.byName[Self.name(number)], number)
            else { return false }
        }
        return true
    }

    private var conversion: SchemaConversion {
        SchemaConversion(of: Shop2.self)
    }

    /// Opens what is left and requires a complete conversion.
    private func requireWhole(_ disk: SimulatedDisk, _ count: Int, _ place: String) throws {
        let heap = try PersistentHeap.open(
            Self.path, engineOptions: EngineOptions(), disk: disk)
        let shop = try TypedHeap<Shop2>(heap)
        let isRight = try shop.read { self.isWhole($0, count) }
        #expect(isRight, "\(place)")
        let check = try heap.check()
        #expect(check.isSound && check.unreachedBlocks == 0, "\(place): \(check)")
        try heap.close()
    }

    private func filledDisk(_ count: Int) throws -> SimulatedDisk {
        let disk = SimulatedDisk()
        let heap = try PersistentHeap.open(Self.path, engineOptions: EngineOptions(), disk: disk)
        try TypedHeap<Shop1>(heap).write { fill($0, 0 ..< count) }
        try heap.close()
        return disk
    }

    /// The process is killed after every transaction.
    @Test func killedBetweenAnyTwoTransactions() throws {
        let count = 60
        let disk = try filledDisk(count)
        let heap = try PersistentHeap.open(Self.path, engineOptions: EngineOptions(), disk: disk)
        var transactions = 0
        while try !heap.write({ try conversion.run(in: $0, upTo: 9) }) {
            transactions += 1
            try requireWhole(
                SimulatedDisk(files: disk.currentFiles()), count, "after \(transactions)")
        }
        #expect(transactions >= 35)
        try heap.close()
    }

    /// The power is cut after calls to the disk.
    @Test func powerCuts() throws {
        let count = 60
        let filled = try filledDisk(count)
        let disk = SimulatedDisk(files: filled.currentFiles())
        let heap = try PersistentHeap.open(Self.path, engineOptions: EngineOptions(), disk: disk)
        while try !heap.write(durability: .device, { try conversion.run(in: $0, upTo: 20) }) {}
        try heap.close()
        var images = CrashImages(of: disk)
        var tried = 0
        while images.position < images.count {
            images.advance()
            guard TestExtent.includes(images.position, oneIn: 8) else { continue }
            let image = images.image(seed: UInt64(images.position))
            // Before the heap's own file is there.
            guard image[Self.path] != nil else { continue }
            try requireWhole(SimulatedDisk(files: image), count, "call \(images.position)")
            tried += 1
        }
        #expect(tried > 5)
    }

    /// Programs that have the heap open meanwhile.
    @Test func othersNoticeTheConversion() throws {
        let disk = try filledDisk(30)
        func open() throws -> PersistentHeap {
            try PersistentHeap.open(Self.path, engineOptions: EngineOptions(), disk: disk)
        }
        let (heap, other) = (try open(), try open())
        let old = try TypedHeap<Shop1>(other)
        #expect(try heap.write { try !conversion.run(in: $0, upTo: 9) })
        #expect(throws: HeapError.self) { try old.read { _ in } }
        #expect(throws: HeapError.self) { try old.write { _ in } }
        // A program with the new types must not take a part for the whole.
        let reader = try PersistentHeap.open(
            Self.path, mode: .readOnly, engineOptions: EngineOptions(), disk: disk)
        #expect(throws: HeapError.migrationNeeded(path: Self.path, version: 1, wanted: 2)) {
            _ = try TypedHeap<Shop2>(reader)
        }
        // Two programs convert at the same time.
        #expect(try other.write { try !conversion.run(in: $0, upTo: 9) })
        let new = try TypedHeap<Shop2>(heap)
        let isRight = try new.read { self.isWhole($0, 30) }
        #expect(isRight)
        #expect(throws: HeapError.self) { try old.read { _ in } }
        #expect(throws: HeapError.newerData(path: Self.path, version: 2, known: 1)) {
            _ = try TypedHeap<Shop1>(other)
        }
        for heap in [heap, other, reader] { try heap.close() }
    }

    /// The new types are seen at work by a program that had the heap open before.
    @Test func anUnfinishedConversionIsAnError() throws {
        let disk = try filledDisk(30)
        func open() throws -> PersistentHeap {
            try PersistentHeap.open(Self.path, engineOptions: EngineOptions(), disk: disk)
        }
        let heap = try open()
        #expect(try heap.write { try !conversion.run(in: $0, upTo: 9) })
        let error = #expect(throws: HeapError.self) {
            try heap.read { tx in try SchemaVerifier<Shop2>(tx.access).requireAll() }
        }
        let unfinished = HeapError.conversionUnfinished(path: Self.path, name: "log")
        #expect(error == unfinished)
        // By name too: what is added now would stand before elements that are still to come.
        #expect(throws: unfinished) {
            try heap.write { tx in
                try tx.array("log", of: Move2.self).append(Move2(delta: 1, item: 1))
            }
        }
        #expect(throws: unfinished) {
            try heap.write { try $0.removeRoot("log", PersistentArray<Move2>.self) }
        }
        let new = try TypedHeap<Shop2>(heap)
        let isRight = try new.read { self.isWhole($0, 30) }
        #expect(isRight)
        try heap.close()
    }

    /// Stopped in the middle, in the size of a real heap; the cost is counted in changed lines.
    @Test func aLargeHeap() throws {
        let count = TestExtent.choose(quick: 20_000, full: 1_000_000)
        let folder = try TemporaryFolder()
        try TypedHeap<Shop1>.build(folder.file()) { fill($0, 0 ..< count) }
        var heap = try PersistentHeap.open(folder.file())
        var costs: [Double] = []
        for root in Shop2.declaredRoots {
            let conversion = SchemaConversion(of: Shop2.self, roots: [root])
            var lines = 0
            for part in 0... {
                var isLast = false
                try heap.write { tx in
                    isLast = try conversion.run(in: tx)
                    lines += heap.engine.view.dirty.lineCount
                }
                if isLast { break }
                if part == 0 {
                    try heap.close()
                    heap = try PersistentHeap.open(folder.file())
                }
            }
            costs.append(Double(lines) / Double(count))
        }
        let isRight = try TypedHeap<Shop2>(heap).read { self.isWhole($0, count) }
        #expect(isRight)
        let check = try heap.check()
        #expect(check.isSound && check.unreachedBlocks == 0, "\(check)")
        try heap.close()
        // Structs of 24 bytes in an array; records of 40 bytes in an array and a map, whose strings
        // stay where they are; the structs in a deque; the records in a sorted map.
        let limits = [0.4, 2.1, 4, 1, 2.1]
        let isCheap = zip(costs, limits).allSatisfy { $0 <= $1 }
        #expect(isCheap, "\(costs)")
    }
}
