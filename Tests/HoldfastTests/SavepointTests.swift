import Foundation
import HoldfastEngine
import Testing
import TestSupport

@testable import Holdfast
@testable import HoldfastInspection

private struct Node: HeapRecord {
    var value: Int
    var next: HeapRef<Node>?
    var tags: PersistentArray<String> = []
}

private struct Oops: Error, Equatable {
    var number = 0
}

/// `tx.savepoint`: parts of a transaction that are undone alone.
@Suite(.progress) struct SavepointTests {
    private let folder = try! TemporaryFolder()

    private func said(_ sentence: String, _ result: ExitTest.Result?) -> Bool {
        String(decoding: result?.standardErrorContent ?? [], as: UTF8.self).contains(sentence)
    }

    private func undone(
        _ tx: borrowing WriteTransaction, _ body: (borrowing WriteTransaction) throws -> Void
    ) throws {
        var isRethrown = false
        do {
            try tx.savepoint { tx in
                try body(tx)
                throw Oops()
            }
        } catch is Oops { isRethrown = true }
        #expect(isRethrown)
    }

    // MARK: What it promises

    @Test func theErrorIsRethrownAndTheTransactionGoesOn() throws {
        let heap = try PersistentHeap.open(folder.file())
        let result = try heap.write { tx in
            let map = try tx.map("map", String.self, Int.self)
            map["before"] = 1
            var thrown: Oops?
            do {
                try tx.savepoint { tx in
                    map["before"] = 2
                    try tx.map("map", String.self, Int.self)["inside"] = 3
                    throw Oops(number: 7)
                }
            } catch let error as Oops { thrown = error }
            #expect(thrown == Oops(number: 7))
            #expect(map == ["before": 1])
            return try tx.savepoint { tx in
                map["after"] = 4
                return map.count
            }
        }
        #expect(result == 2)
        try heap.close()
        let again = try PersistentHeap.open(folder.file())
        let map = try again.read { tx in try Dictionary(tx.map("map", String.self, Int.self)) }
        #expect(map == ["before": 1, "after": 4])
        try again.close()
    }

    @Test func anOuterSavepointUndoesAnInnerOne() throws {
        let heap = try PersistentHeap.open(folder.file())
        try heap.write { tx in
            let array = try tx.array("array", of: String.self)
            array.append("zero, which is long enough for a block")
            try undone(tx) { tx in
                array.append("one, which is long enough for a block")
                try tx.savepoint { _ in array.append("two, which is long enough for a block") }
                try undone(tx) { _ in array.removeAll() }
                #expect(array.count == 3)
            }
            #expect(Array(array) == ["zero, which is long enough for a block"])
        }
        #expect(try heap.check().problems.isEmpty)
    }

