import Foundation
import Holdfast
import HoldfastInspection
import Testing
import TrackerModel

/// The model of the tracker in memory, as a program tests its own.
@Suite struct TrackerModelTests {
    private let heap = try! TypedHeap<Tracker>.inMemory()

    private func day(_ text: String) -> Date { Day.date(text)! }

    @Test func issuesFollowTheirIndexes() throws {
        try heap.write { tracker in
            let paint = try tracker.add("Paint", to: "House", due: day("2026-12-01"))
            let roof = try tracker.add("Mend the roof", to: "House", due: day("2026-11-01"))
            try tracker.add("Dig", to: "Garden")
            #expect(tracker.projects.map(\.name) == ["House", "Garden"])
            #expect(tracker.issues(of: "House").map(\.title) == ["Paint", "Mend the roof"])
            #expect(tracker.issues(of: nil).map(\.title) == ["Mend the roof", "Paint", "Dig"])
            #expect(tracker.issues(of: "Boat").isEmpty)
            #expect(tracker.overdue(at: day("2026-11-15")).map(\.id) == [roof])
            try tracker.change(roof) { $0.state = .finished }
            #expect(tracker.overdue(at: day("2026-11-15")).isEmpty)
            #expect(tracker.counts == [.open: 2, .started: 0, .finished: 1])
            try tracker.change(paint) { $0.due = nil }
            #expect(tracker.issues(of: nil).map(\.id) == [roof, paint, Issue.RowID(3)])
        }
        #expect(throws: NoSuchIssue.self) {
            try heap.write { tracker in
                try tracker.add("Kept?", to: "House")
                try tracker.change(Issue.RowID(99)) { $0.state = .started }
            }
        }
        let count = try heap.read { $0.issues.count }
        #expect(count == 3)
    }

    /// Each thousand lines are there as a whole, and only once.
    @Test func anImportGoesOn() throws {
        let lines = (1 ... 2500).map { "Project \($0 % 7)\tIssue \($0)\t2027-01-01" }
        let text = lines.joined(separator: "\n") + "\nProject 1\tNo day\ttomorrow\n"
        var steps: [Int] = []
        #expect(throws: BadLine.self) {
            try Tracker.importIssues(from: text, named: "a", into: heap) { steps.append($0) }
        }
        #expect(steps == [1000, 2000])
        let repaired = text.replacing("tomorrow", with: "")
        try Tracker.importIssues(from: repaired, named: "a", into: heap) { steps.append($0) }
        #expect(steps == [1000, 2000, 2501])
        try Tracker.importIssues(from: repaired, named: "a", into: heap) { steps.append($0) }
        #expect(steps.count == 3)
        try heap.read { tracker in
            #expect(tracker.issues.count == 2501 && tracker.projects.count == 7)
            #expect(tracker.issues(of: nil).last?.title == "No day")
        }
    }

    /// Version 0 of the program estimated in days.
    @Test func oldEstimatesAreConverted() throws {
        let folder = try TemporaryFolder()
        let old = try TypedHeap<Tracker>.open(folder.file("a.heap"))
        try old.write { tracker in
            let id = try tracker.add("Paint", to: "House")
            try tracker.change(id) { $0.hours = 2 }
            try tracker.add("Dig", to: "Garden")
        }
        try old.close()
        for _ in 0 ..< 2 {
            let heap = try TypedHeap<Tracker>.open(
                folder.file("a.heap"), migrations: Tracker.migrations)
            let hours = try heap.read { $0.issues.map(\.hours) }
            #expect(hours == [16, nil])
            try heap.close()
        }
    }

    @Test func aReportIsOfOneMoment() throws {
        try heap.write { tracker in
            let id = try tracker.add("Paint", to: "House", due: day("2026-11-01"))
            try tracker.change(id) { issue in
                issue.hours = 3
                issue.tags = ["summer", "help"]
            }
            let done = try tracker.add("Mend the roof", to: "House")
            try tracker.change(done) { $0.state = .finished }
        }
        let snapshot = try heap.snapshot()
        try heap.write { $0.issues.removeAll() }
        let text = try snapshot.read { $0.report(at: day("2026-11-28")) }
        #expect(
            text == """
                Issues on 2026-11-28

                House: 1 of 2 open, 3.0 hours
                  1 [open] Paint, due 2026-11-01 #help #summer

                Overdue: 1

                """)
    }
}

