import Foundation
import Testing
import TestSupport

@testable import Holdfast
@testable import HoldfastInspection

private enum Old {
    @Persistable struct Task {
        static var storedName: String { "Task" }
        var title: String
        @Indexed var level: Int32
        @Indexed var owner: String
        var code: String
    }
    @HeapSchema struct Tracker { var tasks: PersistentTable<Task> }
    @Persistable(.plain) struct Move {
        static var storedName: String { "Move" }
        var delta: Int32
    }
    @HeapSchema struct Shop {
        var a: PersistentArray<Move>
        var tasks: PersistentTable<Task>
    }
}

private enum New {
    @Persistable struct Task {
        static var storedName: String { "Task" }
        @HeapField("title") @Indexed var name: String
        @Indexed var level: Int64
        var owner: String?
        @Indexed(.unique) var code: String
        @Indexed var due: Date?
    }
    @HeapSchema struct Tracker { var tasks: PersistentTable<Task> }
    @Persistable(.plain) struct Move {
        static var storedName: String { "Move" }
        var delta: Int64
    }
    @HeapSchema struct Shop {
        var a: PersistentArray<Move>
        var tasks: PersistentTable<Task>
    }
}

/// Opening a table whose rows or indexes have changed.
@Suite(.progress) struct TableChangeTests {
    private func oldTask(_ number: Int) -> Old.Task {
        Old.Task(
            title: "title \(99 - number), in a block of its own", level: Int32(number % 5),
            owner: "owner \(number % 3), also in a block", code: "\(number)")
    }

    @Test func rowsAndIndexes() throws {
        let heap = try PersistentHeap.inMemory()
        try TypedHeap<Old.Tracker>(heap).write { tracker in
            for number in 0 ..< 100 { tracker.tasks.insert(oldTask(number)) }
            tracker.tasks.remove(Old.Task.RowID(100))
        }
        let changed = try TypedHeap<New.Tracker>(heap)
        try changed.write { tracker in
            let tasks = tracker.tasks
            let names = tasks.ordered(by: \.name).map(\.name)
            let expected = (0 ..< 99).map { "title \(99 - $0), in a block of its own" }
            #expect(names == expected.sorted())
            let levels = tasks.ordered(by: \.level)[3].map(\.id.number)
            let ofLevel3: [UInt64] = Array(stride(from: 4, to: 100, by: 5))
            #expect(levels == ofLevel3)
            #expect(tasks.ordered(by: \.due)[nil].count == 99)
            #expect(tasks.ordered(by: \.code)["7"].first?.owner == "owner 1, also in a block")
            #expect(throws: TableError.self) {
                try tasks.update(New.Task.RowID(1)) { $0.code = "98" }
            }
            let id = try tasks.insert(
                New.Task(name: "new", level: 1 << 40, owner: nil, code: "new", due: .now))
            #expect(id.number == 101)
            #expect(tasks.ordered(by: \.level).last?.id == id)
        }
        let check = try heap.check()
        #expect(check.isSound && check.unreachedBlocks == 0, "\(check)")
    }

    /// A unique index that two rows keep from being made: nothing is changed.
    @Test func duplicatesAreNamed() throws {
        let heap = try PersistentHeap.inMemory()
        let old = try TypedHeap<Old.Tracker>(heap)
        try old.write { tracker in
            for number in [1, 2, 3, 2] { tracker.tasks.insert(oldTask(number)) }
        }
        let duplicate = TableError.duplicate(
            path: heap.path, type: "Task", property: "code", value: "2", row: 2)
        #expect(throws: duplicate) { try TypedHeap<New.Tracker>(heap) }
        let check = try heap.check()
        #expect(check.isSound && check.unreachedBlocks == 0, "\(check)")
        try old.write { tracker in
            #expect(tracker.tasks.count == 4)
            tracker.tasks[Old.Task.RowID(4)]?.code = "4"
        }
        let codes = try TypedHeap<New.Tracker>(heap).read { tracker in
            tracker.tasks.ordered(by: \.code).map(\.code)
        }
        #expect(codes == ["1", "2", "3", "4"])
    }

    /// Neither the other roots: both programs can still open the heap.
    @Test func aDuplicateUndoesAllRoots() throws {
        let heap = try PersistentHeap.inMemory()
        let old = try TypedHeap<Old.Shop>(heap)
        try old.write { shop in
            for number in 0 ..< 20_000 { shop.a.append(Old.Move(delta: Int32(number))) }
            for number in [1, 1] { shop.tasks.insert(oldTask(number)) }
        }
        #expect(throws: TableError.self) { try TypedHeap<New.Shop>(heap) }
        try TypedHeap<Old.Shop>(heap).write { $0.tasks.remove(Old.Task.RowID(2)) }
        let sum = try TypedHeap<New.Shop>(heap).read { $0.a.reduce(0) { $0 + $1.delta } }
        #expect(sum == 19_999 * 10_000)
    }

    /// With this policy the root that cannot be converted is removed, and no other one.
    @Test func duplicatesAreErased() throws {
        let heap = try PersistentHeap.inMemory()
        let old = try TypedHeap<Old.Shop>(heap)
        try old.write { shop in
            shop.a.append(Old.Move(delta: 5))
            for number in [1, 1] { shop.tasks.insert(oldTask(number)) }
        }
        let shop = try TypedHeap<New.Shop>(heap, schemaChanges: .eraseOnMismatch)
        let (tasks, sum) = try shop.read { ($0.tasks.count, $0.a.reduce(0) { $0 + $1.delta }) }
        #expect(tasks == 0)
        #expect(sum == 5)
        let check = try heap.check()
        #expect(check.isSound && check.unreachedBlocks == 0, "\(check)")
    }

    /// An index that is no longer declared is freed with its entries.
    @Test func indexesThatAreGone() throws {
        let heap = try PersistentHeap.inMemory()
        let changed = try TypedHeap<New.Tracker>(heap)
        try changed.write { tracker in
            for number in 0 ..< 50 {
                try tracker.tasks.insert(
                    New.Task(name: "n", level: 5, owner: "o", code: "\(number)", due: .now))
            }
        }
        #expect(throws: HeapError.self) { try TypedHeap<Old.Tracker>(heap) }
        let kept = try changed.read { $0.tasks.ordered(by: \.code).count }
        #expect(kept == 50)
    }
}
