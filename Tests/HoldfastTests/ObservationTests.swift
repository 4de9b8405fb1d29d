import Foundation
import Holdfast
import HoldfastEngine
import HoldfastSystem
import Observation
import Synchronization
import Testing
import TestSupport

/// Observing values: which commits let a closure run again, and what the consumer gets.
@Suite(.progress, .timeLimit(.minutes(5))) struct ObservationTests {
    @HeapSchema struct Shop {
        var stock: PersistentMap<String, Int>
        var log: PersistentArray<Int>
        var lastOrder = 0
    }

    private func shop() throws -> TypedHeap<Shop> { try TypedHeap.inMemory() }

    @Test("The present value first, then each different one; nothing twice")
    func differentValuesOnly() async throws {
        let shop = try shop()
        let evaluations = Counter()
        var values = shop.observe {
            evaluations.add()
            return $0.stock["bolt"]
        }.makeAsyncIterator()
        #expect(try await values.next() == .some(nil))
        for amount in [5, 5, 7] { try await shop.write { $0.stock["bolt"] = amount } }
        #expect(try await values.next() == 7)
        // Written with the value that it has: evaluated again, and not returned.
        let before = evaluations.count
        let writer = Task {
            try await shop.write { $0.stock["bolt"] = 7 }
            while evaluations.count == before { try await Task.sleep(for: .milliseconds(1)) }
            try await shop.write { $0.stock["bolt"] = 8 }
        }
        #expect(try await values.next() == 8)
        try await writer.value
    }

    @Test("Of a thousand observers of different keys, one change lets only its neighbours run")
    func onlyWhatDependsRunsAgain() async throws {
        let shop = try shop()
        try await shop.write { shop in
            for key in 0 ..< 1000 { shop.stock["k\(key)"] = key }
            shop.log.append(contentsOf: 0 ..< 1000)
        }
        let evaluations = Counter()
        let returned = Numbers()
        let tasks = (0 ..< 1000).map { key in
            Task {
                let values = shop.observe {
                    evaluations.add()
                    return $0.stock["k\(key)"]
                }
                for try await value in values { returned.append(value ?? 0) }
            }
        }
        while returned.all.count < 1000 { try await Task.sleep(for: .milliseconds(1)) }
        #expect(returned.all.sorted() == Array(0 ..< 1000))
        #expect(evaluations.count == 1000)
        for key in [5, 500, 999] {
            let before = evaluations.count
            try await shop.write { $0.stock["k\(key)"] = -key }
            while !returned.all.contains(-key) { try await Task.sleep(for: .milliseconds(1)) }
            // A chunk of the map has seven entries, on a few lines.
            #expect(evaluations.count - before <= 21)
        }
        // Elements of other collections concern none of them.
        let before = evaluations.count
        try await shop.write { $0.log[500] = 1 }
        try await shop.write { $0.stock["k7"] = -7 }
        while !returned.all.contains(-7) { try await Task.sleep(for: .milliseconds(1)) }
        #expect(evaluations.count - before <= 21)
        try shop.heap.close()
        for task in tasks { try await task.value }
        #expect(returned.all.sorted().prefix(5) == [-999, -500, -7, -5, 0])
    }

    @Test("A consumer that does not ask stops nobody, and gets the newest value when it asks")
    func slowConsumer() async throws {
        let shop = try shop()
        let evaluations = Counter()
        var values = shop.observe {
            evaluations.add()
            return $0.lastOrder
        }.makeAsyncIterator()
        #expect(try await values.next() == 0)
        for order in 1 ... 5000 { try await shop.write { $0.lastOrder = order } }
        #expect(try await values.next() == 5000)
        #expect(evaluations.count <= 3)
        #expect(shop.heap.observerCount == 1)
    }

    @Test("Records that have left the log before they were read: everything may have changed")
    func recycledLog() async throws {
        let disk = SimulatedDisk()
        disk.recordsContents = false
        var options = EngineOptions()
        options.initialLogBytes = 256 * 1024
        options.logLimit = 256 * 1024
        let heap = try PersistentHeap.open("/sim/test.heap", engineOptions: options, disk: disk)
        let reader = heap.engine.makeCommitReader()
        reader.begin(at: try #require(try heap.inThread { try $0.read { $0.access.logPlace } }))
        for value in 0 ..< 300 {
            try heap.inThread { try $0.write { try $0.value("v", initial: 0).value = value } }
        }
        #expect(reader.changes(upTo: heap.engine.newestPosition) != nil)
        reader.begin(at: try #require(try heap.inThread { try $0.read { $0.access.logPlace } }))
        for value in 0 ..< 40 {
            try heap.inThread { heap in
                try heap.write { tx in
                    try tx.array("a", of: Int.self)
                        .append(contentsOf: repeatElement(value, count: 4000))
                }
                try heap.checkpoint()
            }
        }
        #expect(reader.changes(upTo: heap.engine.newestPosition) == nil)
        // An observer goes on all the same.
        var values = heap.observe { try $0.value("v", of: Int.self).value }.makeAsyncIterator()
        #expect(try await values.next() == 299)
        try heap.inThread { try $0.write { try $0.value("v", initial: 0).value = -1 } }
        #expect(try await values.next() == -1)
        try heap.close()
        #expect(try await values.next() == nil)
    }

    @Test("Commits of another opening, also for one that only reads")
    func otherOpenings() async throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/test.heap"
        let writer = try TypedHeap<Shop>.open(path)
        try await writer.write { $0.stock["bolt"] = 1 }
        let reader = try TypedHeap<Shop>.open(path, mode: .readOnly)
        let copy = try TypedHeap<Shop>.open(path, mode: .privateCopy)
        var values = reader.observe { $0.stock["bolt"] }.makeAsyncIterator()
        var copied = copy.observe { $0.stock["bolt"] }.makeAsyncIterator()
        #expect(try await values.next() == 1)
        #expect(try await copied.next() == 1)
        try await writer.write { $0.stock["bolt"] = 2 }
        #expect(try await values.next() == 2)
        // A private copy sees its own commits only.
        try await copy.write { $0.stock["bolt"] = 30 }
        #expect(try await copied.next() == 30)
        for heap in [copy.heap, reader.heap, writer.heap] { try heap.close() }
    }

    @Test("A private copy beside commits of others, whose log it does not follow")
    func privateCopyBesideOthers() async throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/test.heap"
        let writer = try TypedHeap<Shop>.open(path)
        try await writer.write { $0.stock["bolt"] = 1 }
        let copy = try TypedHeap<Shop>.open(path, mode: .privateCopy)
        for number in 0 ..< 20 { try await writer.write { $0.lastOrder = number } }
        var values = copy.observe { $0.stock["bolt"] }.makeAsyncIterator()
        #expect(try await values.next() == 1)
        for amount in 2 ... 6 {
            try await copy.write { $0.stock["bolt"] = amount }
            #expect(try await values.next() == amount)
        }
        for heap in [copy.heap, writer.heap] { try heap.close() }
    }

    @Test("The version changes with every commit, and so does what is computed from it")
    func versions() async throws {
        let heap = try PersistentHeap.inMemory()
        var versions = heap.observe { $0.version }.makeAsyncIterator()
        for number in 0 ..< 5 {
            #expect(try await versions.next() == heap.version)
            try await heap.write { try $0.value("v", initial: -1).value = number }
        }
    }

    @Test("Observers do not end a suspension, and go on after it")
    func suspension() async throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/test.heap"
        let heap = try TypedHeap<Shop>.open(path)
        let other = try PersistentHeap.open(
            path, engineOptions: EngineOptions(), disk: SystemDisk.shared)
        var values = heap.observe { $0.stock["bolt"] }.makeAsyncIterator()
        #expect(try await values.next() == .some(nil))
        try await heap.write { $0.stock["bolt"] = 1 }
        try await heap.heap.suspend()
        let reader = heap.heap.engine.makeCommitReader()
        let next = Task {
            // Stale since before the suspension.
            try await heap.observe { $0.stock["bolt"] }.first { $0 == 2 }
        }
        try await Task.sleep(for: .milliseconds(100))
        #expect(try other.views().count == 1)
        try await other.write { try $0.map("stock", String.self, Int.self)["bolt"] = 2 }
        #expect(reader.changes(upTo: other.version.position) == nil)
        #expect(heap.heap.engine.isSuspended)
        try await heap.heap.resume()
        #expect(try await next.value == 2)
        #expect(try await values.next() == 2)
        for heap in [heap.heap, other] { try heap.close() }
    }

    @Test("A reader of the log that comes late does not join a log that the opening has left")
    func lateReaderOfALeftLog() throws {
        let disk = SimulatedDisk()
        disk.recordsContents = false
        func open() throws -> PersistentHeap {
            try PersistentHeap.open("/sim/test.heap", engineOptions: EngineOptions(), disk: disk)
        }
        func set(_ heap: PersistentHeap, _ value: Int) throws {
            try heap.write { try $0.value("v", initial: 0).value = value }
        }
        func get(_ heap: PersistentHeap) throws -> Int {
            try heap.read { try $0.value("v", of: Int.self).value }
        }
        let first = try open()
        try set(first, 1)
        let second = try open()
        let reader = first.engine.makeCommitReader()
        reader.begin(at: try #require(try first.read { $0.access.logPlace }))
        try first.suspend()
        try set(second, 2)
        #expect(reader.changes(upTo: second.version.position) == nil)
        // The heap comes to rest, and its next log has another place.
        try second.close()
        let third = try open()
        try set(third, 3)
        try third.checkpoint()
        #expect(try get(first) == 3)
        try set(first, 4)
        #expect(try get(third) == 4)
        try first.sync()
        try first.close()
        try third.close()
        #expect(try get(open()) == 4)
    }

    @Test("Adding and removing roots by name lets all observers run again")
    func rootsByName() async throws {
        let heap = try PersistentHeap.inMemory()
        try await heap.write { try $0.value("a", initial: 1).value = 1 }
        var values = heap.observe { tx in tx.hasRoot("b") }.makeAsyncIterator()
        #expect(try await values.next() == false)
        try await heap.write { try $0.value("b", initial: 1).value = 2 }
        #expect(try await values.next() == true)
        try await heap.write { _ = try $0.removeRoot("b", PersistentValue<Int>.self) }
        #expect(try await values.next() == false)
    }

    @Test("The closure's error ends the sequence")
    func errors() async throws {
        let heap = try PersistentHeap.inMemory()
        let values = heap.observe { try $0.value("none", of: Int.self).value }
        var iterator = values.makeAsyncIterator()
        var found: HeapError?
        do { _ = try await iterator.next() } catch { found = error as? HeapError }
        #expect(found == HeapError.rootNotFound(path: heap.path, name: "none"))
        #expect(try await iterator.next() == nil)
    }

    @Test("Cancelled and finished observers leave nothing behind")
    func nothingIsLeft() async throws {
        let shop = try shop()
        let tasks = (0 ..< 50).map { key in
            Task { for try await _ in shop.observe({ $0.stock["k\(key)"] }) {} }
        }
        while shop.heap.observerCount < 50 { try await Task.sleep(for: .milliseconds(1)) }
        for task in tasks { task.cancel() }
        for task in tasks { try await task.value }
        #expect(shop.heap.observerCount == 0)
        // The next one starts anew.
        var values = shop.observe { $0.stock["bolt"] }.makeAsyncIterator()
        #expect(try await values.next() == .some(nil))
        try await shop.write { $0.stock["bolt"] = 3 }
        #expect(try await values.next() == 3)
    }

    @Test("Writers beside observers: each observer ends with the last value")
    func concurrentWriters() async throws {
        let shop = try shop()
        let observers = (0 ..< 8).map { key in
            Task {
                var last = 0
                for try await value in shop.observe({ $0.stock["k\(key)"] ?? 0 }) {
                    #expect(value > last || value == 0)
                    last = value
                    if value == 200 { break }
                }
                return last
            }
        }
        let writers = (0 ..< 8).map { key in
            Task {
                for value in 1 ... 200 { try await shop.write { $0.stock["k\(key)"] = value } }
            }
        }
        for writer in writers { try await writer.value }
        for observer in observers { #expect(try await observer.value == 200) }
    }

    @MainActor @Test("An observable object follows the heap, and ends with its last reference")
    func observableObject() async throws {
        let shop = try shop()
        do {
            let bolts = try shop.observed { $0.stock["bolt", default: 0] }
            #expect(bolts.value == 0)
            let changes = Counter()
            withObservationTracking {
                _ = bolts.value
            } onChange: {
                changes.add()
            }
            try await shop.write { $0.stock["nut"] = 1 }
            try await shop.write { $0.stock["bolt"] = 9 }
            while bolts.value != 9 { try await Task.sleep(for: .milliseconds(1)) }
            #expect(changes.count == 1)
            #expect(bolts.error == nil)
        }
        while shop.heap.observerCount > 0 { try await Task.sleep(for: .milliseconds(1)) }
    }
}

/// A number that several tasks count up.
private final class Counter: Sendable {
    private let number = Atomic(0)

    var count: Int { number.load(ordering: .relaxed) }
    func add() { number.add(1, ordering: .relaxed) }
}

/// Numbers that several tasks collect.
private final class Numbers: Sendable {
    private let numbers = Mutex<[Int]>([])

    var all: [Int] { numbers.withLock { $0 } }
    func append(_ number: Int) { numbers.withLock { $0.append(number) } }
}

extension PersistentHeap {
    /// Runs `body` synchronously, inside an asynchronous function.
    fileprivate func inThread<R>(_ body: (PersistentHeap) throws -> R) throws -> R {
        try body(self)
    }
}