/// The program: every command is a process of its own.
@Suite struct TrackerTests {
    private let folder: TemporaryFolder
    private let tracker: Example
    private let heap: String

    init() throws {
        folder = try TemporaryFolder()
        tracker = Example(name: "tracker", folder: folder)
        heap = folder.file("tracker.heap")
    }

    @Test func everyRunFindsWhatTheOnesBeforeItHaveLeft() throws {
        let added = try tracker.lines("add", heap, "House", "Paint", "--due", "2027-05-01")
        #expect(added == ["issue 1"])
        #expect(try tracker.lines("add", heap, "Garden", "Dig") == ["issue 2"])
        try tracker.lines("start", heap, "2")
        try tracker.lines("estimate", heap, "1", "3.5")
        try tracker.lines("tag", heap, "1", "summer")
        try tracker.lines("comment", heap, "1", "Blue, perhaps")
        #expect(
            try tracker.lines("list", heap)
                == ["1 [open] Paint, due 2027-05-01 #summer", "2 [started] Dig"])
        #expect(try tracker.lines("list", heap, "--project", "Garden") == ["2 [started] Dig"])
        let shown = try tracker.lines("show", heap, "1")
        #expect(shown.first == "House: 1 [open] Paint, due 2027-05-01 #summer")
        #expect(shown.last?.hasSuffix(": Blue, perhaps") == true)
        try tracker.lines("backup", heap, folder.file("copy.heap"))
        try tracker.lines("finish", heap, "2")
        #expect(try tracker.lines("list", heap).count == 1)
        #expect(try tracker.lines("list", heap, "--all").count == 2)
        #expect(try tracker.lines("list", folder.file("copy.heap")).count == 2)
        #expect(try tracker.lines("report", heap).contains("House: 1 of 1 open, 3.5 hours"))
    }

    @Test func mistakesGetOneLine() throws {
        #expect(try tracker.run("list", heap).isMistake(1, "no heap file"))
        try tracker.lines("add", heap, "House", "Paint")
        #expect(try tracker.run("finish", heap, "2").isMistake(1, "there is no issue 2"))
        #expect(try tracker.run("estimate", heap, "1", "long").isMistake(2, "HOURS"))
        #expect(try tracker.run("add", heap, "a", "b", "--due", "soon").isMistake(2, "write it as"))
        try folder.write("House\tno day\n", to: "bad")
        #expect(
            try tracker.run("import", heap, folder.file("bad")).isMistake(1, "cannot import"))
        #expect(try tracker.lines("list", heap) == ["1 [open] Paint"])
    }

    /// The import is killed between or inside two of its transactions, and run again.
    @Test func aKilledImportGoesOn() throws {
        let lines = (1 ... 20_000).map { "Project \($0 % 9)\tIssue \($0)\t\n" }
        try folder.write(lines.joined(), to: "lines")
        let first = try tracker.start(["import", heap, folder.file("lines")])
        let line = try #require(first.readLine(within: .seconds(120)))
        #expect(line == "1000 lines")
        _ = first.destroy()
        try tracker.lines("import", heap, folder.file("lines"))
        let opened = try TypedHeap<Tracker>.open(heap, migrations: Tracker.migrations)
        try opened.read { tracker in
            #expect(tracker.issues.count == 20_000)
            let titles = tracker.issues.map(\.title)
            #expect(titles == (1 ... 20_000).map { "Issue \($0)" })
        }
        let check = try opened.heap.check()
        #expect(check.isSound)
    }

    /// Another process changes the counts; a comment does not.
    @Test func watchingOtherProcesses() throws {
        try tracker.lines("add", heap, "House", "Paint")
        let watch = try tracker.start(["watch", heap, "--changes", "2"])
        #expect(watch.readLine(within: .seconds(60)) == "open 1, started 0, finished 0")
        try tracker.lines("comment", heap, "1", "Blue")
        try tracker.lines("start", heap, "1")
        #expect(watch.readLine(within: .seconds(60)) == "open 0, started 1, finished 0")
        try tracker.lines("finish", heap, "1")
        #expect(watch.readLine(within: .seconds(60)) == "open 0, started 0, finished 1")
        #expect(watch.waitForEnd() == .exited(0))
    }
}
