import Foundation
import Holdfast
import Testing
import TestSupport

/// Cases of enums, and the values that have no literal of their own: lines can write them as they
/// are shown.
@Suite(.progress) struct EnumTests {
    @Persistable enum Status: Int { case open = 1, closed = 2, waiting = 5 }
    @Persistable enum Kind {
        case bug
        case task(String)
        case event(name: String, at: Date)
        case range(Range<Int>, weight: Double)
    }
    enum Tone { case loud, soft }
    @Persistable(.plain) struct Place { var x: Double; var tone: Tone }
    @Persistable struct Issue {
        var status: Status
        var kind: Kind
        var place: Place
        var cost: Decimal
        var link: URL?
        var time: Duration
        var big: Int128
        var huge: UInt128
        var span: Range<Int>
        var closed: ClosedRange<Double>
    }

    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        let heap = try PersistentHeap.open(folder.heap)
        try heap.write { tx in
            let issues = try tx.array("issues", of: Issue.self)
            issues.append(
                Issue(
                    status: .open, kind: .bug, place: Place(x: 1, tone: .soft), cost: 1,
                    link: nil, time: .seconds(2), big: 3, huge: 4, span: 1 ..< 2, closed: 1 ... 2))
            try tx.map("byTime", Duration.self, Int.self)[.milliseconds(5)] = 1
        }
        try heap.close()
    }

    private func run(_ script: String) throws -> ProgramRun {
        try ProgramRun([folder.heap], script: script)
    }

    @Test func whatIsShownCanBeWritten() throws {
        let values = [
            ("status", [".waiting", ".open"]),
            (
                "kind",
                [
                    ".task(\"t\")", ".bug",
                    ".event(name: \"x\", at: \"2026-01-31T12:00:00Z\")",
                    ".range(1..<4, weight: 2.0)",
                ]
            ),
            ("place.tone", [".loud", ".soft"]),
            ("cost", ["12.25", "-0.1", "\"123456789012345678901234567890.12\""]),
            ("link", ["\"https://example.com/a?b=c\"", "nil"]),
            ("time", [".seconds(1.5)", ".seconds(0.000000000000000001)", ".seconds(-3)"]),
            ("big", ["-170141183460469231731687303715884105727", "5"]),
            ("huge", ["\"340282366920938463463374607431768211455\"", "7"]),
            ("span", ["4..<9"]), ("closed", ["1.0...2.5"]),
        ]
        for (field, texts) in values {
            for text in texts {
                let result = try run("issues[0].\(field) = \(text)\nissues[0].\(field)\n")
                #expect(result.error == "", "\(field) \(text)")
                // More digits than a Double has are written as a string. Dates are shown bare.
                let isQuoted = field == "cost" || field == "huge" || field == "kind"
                let shown = result.output.trimmingCharacters(in: .newlines)
                let expected =
                    isQuoted && field != "kind"
                    ? text.replacingOccurrences(of: "\"", with: "")
                    : text.replacingOccurrences(
                        of: "\"2026-01-31T12:00:00Z\"", with: "2026-01-31T12:00:00Z")
                #expect(shown == expected, "\(field) \(text)")
            }
        }
        // The program reads what the lines have written.
        let heap = try PersistentHeap.open(folder.heap)
        try heap.read { tx in
            let issue = try tx.array("issues", of: Issue.self)[0]
            #expect(issue.status == .open && issue.time == .seconds(-3) && issue.huge == 7)
            #expect(issue.cost == Decimal(string: "123456789012345678901234567890.12"))
            #expect(issue.span == 4 ..< 9 && issue.closed == 1 ... 2.5 && issue.big == 5)
            if case .range(let range, let weight) = issue.kind {
                #expect(range == 1 ..< 4 && weight == 2)
            } else {
                #expect(Bool(false), "the case is another")
            }
        }
        let check = try heap.check()
        #expect(check.isSound, "\(check.problems)")
        try heap.close()
    }

    @Test func casesAreCompared() throws {
        let script = """
            issues[0].status == .open
            issues[0].status == Status.closed
            issues[0].status == 1
            issues[0].kind == .bug
            issues[0].kind = Kind.task("a")
            issues[0].kind == .task("a")
            issues[0].kind == .task("b")
            issues[0].time < .seconds(5) ? 1 : 2
            byTime[.milliseconds(5)]
            byTime[.seconds(1)] = 2
            byTime
            """
        let result = try run(script)
        #expect(result.lines.first == "true" && result.lines.dropFirst().first == "false")
        let rest = Array(result.lines.dropFirst(2))
        #expect(rest.prefix(4) == ["true", "true", "true", "false"])
    }

    @Test(arguments: [
        ("issues[0].kind = .nope", "Kind has no case nope; it has .bug, .task"),
        ("issues[0].kind = .event(nam: \"x\", at: \"2026-01-31T12:00:00Z\")", "no value nam"),
        ("issues[0].kind = .task", "has 1 value, not 0"),
        ("issues[0].status = .nope", "Status has no case nope; it has .closed, .open, .waiting"),
        ("issues[0].cost = \"x\"", "expected a Decimal"),
        ("issues[0].span = 1 ... 3", "expected a range, such as 1 ..< 5"),
        ("issues[0].closed = 5 ... 1", "ends before it begins"),
        ("issues[0].time = .hours(2)", "a Duration is written"),
        ("issues[0].link = \"http://[\"", "is not a URL"),
        ("x = .a", "alone has no type"),
        ("x = 99999999999999999999", "write its type"),
        ("issues[0].huge = -1", "does not fit"),
    ])
    func mistakesChangeNothing(_ line: String, _ message: String) throws {
        let before = try run("issues").output
        let result = try run(line)
        #expect(result.status == 1 && result.error.contains(message), "\(result.error)")
        #expect(try run("issues").output == before)
    }

    @Test func newRootsOfTheseTypes() throws {
        let script = """
            prices = sortedMap<Decimal, String>()
            prices[1.50] = "a"
            prices[0.1] = "b"
            prices[10] = "c"
            prices
            prices["1.5"]
            wide = map<Int128, Int>()
            wide[170141183460469231731687303715884105727] = 1
            wide
            limit: Duration = .milliseconds(20)
            limit
            struct Bill { price: Decimal, at: URL, t: Duration, big: Int128, u: UInt128 }
            bill = Bill(price: 1.25, at: "http://x.y", t: .seconds(2), big: 5, u: 6)
            bill.price = 2
            bill
            """
        let result = try run(script)
        #expect(result.error == "")
        #expect(
            result.lines == [
                "[0.1: \"b\", 1.5: \"a\", 10: \"c\"]", "\"a\"",
                "[170141183460469231731687303715884105727: 1]", ".seconds(0.02)",
                "Bill(price: 2, at: \"http://x.y\", t: .seconds(2), big: 5, u: 6)",
            ])
    }
}
