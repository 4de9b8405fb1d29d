import Foundation
import Holdfast
import Testing

@Suite struct TaskListTests {
    private let folder: TemporaryFolder
    private let tasks: Example
    private let heap: String

    init() throws {
        folder = try TemporaryFolder()
        tasks = Example(name: "task-list", folder: folder)
        heap = folder.file("tasks.heap")
    }

    /// Every command is a separate run, so all data that it finds has come through the file.
    @Test func everyRunFindsWhatTheOnesBeforeItHaveLeft() throws {
        try tasks.lines("person", heap, "Ada", "--mail", "ada@example.org", "--city", "London")
        #expect(
            try tasks.lines("add", heap, "Write the notes", "--due", "2026-12-24", "--for", "Ada")
                == ["task 1"])
        #expect(try tasks.lines("add", heap, "Buy milk") == ["task 2"])
        #expect(
            try tasks.lines(
                "add", heap, "Pay the rent, which is due every month", "--due", "2026-12-01") == [
                    "task 3"
                ])
        try tasks.lines("note", heap, "1", "Chapter one is done")
        // The person is referred to, not copied: her tasks show her current address.
        try tasks.lines("person", heap, "Ada", "--city", "Ashley Combe", "--street", "The Lodge")
        let today = Date().formatted(.iso8601.year().month().day())
        let first = [
            "   1 [ ] Write the notes, due 2026-12-24, for Ada (ada@example.org, The Lodge, Ashley Combe)",
            "       \(today): Chapter one is done",
        ]
        #expect(
            try tasks.lines("list", heap)
                == ["   3 [ ] Pay the rent, which is due every month, due 2026-12-01"] + first + [
                    "   2 [ ] Buy milk"
                ])
        #expect(try tasks.lines("find", heap, "CHAPTER") == first)
        #expect(try tasks.lines("find", heap, "ada") == first)
        try tasks.lines("done", heap, "3")
        #expect(try tasks.lines("list", heap) == first + ["   2 [ ] Buy milk"])
        #expect(
            try tasks.lines("list", heap, "--all").first
                == "   3 [x] Pay the rent, which is due every month, due 2026-12-01")
        try tasks.lines("remove", heap, "2")
        #expect(try tasks.lines("list", heap) == first)
        #expect(folder.names == ["tasks.heap"])
    }

    @Test func manyTasksComeBackInOrder() throws {
        for number in 1 ... 40 {
            #expect(
                try tasks.lines("add", heap, "Task with number \(number)") == ["task \(number)"])
        }
        for number in stride(from: 1, through: 40, by: 2) {
            try tasks.lines("done", heap, "\(number)")
        }
        let open = try tasks.lines("list", heap)
        #expect(
            open
                == stride(from: 2, through: 40, by: 2).map {
                    ($0 < 10 ? "   " : "  ") + "\($0) [ ] Task with number \($0)"
                })
    }

    @Test func mistakesGetOneLine() throws {
        for arguments in [
            [], ["add"], ["add", heap], ["add", heap, ""], ["add", heap, "a", "b"],
            ["add", heap, "a", "--for"], ["frob", heap],
        ] {
            let outcome = try tasks.run(arguments)
            #expect(outcome.isMistake(2, "task-list: "), "\(arguments): \(outcome)")
        }
        for day in ["tomorrow", "2026-02-30", "2026-1-1", "20261224", ""] {
            #expect(
                try tasks.run("add", heap, "title", "--due", day).isMistake(2, "write it as"),
                "\(day)")
        }
        for number in ["0", "-1", "one", "99999999999999999999"] {
            #expect(try tasks.run("done", heap, number).isMistake(2, "NUMBER"), "\(number)")
        }
        #expect(!FileManager.default.fileExists(atPath: heap))
        for command in [
            ["list"], ["find", "x"], ["done", "1"], ["note", "1", "x"], ["remove", "1"],
        ] {
            let outcome = try tasks.run([command[0], heap] + command.dropFirst())
            #expect(outcome.isMistake(1, "no heap file"), "\(command): \(outcome)")
        }
        try tasks.lines("add", heap, "title")
        #expect(try tasks.run("done", heap, "2").isMistake(1, "there is no task 2"))
        #expect(
            try tasks.run("add", heap, "other", "--for", "Nobody").isMistake(
                1, "there is no person \"Nobody\""))
        #expect(try tasks.lines("list", heap) == ["   1 [ ] title"])
        #expect(try tasks.lines("--help").first?.hasPrefix("usage: task-list add") == true)
        // After a lone `--`, an argument that begins with dashes is a title. A title of several
        // lines becomes one line.
        try tasks.lines("add", heap, "--", "--due")
        try tasks.lines("add", heap, "several\nlines")
        #expect(
            try tasks.lines("list", heap).dropFirst() == [
                "   2 [ ] --due", "   3 [ ] several lines",
            ])
    }

    @Test func filesThatAreNoTaskListsAreRefused() throws {
        try folder.write("", to: "empty")
        try folder.write(String(repeating: "not a heap\n", count: 1000), to: "foreign")
        try PersistentHeap.open(folder.file("other")).write {
            try $0.array("tasks", of: Int.self).append(1)
        }
        for (name, part) in [
            ("empty", "is empty"), ("foreign", "not a Holdfast heap"), ("other", "tasks"),
            (".", "is a folder"),
        ] {
            for command in [["add", "x"], ["list"]] {
                let outcome = try tasks.run([command[0], folder.file(name)] + command.dropFirst())
                #expect(outcome.isMistake(1, part), "\(command) \(name): \(outcome)")
            }
        }
    }

    /// One byte is changed in each page of the file in turn. The result is an error or the right
    /// answer, and never a trap.
    @Test func damagedFilesAreRefused() throws {
        for number in 1 ... 20 { try tasks.lines("add", heap, "Task with number \(number)") }
        let right = try tasks.lines("list", heap)
        let whole = try Data(contentsOf: URL(filePath: heap))
        var refused = 0
        for page in 0 ..< whole.count / 4096 {
            var bytes = whole
            bytes[page * 4096 + 40] ^= 0x15
            try bytes.write(to: URL(filePath: folder.file("damaged")))
            let outcome = try tasks.run("list", folder.file("damaged"))
            if outcome.status == 0 {
                #expect(outcome.lines == right)
            } else {
                #expect(outcome.isMistake(1, "damaged"), "page \(page): \(outcome)")
            }
            if outcome.status == 1 { refused += 1 }
        }
        #expect(refused > 1)
    }

    @Test func aHeapThatIsBusyEndsInAnError() throws {
        try tasks.lines("add", heap, "title")
        let other = try PersistentHeap.open(heap)
        try other.write { _ in
            let writer = try tasks.run("add", heap, "waits")
            #expect(writer.isMistake(1, "could not be used in time"), "\(writer)")
            // Readers never wait for a writer.
            let reader = try tasks.lines("list", heap)
            #expect(reader == ["   1 [ ] title"])
        }
        try other.close()
    }

    /// A reader that stops reading is not an error; a full disk behind standard output is.
    @Test func closedAndFullOutputs() throws {
        for number in 1 ... 3 { try tasks.lines("add", heap, "Task \(number)") }
        let program = productsFolder.appendingPathComponent("task-list").path
        // The reader ends before the writer writes: the writer waits for a file that the reader
        // leaves behind.
        let closed = try shell(
            "(sleep 0.2; '\(program)' list '\(heap)'; echo $? > status) | true; while [ ! -s status ]; do sleep 0.05; done; cat status",
            in: folder)
        #expect(closed == "0\n")
        #if os(Linux)
            let full = try shell("'\(program)' list '\(heap)' 2>&1 >/dev/full; echo $?", in: folder)
            #expect(full == "standard output cannot be written: No space left on device\n1\n")
        #endif
    }
}
