import Foundation
import Testing
import TestSupport

/// Every line of `help`, tried like a reader would.
@Suite(.progress) struct HelpTests {
    /// The preparation of the heap before an example is typed.
    private static let preparation = """
        stock = ["bolt": 120, "nut": 7]
        log = [3.5, 4.5]
        tags = set<String>()
        prices = sortedMap<Int, String>()
        prices = [5: "a", 10: "b", 15: "c", 20: "d"]
        n = 40
        struct Point { x: Double, y: Double }

        """

    /// Examples of one line, the lines that follow them, and the output.
    private static let scripts: [String: (after: [String], shown: [String])] = [
        "stock = map<String, Int>()": (
            ["stock.count", "other = map<String, Int>()", "other"], ["2", "[:]"]
        ),
        "log = array<Double>()": (
            ["log", "fresh = array<Double>()", "fresh.count"], ["[3.5, 4.5]", "0"]
        ),
        "n = 5": (["n", "m = 6", "m + n"], ["5", "11"]),
        "small: Int8 = 5": (["small"], ["5"]),
        "time: Duration = .seconds(1.5)": (["time"], [".seconds(1.5)"]),
        "delete stock": (["roots"], ["log", "n", "prices", "tags"]),
        "roots": ([], ["log", "n", "prices", "stock", "tags"]),
        "stock[\"bolt\"] = 120": (
            ["stock[\"bolt\"]", "stock[\"bolt\"] = nil", "stock"], ["120", "[\"nut\": 7]"]
        ),
        "stock[\"bolt\", default: 0] += 5": (
            ["stock[\"cog\", default: 1] += 5", "stock"],
            ["[\"bolt\": 125, \"cog\": 6, \"nut\": 7]"]
        ),
        "stock[\"bolt\"]": (["stock[\"cog\"]"], ["120", "nil"]),
        "stock.keys.sorted()": (
            ["stock.values.sum()", "log.min()", "log.prefix(1)"],
            ["[\"bolt\", \"nut\"]", "127", "3.5", "[3.5]"]
        ),
        "log.append(3.5)": (
            [
                "log.insert(1, at: 0)", "log", "log.remove(at: 0)", "log.removeLast()", "log",
                "log.removeAll()", "log",
            ],
            ["[1.0, 3.5, 4.5, 3.5]", "1.0", "3.5", "[3.5, 4.5]", "[]"]
        ),
        "log[0]": (["log[0 ..< 2]"], ["3.5", "[3.5, 4.5]"]),
        "log.count": (["log.isEmpty", "log.first", "log.last"], ["2", "false", "3.5", "4.5"]),
        "tags.insert(\"new\")": (
            ["tags.contains(\"new\")", "tags.remove(\"new\")", "tags"],
            ["true", "true", "\"new\"", "[]"]
        ),
        "prices[10 ..< 20]": (
            ["prices.first", "prices.last"],
            ["[10: \"b\", 15: \"c\"]", "(key: 5, value: \"a\")", "(key: 20, value: \"d\")"]
        ),
        "log.count * 2 + n": (
            ["n > 39 && !(n == 41) ? \"yes\" : \"no\"", "stock[\"cog\"] ?? 0"],
            ["44", "\"yes\"", "0"]
        ),
        "struct Point { x: Double, y: Double }": (
            ["q = Point(x: 0, y: 0)", "q"], ["Point(x: 0.0, y: 0.0)"]
        ),
        "p = Point(x: 1, y: 2)": (
            ["p", "path = array<Point>()", "path.append(p)", "path"],
            ["Point(x: 1.0, y: 2.0)", "[Point(x: 1.0, y: 2.0)]"]
        ),
        "p.x += 1": (["p"], ["Point(x: 2.0, y: 2.0)"]),
        "begin": (["n = 41", "n", "abort", "n"], ["41", "40"]),
        "commit": (["n"], ["41"]),
        "abort": (["n"], ["40"]),
        "sync": (["n"], ["40"]),
        "help": ([], ["Roots"]),
        "quit": (["n"], []),
    ]

    /// Input that some examples need first.
    private static let before = [
        "p.x += 1": "p = Point(x: 1, y: 2)\n", "commit": "begin\nn = 41\n",
        "abort": "begin\nn = 41\n",
    ]

    /// Examples with tests of their own: `watch` in `SharingTests` and `TerminalTests`, `stats` and
    /// `map` in `StatisticsTests`.
    private static let elsewhere: Set<String> = ["watch stock", "stats", "map"]

    @Test func everyExampleDoesWhatHelpSays() throws {
        let first = try TemporaryFolder()
        let help = try ProgramRun([first.heap], script: "help\n")
        #expect(help.status == 0)
        let examples = help.lines.filter { $0.hasPrefix("  ") }.map { line in
            let end = line.dropFirst(2).range(of: "  ")!.lowerBound
            return String(line.dropFirst(2)[..<end])
        }
        #expect(examples.count >= 25)
        for example in examples where !Self.elsewhere.contains(example) {
            guard let expected = Self.scripts[example] else {
                Issue.record("nothing tries the example \(example)")
                continue
            }
            let folder = try TemporaryFolder()
            let script =
                Self.preparation + Self.before[example, default: ""]
                + ([example] + expected.after).joined(separator: "\n")
            let run = try ProgramRun([folder.heap], script: script)
            #expect(run.status == 0, "\(example): \(run.error)")
            // For the list of roots only the names, and for help its first line.
            let shown =
                example == "roots" || example == "delete stock"
                ? run.lines.map { $0.prefix { $0 != " " } }.map(String.init) : run.lines
            #expect(
                example == "help"
                    ? Array(shown.prefix(1)) == expected.shown : shown == expected.shown,
                "\(example)")
        }
        #expect(Set(Self.scripts.keys).union(Self.elsewhere) == Set(examples))
    }
}