    @Test func aTransactionThatThrowsUndoesKeptSavepoints() throws {
        let heap = try PersistentHeap.open(folder.file())
        try heap.write { tx in try tx.array("array", of: Int.self).append(1) }
        let before = try heap.audit()
        #expect(throws: Oops.self) {
            try heap.write { tx in
                try tx.savepoint { tx in try tx.array("array", of: Int.self).append(2) }
                try undone(tx) { tx in
                    try tx.array("array", of: Int.self).append(contentsOf: 0 ..< 100_000)
                }
                try tx.savepoint { tx in _ = try tx.map("other", Int.self, Int.self) }
                throw Oops()
            }
        }
        #expect(try heap.audit() == before)
        #expect(try heap.read { tx in Array(try tx.array("array", of: Int.self)) } == [1])
    }

    /// Roots, and what is remembered about where they are.
    @Test func rootsAreAsAtTheMark() throws {
        let heap = try PersistentHeap.open(folder.file())
        let other = try PersistentHeap.open(
            folder.file(), engineOptions: EngineOptions())
        try heap.write { tx in
            try tx.value("kept", initial: 1).value = 1
            try undone(tx) { tx in
                try tx.value("new", initial: 5).value = 6
                _ = try tx.value("new", of: Int.self)
                try tx.removeRoot("kept", PersistentValue<Int>.self)
                try tx.value("kept", initial: "another type").value = "x"
            }
            let names = tx.roots.map(\.name)
            #expect(names == ["kept"])
            let kept = try tx.value("kept", of: Int.self)
            #expect(kept.value == 1)
            // The same name with another type, at the version of the catalogue that the undone
            // savepoint had reached.
            let new = try tx.map("new", Int.self, Int.self)
            #expect(new.isEmpty)
            try undone(tx) { tx in
                try tx.renameRoot("kept", to: "renamed")
                let renamed = try tx.value("renamed", of: Int.self)
                #expect(renamed.value == 1)
            }
            let again = try tx.value("kept", of: Int.self)
            #expect(again.value == 1)
        }
        let names = try other.read { tx in
            _ = try tx.map("new", Int.self, Int.self)
            return tx.roots.map(\.name)
        }
        #expect(names == ["kept", "new"])
        #expect(try other.read { tx in try tx.value("kept", of: Int.self).value } == 1)
        try other.close()
        #expect(try heap.check().problems.isEmpty)
    }

    /// A root found in a savepoint, in a transaction that had changed the catalogue before: must
    /// not be remembered, as the transaction may be undone and another reach the same version.
    @Test func whatASavepointFoundInAnUndoneTransactionIsForgotten() throws {
        let disk = SimulatedDisk()
        let ours = try PersistentHeap.open(
            "/sim/roots.heap", engineOptions: EngineOptions(), disk: disk)
        let theirs = try PersistentHeap.open(
            "/sim/roots.heap", engineOptions: EngineOptions(), disk: disk)
        #expect(throws: Oops.self) {
            try ours.write { tx in
                try tx.value("b", initial: 0).value = 1
                try tx.value("a", initial: 0).value = 2
                try tx.savepoint { tx in try tx.value("a", initial: 0).value = 3 }
                throw Oops()
            }
        }
        try theirs.write { tx in
            try tx.value("a", initial: 0).value = 4
            try tx.value("b", initial: 0).value = 5
        }
        #expect(try ours.read { try $0.value("a", of: Int.self).value } == 4)
        #expect(try ours.read { try $0.value("b", of: Int.self).value } == 5)
    }

    // MARK: Handles

    @Test func handlesFromInsideAndOutsideMix() throws {
        let heap = try PersistentHeap.open(folder.file())
        try heap.write { tx in
            let list = try tx.array("list", of: HeapRef<Node>.self)
            let lists = try tx.map("lists", Int.self, PersistentArray<Int>.self)
            let outside = try tx.new(Node(value: 1))
            try tx.savepoint { inner in
                let inside = try inner.new(Node(value: 2, next: outside, tags: ["a", "b"]))
                list.append(inside)
                try inner.array("list", of: HeapRef<Node>.self).append(outside)
                outside.next = inside
                lists[1] = [1, 2]
                let same = try inner.map("lists", Int.self, PersistentArray<Int>.self)
                #expect(same.isTriviallyIdentical(to: lists))
                try inner.savepoint { _ in lists[creating: 2].append(contentsOf: lists[1]!) }
                try undone(inner) { inner in
                    inside.value = 9
                    inside.tags.append("c")
                    list.removeAll()
                    try inner.new(Node(value: 10)).next = inside
                }
                #expect(inside.value == 2 && Array(inside.tags) == ["a", "b"])
            }
            #expect(list.map(\.value) == [2, 1])
            #expect(list[0].next?.value == 1 && outside.next?.value == 2)
            #expect(lists[2] == [1, 2])
        }
        let check = try heap.check(knowing: [PersistentArray<HeapRef<Node>>.self])
        #expect(check.isSound && check.unreachedBlocks == 0, "\(check)")
    }

    @Test func aHandleFromInsideEndsWithItsSavepoint() async {
        func ends(_ kind: String, _ result: ExitTest.Result?) {
            #expect(said("a handle was used after its transaction had ended", result), "\(kind)")
            #expect(said("read, write or savepoint", result), "\(kind)")
        }
        ends(
            "undone",
            await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                let heap = try PersistentHeap.inMemory()
                try heap.write { tx in
                    var kept: PersistentArray<Int>?
                    do {
                        try tx.savepoint { tx in
                            kept = try tx.array("a", of: Int.self)
                            throw Oops()
                        }
                    } catch is Oops {}
                    // Another savepoint has the same context now.
                    try tx.savepoint { _ in kept!.append(1) }
                }
            })
        ends(
            "kept",
            await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                let heap = try PersistentHeap.inMemory()
                try heap.write { tx in
                    var kept: HeapRef<Node>?
                    try tx.savepoint { tx in kept = try tx.new(Node(value: 1)) }
                    kept!.value = 2
                }
            })
    }

    /// Reached through a handle from before, so its transaction is still open: recognised by what
    /// is at its place, on new pages too.
    @Test func aHandleToWhatNeverWasTraps() async {
        let small = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            try Self.useWhatNeverWas(onNewPages: false)
        }
        #expect(said("no longer leads to its array", small))
        let large = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            try Self.useWhatNeverWas(onNewPages: true)
        }
        #expect(said("no longer leads to its array", large))
    }

    private static func useWhatNeverWas(onNewPages: Bool) throws {
        let heap = try PersistentHeap.inMemory()
        try heap.write { tx in
            let lists = try tx.map("lists", Int.self, PersistentArray<Int>.self)
            if !onNewPages { lists[0] = [1] }
            var kept: PersistentArray<Int>?
            do {
                try tx.savepoint { _ in
                    kept = lists[creating: 1]
                    kept!.append(1)
                    throw Oops()
                }
            } catch is Oops {}
            kept!.append(2)
        }
    }

    /// What a closure changes in place passes by the marks.
    @Test func aSavepointInsideALentSpanTraps() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent])
        {
            let heap = try PersistentHeap.inMemory()
            try heap.write { tx in
                let array = try tx.array("a", of: Int.self)
                array.append(contentsOf: [1, 2, 3])
                // Lent and given back, with an error too.
                array.withMutableSpan { $0[0] = 4 }
                try? array.withMutableSpan { (_) throws(Oops) in throw Oops() }
                try tx.savepoint { tx in
                    _ = array.withContiguousMutableStorageIfAvailable { $0[1] = 5 }
                    try tx.bytes("b").append(upTo: 10, reading: { $0.count })
                }
                guard Array(array) == [4, 5, 3] else { return }
                try array.withMutableSpan { span in
                    try tx.savepoint { _ in span[0] = 6 }
                }
            }
        }
        #expect(said("inside a closure that changes a collection in place", result))
    }

    @Test func iteratorsGoOnAfterAnUndoneChange() throws {
        let heap = try PersistentHeap.inMemory()
        try heap.write { tx in
            let map = try tx.sortedMap("map", Int.self, String.self)
            for number in 0 ..< 500 { map[number] = "\(number)" }
            var seen = 0
            for (key, value) in map {
                #expect(value == "\(key)")
                seen += 1
                guard key % 100 == 0 else { continue }
                try undone(tx) { _ in
                    for number in 0 ..< 500 where number % 2 == 0 { map[number] = nil }
                }
            }
            #expect(seen == 500)
        }
    }

    // MARK: New collections

    /// A new collection that an undone savepoint has stored is new again.
    @Test func newCollectionsAreGivenBack() throws {
        let heap = try PersistentHeap.open(folder.file())
        try heap.write { tx in
            let lists = try tx.map("lists", Int.self, PersistentArray<String>.self)
            let before: PersistentArray<String> = ["a", "b"]
            let never: PersistentArray<String> = ["never stored"]
            try undone(tx) { tx in
                lists[1] = before
                lists[2] = ["inside"]
                let unstored: PersistentArray<String> = ["inside, and never stored"]
                #expect(unstored.count == 1)
                try tx.savepoint { _ in lists[3] = never }
            }
            #expect(lists.isEmpty)
            #expect(before == ["a", "b"] && never == ["never stored"])
            try tx.savepoint { tx in
                lists[1] = before
                let unstored: PersistentArray<String> = ["freed at the commit"]
                #expect(unstored.count == 1)
            }
            #expect(lists[1] == ["a", "b"])
        }
        let check = try heap.check()
        #expect(check.isSound && check.unreachedBlocks == 0, "\(check)")
        let first = try heap.read { tx in
            try tx.map("lists", Int.self, PersistentArray<String>.self)[1].map { Array($0) }
        }
        #expect(first == ["a", "b"])
    }

    // MARK: Limits

    @Test func aLimitIsAnErrorOfTheSavepoint() throws {
        let heap = try PersistentHeap.open(folder.file())
        try heap.write { tx in
            let array = try tx.array("array", of: Int.self)
            array.append(1)
            var thrown: HeapError?
            do {
                try tx.savepoint { tx in
                    array.append(2)
                    // Nothing throws here.
                    try tx.bytes("bytes").resize(to: 1 << 45)
                    let error = tx.errorToCome
                    #expect(error != nil)
                    // An inner savepoint of a lost one does not begin.
                    var hasBegun = false
                    try? tx.savepoint { _ in hasBegun = true }
                    #expect(!hasBegun)
                    array.append(3)
                }
            } catch let error as HeapError { thrown = error }
            guard case .tooLarge = thrown else {
                Issue.record("thrown was \(String(describing: thrown))")
                return
            }
            let (error, names) = (tx.errorToCome, tx.roots.map(\.name))
            #expect(error == nil)
            #expect(Array(array) == [1])
            #expect(names == ["array"])
            array.append(4)
            // It can grow as before.
            try tx.bytes("bytes").resize(to: 100 << 20)
        }
        let (numbers, count) = try heap.read { tx in
            (Array(try tx.array("array", of: Int.self)), try tx.bytes("bytes").count)
        }
        #expect(numbers == [1, 4])
        #expect(count == 100 << 20)
        #expect(try heap.check().problems.isEmpty)
    }

    @Test func aLimitBeforeTheMarkEndsTheTransaction() throws {
        let heap = try PersistentHeap.open(folder.file())
        var hasBegun = false
        #expect(throws: HeapError.self) {
            try heap.write { tx in
                try tx.bytes("bytes").resize(to: 1 << 45)
                try? tx.savepoint { _ in hasBegun = true }
            }
        }
        #expect(!hasBegun)
        #expect(try heap.read { $0.roots.isEmpty })
        try heap.write { tx in try tx.savepoint { tx in _ = try tx.bytes("bytes") } }
    }

    // MARK: Other kinds of heaps

    @Test(arguments: [false, true])
    func heapsWithoutALogHaveThemToo(isPrivateCopy: Bool) throws {
        if isPrivateCopy {
            let heap = try PersistentHeap.open(folder.file())
            try heap.write { tx in try tx.array("array", of: Int.self).append(0) }
            try heap.close()
        }
        let heap = try PersistentHeap.open(
            folder.file(), mode: isPrivateCopy ? .privateCopy : .inMemory)
        try heap.write { tx in
            let array = try tx.array("array", of: Int.self)
            array.append(1)
            try undone(tx) { _ in array.append(contentsOf: 0 ..< 100_000) }
            try tx.savepoint { _ in array.append(2) }
        }
        #expect(try heap.read { Array(try $0.array("array", of: Int.self).suffix(2)) } == [1, 2])
        #expect(try heap.check().problems.isEmpty)
        try heap.close()
    }

    @Test func aBuildKeepsSavepointsAndFailsWithOneThatThrows() throws {
        try PersistentHeap.build(folder.file("built.heap")) { tx in
            let array = try tx.array("array", of: Int.self)
            try tx.savepoint { _ in array.append(1) }
            try tx.savepoint { tx in try tx.savepoint { _ in array.append(2) } }
        }
        let built = try PersistentHeap.open(folder.file("built.heap"))
        #expect(try built.read { Array(try $0.array("array", of: Int.self)) } == [1, 2])
        try built.close()
        var thrown: (any Error)?
        do {
            try PersistentHeap.build(folder.file("failed.heap")) { tx in
                try undone(tx) { tx in try tx.array("array", of: Int.self).append(1) }
            }
        } catch { thrown = error }
        #expect("\(thrown!)".contains("a build cannot undo changes"))
        #expect(!FileManager.default.fileExists(atPath: folder.file("failed.heap")))
    }

    // MARK: Inside and outside

    private func transfer(
        _ amount: Int, from: String, to: String, in scope: borrowing some AtomicScope & ~Copyable
    ) throws {
        try scope.atomically { tx in
            let accounts = try tx.map("accounts", String.self, Int.self)
            accounts[from, default: 0] -= amount
            accounts[to, default: 0] += amount
            if accounts[from, default: 0] < 0 { throw Oops(number: amount) }
        }
    }

    @Test func aFunctionMayBeCalledInsideAndOutside() throws {
        let heap = try PersistentHeap.open(folder.file())
        try heap.write { tx in try tx.map("accounts", String.self, Int.self)["a"] = 100 }
        try transfer(30, from: "a", to: "b", in: heap)
        #expect(throws: Oops(number: 80)) { try transfer(80, from: "a", to: "b", in: heap) }
        var thrown: Oops?
        try heap.write { tx in
            try transfer(20, from: "a", to: "b", in: tx)
            do { try transfer(60, from: "a", to: "b", in: tx) } catch let error as Oops {
                thrown = error
            }
        }
        #expect(thrown == Oops(number: 60))
        #expect(throws: Oops(number: 60)) {
            try heap.write { tx in
                try transfer(50, from: "a", to: "b", in: tx)
                try transfer(60, from: "a", to: "b", in: tx)
            }
        }
        let accounts = try heap.read { try Dictionary($0.map("accounts", String.self, Int.self)) }
        #expect(accounts == ["a": 50, "b": 50])
    }

    @Test func writeInsideWriteTrapsAndNamesTheSavepoint() async {
        let plain = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            let heap = try PersistentHeap.inMemory()
            try heap.write { _ in try heap.write { _ in } }
        }
        #expect(said("heap.write was called inside a transaction", plain))
        #expect(said("tx.savepoint { tx in … }", plain))
        let inside = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent])
        {
            let heap = try PersistentHeap.inMemory()
            try heap.write { tx in try tx.savepoint { _ in try heap.write { _ in } } }
        }
        #expect(said("heap.write was called inside a transaction", inside))
        let read = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            let heap = try PersistentHeap.inMemory()
            try heap.write { tx in try tx.savepoint { _ in try heap.read { _ in } } }
        }
        #expect(said("heap.read was called inside heap.write", read))
    }

    /// Transactions of two heaps and their savepoints, each inside the other.
    @Test func savepointsOfTwoHeapsMayBeNested() throws {
        let one = try PersistentHeap.inMemory()
        let two = try PersistentHeap.inMemory()
        try one.write { first in
            let left = try first.array("array", of: Int.self)
            try two.write { second in
                let right = try second.array("array", of: Int.self)
                try undone(first) { _ in
                    left.append(1)
                    try second.savepoint { _ in right.append(2) }
                    let new: PersistentArray<Int> = [1]
                    #expect(new.count == 1)
                }
                #expect(left.isEmpty && Array(right) == [2])
            }
            left.append(3)
        }
        #expect(try one.read { Array(try $0.array("array", of: Int.self)) } == [3])
        #expect(try two.read { Array(try $0.array("array", of: Int.self)) } == [2])
    }

    // MARK: Depth and seeds

    private func nest(
        _ depth: Int, _ tx: borrowing WriteTransaction, _ array: PersistentArray<Int>
    ) throws {
        guard depth > 0 else { throw Oops() }
        do {
            try tx.savepoint { tx in
                array.append(depth)
                try nest(depth - 1, tx, array)
            }
        } catch let error as Oops {
            // Every third level stops the error, so the ones around it are kept.
            if depth % 3 != 0 { throw error }
        }
    }

    @Test func savepointsNestDeeply() throws {
        let heap = try PersistentHeap.open(folder.file())
        let depth = 3000
        try onStack(of: 64 << 20) {
            try heap.write { tx in
                let array = try tx.array("array", of: Int.self)
                try nest(depth, tx, array)
                #expect(array.count == depth - 3)
                #expect(array.last == 4)
            }
        }
        #expect(try heap.check().problems.isEmpty)
    }

    private struct Model: Equatable {
        var maps: [String: [Int: String]] = [:]
        var arrays: [String: [String]] = [:]
        var queues: [String: [Int]] = [:]
    }

    /// Several roots that come and go, changed in nested savepoints that throw at random, against
    /// ordinary collections; another opening looks at every commit.
    @Test(arguments: [1 as UInt64, 2, 3])
    func randomSavepointsAgainstCopies(seed: UInt64) throws {
        var options = EngineOptions()
        options.logLimit = 1 << 20
        options.initialLogBytes = 1 << 16
        options.memoryLimit = 4 << 20
        options.verifiesDirtyTracking = seed == 3
        var heap = try PersistentHeap.open(folder.file(), engineOptions: options)
        let reader = try PersistentHeap.open(folder.file(), engineOptions: options)
        var random = SplitMix(state: seed)
        var model = Model()
        for _ in 0 ..< TestExtent.choose(quick: 60, full: 800) {
            let saved = model
            do {
                try heap.write { tx in
                    try change(tx, &model, &random, depth: 0)
                    if random.below(5) == 0 { throw Oops() }
                }
            } catch is Oops { model = saved }
            try #require(try reader.read { try contents($0) } == model, "seed \(seed)")
            switch random.below(20) {
            case 0: try heap.checkpoint()
            case 1:
                try heap.close()
                heap = try PersistentHeap.open(folder.file(), engineOptions: options)
            default: break
            }
            #expect(try heap.audit().problems == [], "seed \(seed)")
        }
        let check = try heap.check()
        #expect(check.isSound && check.unreachedBlocks == 0, "seed \(seed): \(check)")
        try reader.close()
        try heap.close()
        let again = try PersistentHeap.open(folder.file())
        #expect(try again.read { try contents($0) } == model, "seed \(seed)")
        try again.close()
    }

    private func change(
        _ tx: borrowing WriteTransaction, _ model: inout Model, _ random: inout SplitMix,
        depth: Int
    ) throws {
        for _ in 0 ..< 1 + random.below(20) {
            let name = ["a", "b", "c"][random.below(3)]
            if depth < 6, random.below(6) == 0 {
                let saved = model
                do {
                    try tx.savepoint { tx in
                        try change(tx, &model, &random, depth: depth + 1)
                        if random.below(2) == 0 { throw Oops() }
                    }
                } catch is Oops {
                    model = saved
                    let now = try contents(tx.existing)
                    #expect(now == model)
                }
                continue
            }
            switch random.below(10) {
            case 0 ... 3:
                let map = try tx.map("map " + name, Int.self, String.self)
                let key = random.below(300)
                let value = random.below(4) == 0 ? nil : random.text()
                map[key] = value
                model.maps[name, default: [:]][key] = value
            case 4, 5:
                let array = try tx.array("array " + name, of: String.self)
                let texts = (0 ..< random.below(30)).map { _ in random.text() }
                array.append(contentsOf: texts)
                model.arrays[name, default: []].append(contentsOf: texts)
            case 6:
                let array = try tx.array("array " + name, of: String.self)
                let range = random.range(in: array.count)
                array.removeSubrange(range)
                model.arrays[name, default: []].removeSubrange(range)
            case 7, 8:
                let queue = try tx.deque("queue " + name, of: Int.self)
                let most = TestExtent.choose(quick: 500, full: 2000)
                let numbers = (0 ..< random.below(most)).map { $0 }
                queue.append(contentsOf: numbers)
                model.queues[name, default: []].append(contentsOf: numbers)
                let rest = random.below(queue.count + 1)
                queue.removeFirst(rest)
                model.queues[name]!.removeFirst(rest)
            default:
                try tx.removeRoot("map " + name, PersistentMap<Int, String>.self)
                try tx.removeRoot("array " + name, PersistentArray<String>.self)
                model.maps[name] = nil
                model.arrays[name] = nil
            }
        }
    }

    private func contents(_ tx: borrowing ReadTransaction) throws -> Model {
        var model = Model()
        for root in tx.roots.map(\.name) {
            let name = String(root.suffix(1))
            if root.hasPrefix("map") {
                model.maps[name] = Dictionary(try tx.map(root, Int.self, String.self))
            } else if root.hasPrefix("array") {
                model.arrays[name] = Array(try tx.array(root, of: String.self))
            } else {
                model.queues[name] = Array(try tx.deque(root, of: Int.self))
            }
        }
        return model
    }
}
