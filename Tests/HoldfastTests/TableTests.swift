import Foundation
import HoldfastEngine
import Testing
import TestSupport

@testable import Holdfast
@testable import HoldfastInspection

@Persistable private struct Task: Equatable {
    var title: String
    @Indexed var due: Date?
    @Indexed(.unique) var code: String
    @Indexed var weight: Double
}

@Persistable private struct Tag: Equatable {
    @Indexed var name: String
    @Indexed var task: Task.RowID?
}

@Persistable private struct Label {
    @Indexed(.unique) var text: String?
}

extension Int: TableValue {}

/// Equal to the program, and two places in an index.
@Persistable private enum Loose: String, PersistableOrderedKey {
    case open = "open, with a name that has a block of its own"
    case done = "open, with another name that has a block"
    case late = "very late"

    static func == (left: Loose, right: Loose) -> Bool {
        (left.rawValue == "very late") == (right.rawValue == "very late")
    }
    func hash(into hasher: inout Hasher) {}
}

@Persistable private struct Ticket {
    @Indexed var state: Loose
}

/// Rows with tables of their own kind in them.
@Persistable private struct Node {
    @Indexed var name: String
    var children = PersistentTable<Node>()

    static func named(_ name: String) -> Node { Node(name: name) }
}

@HeapSchema private struct Labels {
    var all: PersistentTable<Label>
}

@HeapSchema private struct Tracker {
    var tasks: PersistentTable<Task>
    var tags: PersistentTable<Tag>
    var numbers: PersistentTable<Int>
}

/// Tables: identifiers, and indexes that follow the rows.
@Suite(.progress) struct TableTests {
    private let folder = try! TemporaryFolder()

    private func day(_ number: Int) -> Date { Date(timeIntervalSinceReferenceDate: Double(number)) }

    private func task(_ number: Int, code: String? = nil, due: Int? = nil) -> Task {
        Task(
            title: "task number \(number), with a title in a block", due: due.map(day),
            code: code ?? "code number \(number)", weight: Double(number % 7))
    }

    // MARK: Identifiers

    @Test func numbersAreNeverUsedAgain() throws {
        let path = folder.file()
        for round in 0 ..< 3 {
            let heap = try TypedHeap<Tracker>.open(path)
            try heap.write { tracker in
                let ids = (0 ..< 3).map { tracker.numbers.insert($0) }
                #expect(ids.map(\.number) == (1 ... 3).map { UInt64(round * 3 + $0) })
                if round == 0 {
                    tracker.numbers.remove(ids[2])
                } else {
                    tracker.numbers.removeAll()
                }
            }
            try heap.heap.close()
        }
    }

