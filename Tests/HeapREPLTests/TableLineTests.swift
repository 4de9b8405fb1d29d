import Foundation
import Holdfast
import HoldfastInspection
import Testing
import TestSupport

/// Lines that change the rows of tables behind their programs' backs.
@Suite(.progress) struct TableLineTests {
    @Persistable struct Task {
        var title: String
        @Indexed var due: Int?
        @Indexed(.unique) var code: String
    }
    @Persistable enum Level: Int, PersistableOrderedKey { case low = 1, high = 2 }
    @Persistable struct Alarm { @Indexed(.unique) var level: Level }
    @Persistable(.plain) struct Point {
        @Indexed var x: Int32
        var y: Double
    }
    @Persistable struct Project {
        var points = PersistentTable<Point>()
    }
    @HeapSchema struct Tracker {
        var tasks: PersistentTable<Task>
        var projects: PersistentMap<String, Project>
        var alarms: PersistentTable<Alarm>
    }

    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        let heap = try TypedHeap<Tracker>.open(folder.heap)
        try heap.write { tracker in
            for number in 1 ... 3 {
                try tracker.tasks.insert(
                    Task(title: "task \(number)", due: number, code: "code \(number)"))
            }
            try tracker.alarms.insert(Alarm(level: .low))
            try tracker.alarms.insert(Alarm(level: .high))
            tracker.projects["a"] = Project()
            tracker.projects["a"]?.points.insert(Point(x: 5, y: 1))
        }
        try heap.close()
    }

    private func run(_ script: String) throws -> ProgramRun {
        try ProgramRun([folder.heap], script: script)
    }

    @Test func indexesFollowTheRows() throws {
        let result = try run(
            """
            tasks.rows[1].due = nil
            tasks.rows[2].code = "a"
            tasks.rows.removeValue(forKey: 3)
            projects["a"].points.rows[1].x = 9

            """)
        #expect(result.error == "")
        let heap = try TypedHeap<Tracker>.open(folder.heap)
        try heap.read { tracker in
            #expect(tracker.tasks.ordered(by: \.due).map(\.id.number) == [1, 2])
            #expect(tracker.tasks.ordered(by: \.code).map(\.code) == ["a", "code 1"])
            let points = try #require(tracker.projects["a"]?.points)
            #expect(points.ordered(by: \.x)[9].map(\.y) == [1])
        }
        let check = try heap.heap.check()
        #expect(check.isSound && check.unreachedBlocks == 0, "\(check)")
    }

    /// A row that a line adds has a number like any other.
    @Test func numbersOfNewRows() throws {
        let result = try run(
            """
            projects["a"].points.rows[9] = projects["a"].points.rows[1]
            tasks.last = 1
            alarms.rows[1].level = .high

            """)
        #expect(result.error.contains("must be unique"), "\(result.error)")
        let heap = try TypedHeap<Tracker>.open(folder.heap)
        try heap.write { tracker in
            let points = try #require(tracker.projects["a"]?.points)
            let id = points.insert(Point(x: 1, y: 1))
            #expect(id.number == 10)
            let task = try tracker.tasks.insert(Task(title: "t", due: nil, code: "new"))
            #expect(task.number == 4)
            #expect(tracker.alarms.map(\.level) == [.low, .high])
        }
        let check = try heap.heap.check()
        #expect(check.isSound && check.unreachedBlocks == 0, "\(check)")
    }

    /// A duplicate undoes its line, and the transaction goes on.
    @Test func uniqueValuesStayUnique() throws {
        let result = try run(
            """
            begin
            tasks.rows[1].title = "kept"
            tasks.rows[2].code = "code 1"
            commit

            """)
        #expect(
            result.error.contains("two rows of the table have the code code 1"), "\(result.error)")
        let heap = try TypedHeap<Tracker>.open(folder.heap)
        let codes = try heap.read { $0.tasks.map(\.code) }
        #expect(codes == ["code 1", "code 2", "code 3"])
        let check = try heap.heap.check()
        #expect(check.isSound && check.unreachedBlocks == 0, "\(check)")
    }

    /// A table is shown as its rows, which are found by their numbers.
    @Test func tablesAreTheirRows() throws {
        let result = try run(
            """
            tasks.rows.removeValue(forKey: 3)
            tasks[1].due = nil
            tasks
            tasks[2].title
            tasks.count
            projects["a"].points = projects["a"].points

            """)
        #expect(result.error == "")
        let task = "Task(title: \"task 1\", due: nil, code: \"code 1\")"
        #expect(result.output.contains("[1: \(task), 2: Task("), "\(result.output)")
        #expect(result.output.contains("\"task 2\"\n2\n"), "\(result.output)")
        let heap = try TypedHeap<Tracker>.open(folder.heap)
        let points = try heap.read { try #require($0.projects["a"]?.points).map(\.x) }
        #expect(points == [5])
        let due = try heap.read { $0.tasks.ordered(by: \.due)[nil].map(\.id.number) }
        #expect(due == [1])
        #expect(try heap.heap.check().isSound)
    }
}
