import Foundation
import Holdfast
import Testing

@Suite struct LogAnalyserTests {
    private let folder: TemporaryFolder
    private let analyser: Example
    private let log: String
    private let heap: String

    init() throws {
        folder = try TemporaryFolder()
        analyser = Example(name: "log-analyser", folder: folder)
        log = folder.file("web.log")
        heap = folder.file("web.heap")
    }

    private func line(
        _ hour: String, _ path: String, _ status: Int, _ bytes: Int, _ seconds: String
    ) -> String {
        "10.0.0.1 - - [\(hour):30:00 +0000] \"GET \(path) HTTP/1.1\" \(status) \(bytes) \(seconds)\n"
    }

    @Test func figuresAreThoseOfTheLines() throws {
        let strange = [
            "", "not a line of a log", "[:: \"GET / \" 99 1",
            "[a:b: \"GET / HTTP\" 200 9999999999999 1", "\u{0}\u{1}[\"\"",
        ]
        let quick = line("21/Nov/2026:11", "/index.html?from=7", 200, 1_000_000, "0.004")
        let slow = line("03/Dec/2026:09", "/index.html", 404, 500_000, "1.25")
        let other = line("03/Dec/2026:09", "/other", 200, 100_000, "0.000250")
        let untimed = "10.0.0.1 - - [03/Dec/2026:09:00:00 +0000] \"POST /form HTTP/1.1\" 302 0\n"
        try folder.write(
            [quick, slow, other, strange.map { $0 + "\n" }.joined(), untimed, "unfinished"]
                .joined(), to: "web.log")
        let counted = try analyser.lines("count", heap, log)
        #expect(
            counted.count == 1 && counted[0].hasPrefix("9 lines, 0.0 MB counted in"), "\(counted)")
        let shown = try analyser.lines("show", heap)
        let figures = [
            "9 lines, 0.0 MB of log; 1.6 MB sent", "5 lines are not as a web server writes them",
            "by status:", "  200  2",
            "  302  1",
            "  404  1", "busiest hours, of 2:", "  2026-12-03 09h  3", "  2026-11-21 11h  1",
            "most wanted paths, of 3:",
            "  /index.html  2, 1.5 MB", "  /form  1, 0.0 MB", "  /other  1, 0.1 MB",
            "slowest requests:",
        ]
        let slowest = [
            "  1250 ms  " + slow, "  4 ms  " + quick, "  0 ms  " + other, "  0 ms  " + untimed,
        ].map {
            String($0.dropLast())
        }
        #expect(shown == figures + slowest)
        // The last line is completed, and only then counted.
        try folder.append(" now\n", to: "web.log")
        #expect(try analyser.lines("count", heap, log)[0].hasPrefix("1 lines"))
        #expect(try analyser.lines("show", heap)[1].hasPrefix("6 lines are not"))
        #expect(try analyser.lines("count", heap, log)[0].hasPrefix("0 lines"))
    }

    /// A program that is killed repeatedly while it counts, at any instruction, ends with the
    /// figures of an undisturbed run.
    @Test func killedWhileCounting() throws {
        try analyser.lines("generate", log, "4")
        let whole = folder.file("whole.heap")
        try analyser.lines("count", whole, log)
        let right = try analyser.lines("show", whole)
        #expect(right[0].contains("of log") && right.contains { $0.hasPrefix("  200  ") })
        // Creates the heap, so that the test can inspect it.
        let first = try PersistentHeap.open(heap)
        try first.close()
        var kills = 0
        for attempt in 0 ..< 30 {
            let watched = try PersistentHeap.open(heap, mode: .readOnly)
            var seen = try watched.read { $0.version }
            let process = try analyser.start(["count", heap, log, "--portion", "2"])
            // Some commits, and then some instructions.
            for _ in 0 ..< 3 + attempt % 5 {
                _ = try watched.waitForChange(since: seen, timeout: .seconds(10))
                seen = try watched.read { $0.version }
            }
            for _ in 0 ..< attempt * 1000 where watched.version < seen { break }
            if process.destroy() == .signalled(SIGKILL) { kills += 1 } else { break }
            try watched.close()
        }
        #expect(kills >= 1)
        try analyser.lines("count", heap, log)
        #expect(try analyser.lines("show", heap) == right)
        #expect(try analyser.lines("count", heap, log)[0].hasPrefix("0 lines"))
    }

    @Test func aGrowingLogIsCountedOn() throws {
        try analyser.lines("generate", log, "1")
        try analyser.lines("count", heap, log)
        try analyser.lines("generate", log, "1", "--append")
        try analyser.lines("count", heap, log)
        let whole = folder.file("whole.heap")
        try analyser.lines("count", whole, log, "--portion", "100")
        #expect(try analyser.lines("show", heap) == analyser.lines("show", whole))
        let lines = try String(contentsOfFile: log, encoding: .utf8).utf8.reduce(0) {
            $0 + ($1 == 10 ? 1 : 0)
        }
        #expect(try analyser.lines("show", heap)[0].hasPrefix("\(lines) lines, "))
    }

    @Test func mistakesGetOneLine() throws {
        for arguments in [
            [], ["count", heap], ["show"], ["count", heap, log, "--portion", "0"],
            ["generate", log, "0"],
        ] {
            let outcome = try analyser.run(arguments)
            #expect(
                [1, 2].contains(outcome.status) && outcome.error.split(separator: "\n").count == 1,
                "\(arguments): \(outcome)")
        }
        #expect(try analyser.run("count", heap, log).isMistake(1, "No such file"))
        #expect(try analyser.run("count", heap, folder.path).isMistake(1, "Name a file"))
        #expect(try analyser.run("show", heap).isMistake(1, "no heap file"))
        #expect(folder.names == [])
        try analyser.lines("generate", log, "1")
        try analyser.lines("count", heap, log)
        // A different log in its place, and one that has been truncated.
        let text = try String(contentsOfFile: log, encoding: .utf8)
        for other in [String(text.dropLast(1000)), "x" + text, ""] {
            try folder.write(other, to: "web.log")
            #expect(
                try analyser.run("count", heap, log).isMistake(1, "is not the log that was counted")
            )
        }
        #expect(try analyser.run("count", log, log).status == 1)
        try folder.write(String(repeating: "no heap\n", count: 2000), to: "foreign")
        #expect(
            try analyser.run("show", folder.file("foreign")).isMistake(1, "not a Holdfast heap"))
    }
}
