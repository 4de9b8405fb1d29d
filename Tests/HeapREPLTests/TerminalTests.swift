import Foundation
import Testing
import TestSupport

/// The program on a terminal of its own.
@Suite(.progress) struct TerminalTests {
    @Test func linesAreEdited() throws {
        let folder = try TemporaryFolder()
        let terminal = try folder.terminal()
        try terminal.waitForLast(">")
        // The middle is corrected with arrows, the end with backspaces, the beginning with Ctrl-A.
        terminal.type("1 + 25")
        terminal.press(.left, .left)
        terminal.type("0")
        try terminal.waitForLast("> 1 + 025")
        terminal.press(.left, .backspace)
        try terminal.waitForLast("> 1 +025")
        terminal.press(.controlA)
        terminal.type("10 *")
        try terminal.waitForLast("> 10 *1 +025")
        terminal.press(.enter)
        try terminal.waitFor("35")
        // Multi-byte and wide characters.
        terminal.type("\"añ数\"")
        terminal.press(.left, .backspace)
        terminal.press(.enter)
        try terminal.waitFor("\"añ\"")
        terminal.press(.controlD)
        #expect(try terminal.waitForEnd() == 0)
    }

    @Test func historyIsKeptBetweenRuns() throws {
        let folder = try TemporaryFolder()
        let first = try folder.terminal()
        try first.waitForLast(">")
        first.enter("n = 41")
        try first.waitForLast(">")
        first.enter("n + 1")
        try first.waitFor("42")
        // Killed: the history is kept all the same.
        first.kill(SIGKILL)
        #expect(try first.waitForEnd() == 128 + SIGKILL)
        let second = try folder.terminal()
        try second.waitForLast(">")
        second.press(.up)
        try second.waitForLast("> n + 1")
        second.press(.up)
        try second.waitForLast("> n = 41")
        second.press(.backspace)
        second.type("9")
        try second.waitForLast("> n = 49")
        second.press(.enter)
        try second.wait("a prompt") { $0.suffix(2) == ["> n = 49", ">"] }
        second.press(.up, .up)
        try second.waitForLast("> n + 1")
        second.press(.enter)
        try second.waitFor("50")
        #expect(
            try String(contentsOfFile: folder.file("history"), encoding: .utf8)
                == "n = 41\nn + 1\nn = 49\nn + 1\n")
        // Private to its user.
        let attributes = try FileManager.default.attributesOfItem(atPath: folder.file("history"))
        #expect(attributes[.posixPermissions] as? Int == 0o600)
    }

    @Test func tabCompletesRootsMembersAndCommands() throws {
        let folder = try TemporaryFolder()
        _ = try ProgramRun(
            [folder.heap],
            script:
                "stockOfParts = [\"bolt\": 1]\nstruct Point { longField: Double }\np = Point(longField: 2.5)\nlog = [1, 2]"
        )
        let terminal = try folder.terminal()
        try terminal.waitForLast(">")
        terminal.type("stockO\t")
        try terminal.waitForLast("> stockOfParts")
        terminal.type(".co\t")
        try terminal.waitForLast("> stockOfParts.count")
        terminal.press(.enter)
        try terminal.waitFor("1")
        terminal.type("1 + p.lon\t")
        try terminal.waitForLast("> 1 + p.longField")
        terminal.press(.enter)
        try terminal.waitFor("3.5")
        terminal.type("watch sto\t")
        try terminal.waitForLast("> watch stockOfParts")
        terminal.press(.controlC)
        try terminal.waitForLast(">")
        // A member's members; a type; commands only at the beginning of a line.
        terminal.type("stockOfParts.keys.sor\t")
        try terminal.waitForLast("> stockOfParts.keys.sorted")
        terminal.type("()")
        terminal.press(.enter)
        try terminal.waitFor("[\"bolt\"]")
        terminal.type("q = Poi\t")
        try terminal.waitForLast("> q = Point")
        terminal.press(.controlC)
        try terminal.waitForLast(">")
        terminal.type("com\t")
        try terminal.waitForLast("> commit")
        terminal.press(.controlC)
        try terminal.waitForLast(">")
        // Several candidates are listed.
        terminal.type("log.remove\t\t")
        try terminal.wait("a list") { lines in
            ["remove ", "removeAll", "removeLast"].allSatisfy { name in
                lines.contains { ($0 + " ").contains(name) }
            }
        }
        terminal.press(.controlC)
        try terminal.waitForLast(">")
        terminal.press(.controlD)
        #expect(try terminal.waitForEnd() == 0)
    }

    @Test func inputGoesOverSeveralLines() throws {
        let folder = try TemporaryFolder()
        let terminal = try folder.terminal()
        try terminal.waitForLast(">")
        terminal.enter("log = [")
        try terminal.waitForLast("...")
        terminal.enter("1,")
        try terminal.waitForLast("...")
        terminal.enter("2]")
        try terminal.waitForLast(">")
        terminal.enter("log")
        try terminal.waitFor("[1, 2]")
        // An error on the second line shows that line.
        terminal.enter("log.append(")
        try terminal.waitForLast("...")
        terminal.enter("  \"three\")")
        try terminal.waitFor("    \"three\")")
        try terminal.waitFor("    ^")
        try terminal.waitFor("error: expected an Int instead of a String")
        // Ctrl-C discards the whole input.
        terminal.enter("log = [")
        try terminal.waitForLast("...")
        terminal.press(.controlC)
        try terminal.waitForLast(">")
        terminal.enter("log.count")
        try terminal.waitFor("2")
    }

    @Test func errorsPointAndTheSessionGoesOn() throws {
        let folder = try TemporaryFolder()
        let terminal = try folder.terminal(["NO_COLOR": "1"])
        try terminal.waitForLast(">")
        terminal.enter("1 + (2 / 0)")
        try terminal.waitFor("  1 + (2 / 0)")
        try terminal.waitFor("         ^")
        try terminal.waitFor("error: division by zero")
        terminal.enter("6 * 7")
        try terminal.waitFor("42")
        #expect(!terminal.output.contains(colouring))
        terminal.enter("quit")
        #expect(try terminal.waitForEnd() == 0)
    }

    private let colouring = "\u{1B}[31m"

    @Test func errorsAreRedOnATerminalOnly() throws {
        let folder = try TemporaryFolder()
        let terminal = try folder.terminal()
        try terminal.waitForLast(">")
        terminal.enter("1 / 0")
        try terminal.waitFor("error: division by zero")
        #expect(terminal.output.contains(colouring))
        terminal.press(.controlD)
        #expect(try terminal.waitForEnd() == 0)
        #expect(try !ProgramRun([folder.heap], script: "1 / 0").error.contains("\u{1B}"))
    }

    /// Ctrl-C while a line is typed, and inside a transaction, changes nothing; Ctrl-D inside a
    /// transaction rolls it back.
    @Test func controlCLeavesTheHeapAsItWas() throws {
        let folder = try TemporaryFolder()
        let terminal = try folder.terminal()
        try terminal.waitForLast(">")
        terminal.enter("n = 1")
        try terminal.waitForLast(">")
        terminal.type("n = 2")
        try terminal.waitForLast("> n = 2")
        terminal.press(.controlC)
        try terminal.waitForLast(">")
        terminal.enter("n + 100")
        try terminal.waitFor("101")
        terminal.enter("begin")
        try terminal.waitForLast("begin>")
        terminal.enter("n = 3")
        try terminal.waitForLast("begin>")
        terminal.type("n = 4")
        try terminal.waitForLast("begin> n = 4")
        terminal.press(.controlC)
        try terminal.waitForLast("begin>")
        // The transaction is still open, with the changes of the lines entered.
        terminal.enter("n + 100")
        try terminal.waitFor("103")
        terminal.press(.controlD)
        #expect(try terminal.waitForEnd() == 0)
        #expect(
            terminal.lines.contains(
                "the transaction was not committed and has been rolled back"))
        #expect(try ProgramRun([folder.heap], script: "n").lines == ["1"])
        #expect(folder.names == ["history", "test.heap"])
    }

    /// Ctrl-C while a long line runs rolls back its changes so far.
    @Test func controlCStopsALineThatRuns() throws {
        let folder = try TemporaryFolder()
        let terminal = try folder.terminal()
        try terminal.waitForLast(">")
        terminal.enter("log = array<Int>()")
        try terminal.waitForLast(">")
        terminal.enter("log.append(contentsOf: 0 ..< 1000000)")
        try terminal.waitUntilTaken()
        terminal.press(.controlC)
        try terminal.wait("the word") {
            $0.contains { $0.contains("interrupted; nothing was changed") }
        }
        try terminal.waitForLast(">")
        terminal.enter("log.count + 70")
        try terminal.waitFor("70")
    }

    /// Inside a transaction, which continues: whenever Ctrl-C comes, the line has happened as a
    /// whole or not at all.
    @Test func controlCStopsALineOfATransactionAsAWhole() throws {
        let folder = try TemporaryFolder()
        let terminal = try folder.terminal()
        try terminal.waitForLast(">")
        terminal.enter("log = [7]")
        try terminal.waitForLast(">")
        terminal.enter("begin")
        try terminal.waitForLast("begin>")
        for round in 0 ..< 10 {
            terminal.enter("log.append(contentsOf: 0 ..< 100000)")
            try terminal.waitUntilTaken()
            usleep(UInt32(round) * 50_000)
            terminal.press(.controlC)
            // The prompt after it, and not one that the line may have reached before.
            try terminal.wait("the ^C and a prompt") { lines in
                lines.filter { $0.contains("^C") }.count == round + 1
                    && lines.last { !$0.isEmpty } == "begin>"
            }
            try terminal.waitForLast("begin>")
            // If it came too late for the line, it has discarded an empty one.
            terminal.enter("log.count % 100000 + 20")
            try terminal.waitFor("21")
        }
        terminal.enter("abort")
        try terminal.waitForLast(">")
        terminal.enter("log")
        try terminal.waitFor("[7]")
    }

    /// Within a transaction that continues, a failed statement leaves no changes.
    @Test func aStatementThatFailsInATransactionChangesNothing() throws {
        let folder = try TemporaryFolder()
        _ = try ProgramRun(
            [folder.heap], script: "tags = map<String, array<String>>()\nn = 1\nlog = [1]")
        let terminal = try folder.terminal()
        try terminal.waitForLast(">")
        terminal.enter("begin")
        try terminal.waitForLast("begin>")
        for (line, error) in [
            (
                "tags[\"a\", default: []].append(5)",
                "error: expected a String instead of an Int"
            ),
            ("delete n, missing", "error: there is no root missing; `roots` lists all roots"),
            (
                "log.append(contentsOf: [2, \"x\"])",
                "error: expected an Int instead of a String"
            ),
            ("log = [2, \"x\"]", "error: expected an Int instead of a String"),
        ] {
            terminal.enter(line)
            try terminal.waitFor(error)
        }
        terminal.enter("commit")
        try terminal.waitForLast(">")
        terminal.enter("tags.count + n * 10 + log.count * 100")
        try terminal.waitFor("110")
    }

    /// Without line editing, lines are read as they are.
    @Test func aTerminalThatCannotEditGetsPlainLines() throws {
        let folder = try TemporaryFolder()
        let terminal = try folder.terminal(["TERM": "dumb"])
        try terminal.waitForLast(">")
        terminal.enter("n = [1,")
        try terminal.waitForLast("...")
        terminal.enter("2]")
        try terminal.waitForLast(">")
        terminal.type("n.count + 1")
        terminal.press(.controlC)
        try terminal.waitForLast(">")
        terminal.enter("n.count + 7")
        try terminal.waitFor("9")
        terminal.enter("1 / 0")
        try terminal.waitFor("error: division by zero")
        #expect(!terminal.output.contains("\u{1B}"))
        terminal.press(.controlD)
        #expect(try terminal.waitForEnd() == 0)
    }

    @Test func watchIsUpdatedLive() throws {
        let folder = try TemporaryFolder()
        _ = try ProgramRun([folder.heap], script: "stock = [\"bolt\": 120, \"nut\": 7]")
        let terminal = try folder.terminal()
        try terminal.waitForLast(">")
        terminal.enter("watch stock")
        try terminal.waitForLast("stock = [\"bolt\": 120, \"nut\": 7]")
        _ = try ProgramRun([folder.heap], script: "stock[\"bolt\"] += 5")
        try terminal.waitForLast("stock[\"bolt\"] = 125")
        _ = try ProgramRun(
            [folder.heap], script: "begin\nstock[\"nut\"] = nil\nstock[\"cog\"] = 1\ncommit")
        try terminal.wait("both changes") {
            $0.filter { !$0.isEmpty }.suffix(2) == ["stock[\"nut\"] = nil", "stock[\"cog\"] = 1"]
        }
        // Changes of other roots are not shown.
        _ = try ProgramRun([folder.heap], script: "other = 1")
        _ = try ProgramRun([folder.heap], script: "delete stock")
        try terminal.wait("the end of it") {
            $0.filter { !$0.isEmpty }.suffix(2) == ["stock[\"cog\"] = 1", "delete stock"]
        }
        terminal.press(.controlC)
        try terminal.waitForLast(">")
        terminal.enter("other")
        try terminal.waitFor("1")
    }
}
