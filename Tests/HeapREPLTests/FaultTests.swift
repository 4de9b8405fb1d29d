import Foundation
import Holdfast
import Testing
import TestSupport

/// Files that are not heaps, and unwritable outputs: one clear line and the right status.
@Suite(.progress) struct FaultTests {
    /// One line, which names the file.
    private func expectOneLine(
        _ run: ProgramRun, _ words: String, status: Int32 = 1,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        #expect(run.status == status, sourceLocation: sourceLocation)
        #expect(run.errorLines.count == 1, "\(run.error)", sourceLocation: sourceLocation)
        #expect(
            run.error.hasPrefix("heap-repl: ") && run.error.contains(words), "\(run.error)",
            sourceLocation: sourceLocation)
    }

    @Test func wrongUsage() throws {
        for arguments in [
            [], ["a", "b"], ["--nonsense", "a"], ["--timeout"], ["--timeout", "soon", "a"], [""],
        ] {
            let run = try ProgramRun(arguments)
            #expect(run.status == 2, "\(arguments)")
            #expect(run.output == "")
            #expect(run.errorLines.dropFirst().first?.hasPrefix("usage: heap-repl") ?? false)
        }
        let help = try ProgramRun(["--help"])
        #expect(help.status == 0 && help.output.hasPrefix("usage: heap-repl") && help.error == "")
    }

    @Test func missingFilesAreMadeAndMissingFoldersAreNot() throws {
        let folder = try TemporaryFolder()
        #expect(try ProgramRun([folder.heap], script: "roots").lines == ["no roots yet"])
        #expect(folder.names == ["test.heap"])
        expectOneLine(
            try ProgramRun([folder.file("none/test.heap")], script: "1"), "none/test.heap")
        expectOneLine(
            try ProgramRun(["--read-only", folder.file("missing.heap")], script: "1"),
            "There is no heap file at")
        #expect(folder.names == ["test.heap"])
        expectOneLine(try ProgramRun([folder.path], script: "1"), "is a folder, not a heap file")
    }

    @Test func filesThatAreNoHeaps() throws {
        let folder = try TemporaryFolder()
        for (name, bytes) in [
            ("foreign", Data("not a heap at all".utf8)), ("zeros", Data(count: 100_000)),
            ("empty", Data()),
        ] {
            let path = folder.file(name)
            try bytes.write(to: URL(fileURLWithPath: path))
            expectOneLine(try ProgramRun([path], script: "1"), path)
            #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == bytes)
        }
    }

    /// Whatever single byte of a heap is changed: the answer is the same as before, or one line.
    @Test func damagedHeaps() throws {
        let folder = try TemporaryFolder()
        let script = "stock[\"bolt\"]\np\nlog.count\nlog.last"
        _ = try ProgramRun(
            [folder.heap],
            script:
                "struct P { name: String, x: Int }\np = P(name: \"a rather long name that lies in a block\", x: 1)\nstock = [\"bolt\": 5]\nlog = 0 ..< 5000"
        )
        let whole = try Data(contentsOf: URL(fileURLWithPath: folder.heap))
        let expected = try ProgramRun([folder.heap], script: script)
        #expect(expected.lines.count == 4 && expected.status == 0)
        var found = 0
        var random = SystemRandomNumberGenerator()
        for _ in 0 ..< 60 {
            var damaged = whole
            let place = Int.random(in: 0 ..< whole.count, using: &random)
            damaged[place] ^= UInt8(1 << Int.random(in: 0 ..< 8, using: &random))
            try damaged.write(to: URL(fileURLWithPath: folder.heap))
            let run = try ProgramRun([folder.heap], script: script)
            if run.status == 0 {
                #expect(run.output == expected.output, "byte \(place)")
            } else {
                expectOneLine(run, folder.heap)
                found += 1
            }
        }
        #expect(found > 0)
        // Truncated.
        try whole.prefix(whole.count / 2).write(to: URL(fileURLWithPath: folder.heap))
        expectOneLine(try ProgramRun([folder.heap], script: script), "is truncated")
    }

    @Test func heapsThatAreReadOnly() throws {
        let folder = try TemporaryFolder()
        _ = try ProgramRun([folder.heap], script: "n = 1")
        let run = try ProgramRun(["--read-only", folder.heap], script: "n + 1\nn = 2")
        #expect(run.lines == ["2"])
        #expect(run.status == 1)
        #expect(run.errorLines.first?.hasPrefix("heap-repl: line 2, column 1: ") ?? false)
        #expect(run.error.contains("was opened read-only"))
        #expect(try ProgramRun([folder.heap], script: "n").lines == ["1"])
    }

    /// While another process writes: reading continues, and writing waits as long as requested.
    @Test func heapsThatAreBusy() throws {
        let folder = try TemporaryFolder()
        _ = try ProgramRun([folder.heap], script: "n = 1")
        let heap = try PersistentHeap.open(folder.heap)
        try heap.write { tx in
            try tx.value("n", initial: 0).value = 2
            let run = try ProgramRun(["--timeout", "0.2", folder.heap], script: "n\nn = 3\n")
            #expect(run.status == 1)
            #expect(run.lines == ["1"])
            #expect(run.errorLines.count == 3)
            #expect(
                run.error.hasPrefix(
                    "heap-repl: line 2, column 1: \(folder.heap) could not be used in time"))
        }
        try heap.close()
        #expect(try ProgramRun([folder.heap], script: "n").lines == ["2"])
    }

    @Test func outputThatNobodyTakes() throws {
        let folder = try TemporaryFolder()
        // Earlier commits are kept, and later lines are not run.
        let script = "n = 1\nn\nn = 2\n"
        expectOneLine(
            try ProgramRun(shell: "exec \"$@\" >/dev/full", [folder.heap], script: script),
            "No space left on device")
        #expect(try ProgramRun([folder.heap], script: "n").lines == ["1"])
        expectOneLine(
            try ProgramRun([folder.heap], script: script, takesOutput: false), "Broken pipe")
        #expect(try ProgramRun([folder.heap], script: "n").lines == ["1"])
        let help = try ProgramRun(shell: "exec \"$@\" >/dev/full", ["--help"])
        expectOneLine(help, "No space left on device")
    }

    /// The file cannot grow any more: the line that needs it fails, and earlier lines are kept.
    @Test func filesThatCannotGrow() throws {
        let folder = try TemporaryFolder()
        let script = "log = [1, 2, 3]\nlog.count\nlog.append(contentsOf: 0 ..< 400000)\n"
        let run = try ProgramRun(
            shell: "ulimit -f 4096; exec \"$@\"", [folder.heap], script: script)
        #expect(run.lines == ["3"])
        #expect(run.status == 1)
        #expect(
            run.errorLines.first?.hasPrefix("heap-repl: line 3, column 1: ") ?? false,
            "\(run.error)")
        #expect(run.error.contains("a limit for the size of files was reached"))
        let after = try ProgramRun([folder.heap], script: "log")
        #expect(after.lines == ["[1, 2, 3]"])
        // In a transaction over several lines, all of it is lost, and the error names the line that
        // caused it.
        let longer = try ProgramRun(
            shell: "ulimit -f 4096; exec \"$@\"", [folder.heap],
            script: "begin\nlog.append(4)\nlog.append(contentsOf: 0 ..< 400000)\ncommit\n")
        #expect(longer.status == 1)
        #expect(
            ["heap-repl: line 3, column 1: ", "heap-repl: line 4, column 1: "].contains {
                longer.error.hasPrefix($0)
            },
            "\(longer.error)")
        #expect(longer.error.contains("a limit for the size of files was reached"))
        #expect(try ProgramRun([folder.heap], script: "log").lines == ["[1, 2, 3]"])
    }

    @Test func linesThatCannotBeRead() throws {
        let folder = try TemporaryFolder()
        let run = try ProgramRun(shell: "printf 'n = 1\\nn = \"\\377\"\\n' | \"$@\"", [folder.heap])
        #expect(run.status == 1)
        expectOneLine(run, "line 2 is not UTF-8")
        let long = try ProgramRun(
            shell: "(head -c 3000000 /dev/zero | tr '\\0' '1') 2>/dev/null | \"$@\"", [folder.heap])
        expectOneLine(long, "line 1 is longer than")
        #expect(try ProgramRun([folder.heap], script: "n").lines == ["1"])
    }
}