    /// A number that a rolled back transaction has used was never seen outside.
    @Test func aRollbackTakesEverythingBack() throws {
        let heap = try TypedHeap<Tracker>.inMemory()
        struct Stop: Error {}
        try heap.write { try $0.tasks.insert(task(1)) }
        #expect(throws: Stop.self) {
            try heap.write { tracker in
                try tracker.tasks.insert(task(2))
                try tracker.tasks.update(Task.RowID(1)) { $0.code = "x" }
                throw Stop()
            }
        }
        try heap.write { tracker, tx in
            try? tx.savepoint { _ in
                let isRemoved: Bool = tracker.tasks.remove(Task.RowID(1))
                #expect(isRemoved)
                throw Stop()
            }
            let codes = tracker.tasks.ordered(by: \.code).map(\.code)
            #expect(codes == ["code number 1"])
            let id = try tracker.tasks.insert(task(2))
            #expect(id.number == 2)
        }
        try requireSound(heap)
    }

    private func requireSound(_ heap: TypedHeap<Tracker>) throws {
        let check = try heap.heap.check()
        #expect(check.isSound && check.unreachedBlocks == 0, "\(check)")
    }

    // MARK: Indexes

    /// Random changes, compared with an array of the same rows.
    @Test(arguments: 0 ..< 4) func likeAnArray(seed: UInt64) throws {
        let heap = try TypedHeap<Tracker>.inMemory()
        var random = SplitMix(state: seed)
        var model: [(id: Task.RowID, value: Task)] = []
        for round in 0 ..< 30 {
            try heap.write { tracker in
                for _ in 0 ..< 40 { try change(tracker.tasks, &model, &random, round) }
            }
            try heap.read { compare($0.tasks, model, &random) }
        }
        try requireSound(heap)
        try heap.write { $0.tasks.removeAll() }
        try heap.read { compare($0.tasks, [], &random) }
        try requireSound(heap)
    }

    private func change(
        _ tasks: PersistentTable<Task>, _ model: inout [(id: Task.RowID, value: Task)],
        _ random: inout SplitMix, _ round: Int
    ) throws {
        let weights = [0, -0.0, 1.5, -3, .infinity, .nan]
        var value = task(Int.random(in: 0 ..< 300, using: &random))
        value.due = Int.random(in: 0 ..< 4, using: &random) == 0 ? nil : day(round % 9)
        value.weight = weights.randomElement(using: &random)!
        let sameCode = model.filter { $0.value.code == value.code }.map(\.id)
        switch Int.random(in: 0 ..< 10, using: &random) {
        case 0 ..< 5:
            do {
                let id = try tasks.insert(value)
                #expect(sameCode.isEmpty)
                model.append((id, value))
            } catch {
                #expect(!sameCode.isEmpty)
            }
        case 5 ..< 8 where !model.isEmpty:
            let index = model.indices.randomElement(using: &random)!
            let id = model[index].id
            do {
                let isFound = try tasks.replace(id, with: value)
                let isUnique = sameCode.isEmpty || sameCode == [id]
                #expect(isFound && isUnique)
                model[index].value = value
            } catch {
                #expect(!sameCode.isEmpty)
            }
        default:
            guard let index = model.indices.randomElement(using: &random) else { return }
            let (id, value) = model.remove(at: index)
            let removed: Task? = tasks.remove(id)
            #expect(removed?.code == value.code)
            let isFound: Bool = tasks.remove(id)
            #expect(!isFound)
        }
    }

    private func compare(
        _ tasks: PersistentTable<Task>, _ model: [(id: Task.RowID, value: Task)],
        _ random: inout SplitMix
    ) {
        let ids = model.map(\.id)
        #expect(tasks.map(\.id) == ids && tasks.count == model.count)
        #expect(tasks.reversed().map(\.code) == model.reversed().map(\.value.code))
        func ordered(_ isBefore: (Task, Task) -> Bool) -> [Task.RowID] {
            model.sorted {
                isBefore($0.value, $1.value) || (!isBefore($1.value, $0.value) && $0.id < $1.id)
            }.map(\.id)
        }
        let byDue = ordered { left, right in
            right.due.map { right in left.due.map { $0 < right } ?? true } ?? false
        }
        let foundByDue = tasks.ordered(by: \.due).map(\.id)
        #expect(foundByDue == byDue)
        let byCode = ordered { $0.code < $1.code }
        let foundByCode = tasks.ordered(by: \.code).map(\.id)
        #expect(foundByCode == byCode)
        let byWeight = ordered { $0.weight < $1.weight || ($1.weight.isNaN && !$0.weight.isNaN) }
        let foundByWeight = tasks.ordered(by: \.weight).reversed().map(\.id)
        #expect(foundByWeight == byWeight.reversed())

        let low = Int.random(in: -1 ..< 10, using: &random)
        let high = Int.random(in: low ..< 11, using: &random)
        func count(_ isIncluded: (Int) -> Bool) -> Int {
            model.count { row in
                row.value.due.map { isIncluded(Int($0.timeIntervalSinceReferenceDate)) } ?? false
            }
        }
        let rows = tasks.ordered(by: \.due)
        let (first, last) = (day(low), day(high))
        let expected = [
            count { low <= $0 && $0 < high }, count { low <= $0 && $0 <= high },
            count { low <= $0 }, count { $0 < high }, count { $0 <= high }, count { $0 == low },
            model.count { $0.value.due == nil }, count { low <= $0 && $0 <= high },
            low == high ? count { $0 == low } : 0,
        ]
        let found = [
            rows[first ..< last].count, rows[first ... last].count, rows[first...].count,
            rows[..<last].count, rows[...last].count, rows[first].count, rows[nil].count,
            rows[first...][...last].count, rows[last][first].count,
        ]
        #expect(found == expected)
    }

    /// An error names the value of an optional property, and not that it is one.
    @Test func uniqueOptionals() throws {
        let heap = try TypedHeap<Labels>.open(folder.file("labels"))
        try heap.write { labels in
            let first = try labels.all.insert(Label(text: "zz"))
            let duplicate = TableError.duplicate(
                path: folder.file("labels"), type: "Label", property: "text", value: "zz",
                row: first.number)
            #expect(throws: duplicate) { try labels.all.insert(Label(text: "zz")) }
            try labels.all.insert(Label(text: nil))
            try labels.all.insert(Label(text: nil))
        }
        try heap.close()
    }

    @Test func uniqueValues() throws {
        let path = folder.file()
        let heap = try TypedHeap<Tracker>.open(path)
        try heap.write { tracker in
            let first = try tracker.tasks.insert(task(1, code: "a"))
            let second = try tracker.tasks.insert(task(2, code: "b"))
            let duplicate = TableError.duplicate(
                path: path, type: "Task", property: "code", value: "a", row: first.number)
            #expect(throws: duplicate) { try tracker.tasks.insert(task(3, code: "a")) }
            #expect(throws: duplicate) { try tracker.tasks.update(second) { $0.code = "a" } }
            #expect(
                duplicate.description
                    == "\(path): row 1 of a table of Task has the code a already, which must be "
                    + "unique. Change or remove that row, or choose another value.")
            // Its own value is no duplicate, and a value becomes free.
            try tracker.tasks.update(first) { $0.title = "changed" }
            try tracker.tasks.update(first) { $0.code = "c" }
            try tracker.tasks.update(second) { $0.code = "a" }
            let third = try tracker.tasks.insert(task(3, code: "b"))
            #expect(third.number == 3)
            let titles = tracker.tasks.ordered(by: \.code)["c"].map(\.title)
            #expect(titles == ["changed"])
        }
        try requireSound(heap)
    }

    /// Without a unique index nothing is thrown, and rows are changed in place.
    @Test func rowsInPlace() throws {
        let heap = try TypedHeap<Tracker>.inMemory()
        try heap.write { tracker in
            let id = tracker.tags.insert(Tag(name: "b", task: nil))
            let other = tracker.tags.insert(Tag(name: "c", task: Task.RowID(7)))
            tracker.tags[id]?.name = "d"
            tracker.tags[Tag.RowID(99)]?.name = "nobody"
            let names = tracker.tags.ordered(by: \.name).map(\.name)
            #expect(names == ["c", "d"])
            tracker.tags[Tag.RowID(99)] = Tag(name: "nobody", task: nil)
            tracker.tags[other] = nil
            #expect(tracker.tags.count == 1 && tracker.tags.first?.id == id)
            let ofNone = tracker.tags.ordered(by: \.task)[nil].map(\.value)
            #expect(ofNone == [Tag(name: "d", task: nil)])
            tracker.numbers.insert(5)
            let sum = try tracker.numbers.update(PersistentTable<Int>.ID(1)) { number in
                number += 2
                return number * 10
            }
            #expect(sum == 70 && tracker.numbers.first?.value == 7)
            let missing: Int? = try tracker.numbers.update(PersistentTable<Int>.ID(2)) { number in
                number = 0
                return 1
            }
            #expect(missing == nil)
        }
        try requireSound(heap)
    }

    /// A separator between two raw values is shorter than both, and no case.
    @Test func indexesOfEnums() throws {
        let heap = try PersistentHeap.inMemory()
        let states: [Loose] = [.open, .done, .late]
        try heap.write { tx in
            let tickets = try tx.table("tickets", of: Ticket.self)
            for number in 0 ..< 300 { tickets.insert(Ticket(state: states[number % 3])) }
            for id in tickets.map(\.id) where id.number % 3 == 1 { tickets[id]?.state = .done }
            #expect(tickets.ordered(by: \.state)[.open].isEmpty)
            #expect(tickets.ordered(by: \.state)[.done].count == 200)
            for id in tickets.map(\.id) where id.number % 2 == 0 { tickets[id] = nil }
        }
        let check = try heap.check()
        #expect(check.isSound && check.unreachedBlocks == 0, "\(check)")
        _ = try ExchangeRun.copy(heap)
    }

    @Test func tablesInsideTheirRows() throws {
        let heap = try PersistentHeap.inMemory()
        try heap.write { tx in
            let nodes = try tx.table("nodes", of: Node.self)
            let id = nodes.insert(.named("a"))
            nodes[id]!.children.insert(.named("b"))
            nodes.insert(.named("c"))
        }
        let check = try heap.check()
        #expect(check.isSound && check.unknownRoots.isEmpty, "\(check)")
        let shape = try #require(try heap.read { $0.roots[0].type.shape })
        // As a program makes it that does not have the type.
        let unknown = TypeRegistry { shape, registry in
            var maker = TypeMaker(registry, unknown: RunTimeTypes())
            return maker.type(of: shape)
        }
        var maker = TypeMaker(unknown, unknown: RunTimeTypes())
        #expect(maker.type(of: shape) != nil)
    }

    /// Lines that were changed by hand.
    @Test func importedIndexesFollowTheRows() throws {
        let heap = try TypedHeap<Tracker>.inMemory()
        try heap.write { tracker in
            for number in 1 ... 3 { try tracker.tasks.insert(task(number, code: "c\(number)")) }
        }
        let lines = try ExchangeRun.lines(heap.heap, "tasks")
        func imported(_ old: String, _ new: String) throws -> PersistentHeap {
            let copy = try PersistentHeap.inMemory()
            try ExchangeRun.add(lines.map { $0.replacing(old, with: new) }, to: copy)
            return copy
        }
        #expect(throws: (any Error).self) { try imported("\"last\":3", "\"last\":2") }
        #expect(throws: (any Error).self) {
            try imported("\"code\":\"c2\"", "\"code\":\"c1\"")
        }
        let changed = try TypedHeap<Tracker>(imported("\"code\":\"c2\"", "\"code\":\"z\""))
        let codes = try changed.read { $0.tasks.ordered(by: \.code).map(\.code) }
        #expect(codes == ["c1", "c3", "z"])
        try requireSound(changed)
    }

    // MARK: Elsewhere

    @Persistable fileprivate struct Project {
        var name: String
        var tasks = PersistentTable<Task>()
    }

    @Test func insideOfOtherValues() throws {
        let heap = try PersistentHeap.inMemory()
        try heap.write { tx in
            let projects = try tx.map("projects", String.self, Project.self)
            projects["a"] = Project(name: "a")
            try projects["a"]!.tasks.insert(task(1))
            try projects["a"]!.tasks.insert(task(2, code: "x"))
            // A copy, with all indexes.
            projects["b"] = projects["a"]
            try projects["a"]!.tasks.update(Task.RowID(1)) { $0.code = "z" }
            let codes = projects["b"]!.tasks.ordered(by: \.code).map(\.code)
            #expect(codes == ["code number 1", "x"])
            let tables = try tx.map("tables", Int.self, PersistentTable<Task>.self)
            try tables[creating: 1].insert(task(3))
            projects["a"] = nil
            #expect(tables[1]?.count == 1)
        }
        let check = try heap.check()
        #expect(check.isSound && check.unreachedBlocks == 0, "\(check)")
        try heap.copy(to: folder.path + "/copy")
        let copy = try PersistentHeap.open(folder.path + "/copy")
        let count = try copy.read { try $0.map("projects", String.self, Project.self).count }
        #expect(count == 1)
    }

    @Test func byName() throws {
        let heap = try PersistentHeap.inMemory()
        #expect(throws: HeapError.self) {
            try heap.read { try $0.table("tags", of: Tag.self).count }
        }
        try heap.write { tx in
            try tx.table("tags", of: Tag.self).insert(Tag(name: "a", task: nil))
        }
        let names = try heap.read { try $0.table("tags", of: Tag.self).map(\.name) }
        #expect(names == ["a"])
    }

    @Test func exportedAndPacked() throws {
        let path = folder.file()
        let heap = try TypedHeap<Tracker>.open(path)
        try heap.write { tracker in
            for number in 0 ..< 100 {
                try tracker.tasks.insert(task(number, due: number % 3 == 0 ? nil : number))
            }
            tracker.tags.insert(Tag(name: "a", task: Task.RowID(3)))
        }
        let imported = try ExchangeRun.copy(heap.heap)
        try TypedHeap<Tracker>(imported).write { tracker in
            let due = tracker.tasks.ordered(by: \.due)[day(50)...].map(\.id.number)
            let expected: [UInt64] = (50 ..< 100).filter { $0 % 3 != 0 }.map { $0 + 1 }
            #expect(due == expected)
            let id = try tracker.tasks.insert(task(100))
            #expect(id.number == 101)
        }
        // Sparse, so that the copy is packed: every block moves.
        try heap.write { tracker in
            for number in 200 ..< 5000 { try tracker.tasks.insert(task(number)) }
            for row in Array(tracker.tasks) where row.id.number > 100 {
                _ = tracker.tasks.remove(row.id) as Bool
            }
        }
        try heap.heap.copy(to: folder.path + "/packed")
        let sizes = try [folder.bytes(), folder.bytes("packed")].map(\.count)
        #expect(sizes[1] * 4 < sizes[0], "\(sizes)")
        let packed = try TypedHeap<Tracker>.open(folder.path + "/packed")
        try requireSound(packed)
        let codes = try packed.read { $0.tasks.ordered(by: \.code).prefix(2).map(\.code) }
        #expect(codes == ["code number 0", "code number 1"])
    }

    /// An index that does not say what the rows say is a problem of its root.
    @Test func checksCompareIndexesAndRows() throws {
        let heap = try TypedHeap<Tracker>.inMemory()
        try heap.write { tracker in
            for number in 0 ..< 3 { tracker.tags.insert(Tag(name: "\(number)", task: nil)) }
            tracker.tags.rows[2] = Tag(name: "behind its back", task: nil)
        }
        let moved = try heap.heap.check().problems
        #expect(moved.count == 1 && moved[0].hasSuffix("the index by name lacks row 2"), "\(moved)")
        try heap.write { _ = $0.tags.rows.removeValue(forKey: 2) as Bool }
        let missing = try heap.heap.check().problems
        let isMissing = missing.first?.hasSuffix("the index by name has 3 entries for 2 rows")
        #expect(missing.count == 1 && isMissing == true, "\(missing)")
    }
}
