import Foundation
import Holdfast
import Testing
import TestSupport

/// Lines from a pipe: their results, and the position of the first error.
@Suite(.progress) struct ScriptTests {
    private func run(_ script: String, heap: String? = nil) throws -> ProgramRun {
        let folder = try TemporaryFolder()
        return try ProgramRun([heap ?? folder.heap], script: script)
    }

    @Test func aWholeSession() throws {
        let folder = try TemporaryFolder()
        let script = """
            // An inventory, from nothing.
            struct Place { row: Int32, shelf: Int32 }
            struct Part {
                name: String
                weight: Double?
                tags: array<String>
                at: Place
            }
            parts = map<String, Part>()
            parts["bolt"] = Part(name: "Bolt", tags: ["steel", "M8"], at: Place(row: 1, shelf: 2))
            parts["nut"] = Part(name: "Nut", weight: 0.25, tags: [], at: Place(row: 1, shelf: 3))
            parts["bolt"].tags.append("zinc")
            parts["bolt"].at.row += 10
            parts["bolt"]?.weight
            parts["bolt"].weight = 2
            parts["bolt"]
            parts["cog"]?.name ?? "none"
            parts.count
            queue = deque<Int>()
            queue.append(contentsOf: 1 ... 5)
            queue.prepend(0); queue.removeLast(); queue
            queue[1...]
            byTag = map<String, set<String>>()
            byTag["steel", default: []].insert("bolt")
            byTag["steel", default: []].insert("bolt")
            byTag
            seen = sortedSet<String>()
            seen = ["c", "a", "b", "a"]
            seen["a" ... "b"]
            when = Date("2026-01-31T12:00:00Z")
            when
            maybe: Int? = nil
            maybe == nil
            maybe = 3
            maybe! + 1
            matrix = [[1, 2], [3, 4]]
            matrix[1][0] *= 10
            matrix
            "caf\\u{E9}".uppercased() + "!"
            [3, 1, 2].sorted(by: >)
            delete maybe, when
            """
        let first = try run(script, heap: folder.heap)
        #expect(first.error == "")
        #expect(first.status == 0)
        #expect(
            first.lines == [
                "nil",
                #"Part(name: "Bolt", weight: 2.0, tags: ["steel", "M8", "zinc"], at: Place(row: 11, shelf: 2))"#,
                "\"none\"", "2",
                "5", "[0, 1, 2, 3, 4]", "[1, 2, 3, 4]", "true", "false", #"["steel": ["bolt"]]"#,
                #"["a", "b"]"#,
                "2026-01-31T12:00:00Z",
                "true", "4", "[[1, 2], [30, 4]]", "\"CAFÉ!\"", "[3, 2, 1]",
            ])
        // Types declared in an earlier run are known from the roots made of them.
        let second = try run(
            "parts[\"cog\"] = Part(name: \"Cog\", tags: [], at: Place(row: 0, shelf: 0))\nparts.keys.sorted()\nroots",
            heap: folder.heap)
        #expect(second.error == "")
        #expect(
            second.lines == [
                #"["bolt", "cog", "nut"]"#, "byTag   Map<String, Set<String>>  1 entry",
                "matrix  Array<Array<Int>>         2 elements",
                "parts   Map<String, Part>         3 entries",
                "queue   Deque<Int>                5 elements",
                "seen    SortedSet<String>         3 elements",
            ])
        #expect(folder.names == ["test.heap"])
    }

    /// A script, and the line, column and a part of the message of its first error.
    private static let errors: [(script: String, line: Int, column: Int, message: String)] = [
        ("stock = map<String, Int>()\nstok[\"bolt\"]", 2, 1, "is it stock?"),
        ("1 + 2\n  9223372036854775807 + 1", 2, 23, "overflow"),
        ("-9223372036854775808 - 1", 1, 22, "overflow"),
        ("9223372036854775807 * 9223372036854775807", 1, 21, "overflow"),
        ("5 / (3 - 3)", 1, 3, "division by zero"),
        ("5 % 0", 1, 3, "division by zero"),
        ("-9223372036854775808 / -1", 1, 22, "overflow"),
        ("9999999999999999999999999999999999999999", 1, 1, "too large"),
        ("x: Int8 = 127\nx += 1", 2, 6, "does not fit into an Int8"),
        ("u: UInt = 0\nu -= 1", 2, 6, "does not fit into an UInt"),
        ("n = 5\nn = \"five\"", 2, 5, "expected an Int instead of a String"),
        ("log = array<Int>()\nlog[0]", 2, 5, "the array is empty"),
        ("log = [1, 2]\nlog[2]", 2, 5, "the indices are 0 ..< 2"),
        ("log = [1, 2]\nlog[-1] = 3", 2, 5, "there is no element -1"),
        ("log = [1, 2]\nlog[0 ... 2]", 2, 7, "no such range"),
        ("log = [1, 2]\nlog.remove(at: 2)", 2, 16, "the indices are 0 ..< 2"),
        ("log = array<Int>()\nlog.removeLast()", 2, 5, "cannot remove"),
        ("log = [1]\nlog.apend(2)", 2, 5, "apend"),
        ("log = [1]\nlog.cuont", 2, 5, "is it count?"),
        ("m = map<String, Int>()\nm[5] = 1", 2, 3, "expected a String"),
        ("m = map<String, Int>()\nm[\"a\"] += 1", 2, 3, "a default helps"),
        (
            "m = map<String, Int>()\nm = map<String, Double>()", 2, 1,
            "already exists, as Map<String, Int>"
        ),
        ("m = map<Bool, Int>()", 1, 9, "cannot be a key"),
        ("m = map<String>()", 1, 5, "two types"),
        ("p = Point(x: 1)", 1, 5, "there is no type or function Point"),
        ("struct P { x: Int, y: Int }\np = P(x: 1)", 2, 5, "the field y of P needs a value"),
        ("struct P { x: Int, y: Int }\np = P(x: 1, z: 2)", 2, 13, "P has no field z; it has x, y"),
        ("struct P { x: Int, y: Int }\np = P(x: 1, y: \"a\")", 2, 16, "expected an Int"),
        (
            "struct P { x: Int }\nstruct P { x: Double }\np = P(x: 1)\nstruct P { x: Int }", 2, 1,
            "another struct P"
        ),
        ("struct Empty { }", 1, 1, "at least one field"),
        ("struct P { x: Int, x: Int }", 1, 20, "has a field x already"),
        ("x = nil", 1, 5, "nil alone has no type"),
        ("x = []", 1, 5, "an empty collection needs its types"),
        ("x = [1, \"a\"]", 1, 5, "cannot be elements of one collection"),
        ("[1: 2, 1: 3]", 1, 8, "occurs twice"),
        ("1 + * 2", 1, 5, "expected a value instead of “*”"),
        ("(1 + 2", 1, 1, "unclosed “(”"),
        ("[1, 2)", 1, 6, "“)” does not close “[”"),
        ("1 2", 1, 3, "not expected here"),
        ("\"abc", 1, 1, "unterminated string"),
        ("\"a\\q\"", 1, 3, "there is no escape"),
        ("1 # 2", 1, 3, "unexpected “#”"),
        ("3abc", 1, 2, "is not valid in a number"),
        ("\tn", 1, 2, "there is no root n"),
        ("5 = 6", 1, 1, "cannot be assigned to"),
        ("true && 1", 1, 9, "expected a Bool"),
        ("\"a\" < 1", 1, 5, "have no order"),
        ("nil + 1", 1, 5, "??"),
        ("commit", 1, 1, "there is no transaction"),
        ("begin\nbegin", 2, 1, "a transaction is already open"),
        ("begin\nsync", 2, 1, "not inside a transaction"),
        ("begin; 1", 1, 1, "a line of its own"),
        ("delete nothing", 1, 8, "there is no root nothing"),
        ("watch nothing", 1, 1, "there is no root nothing"),
        ("watch", 1, 6, "needs a name"),
        ("log = [1, 2]\n1 + log.removeLast()", 2, 9, "must be alone on a line"),
        ("log = [1]\nlog.append(log.removeLast())", 2, 16, "must be alone on a line"),
        ("20 ..< 10", 1, 4, "ends before it begins"),
        ("log = [1]\nlog.append(contentsOf: 0 ..< 100000000)", 2, 26, "more than a million"),
        ("String", 1, 1, "is a type"),
        ("Int(1e300)", 1, 5, "does not fit"),
        ("sorted", 1, 1, "there is no root sorted"),
    ]

    @Test(arguments: errors.indices) func theFirstErrorIsNamedWithItsPlace(number: Int) throws {
        let (script, line, column, message) = Self.errors[number]
        let run = try run(script + "\n\"after\"\n")
        #expect(run.status == 1)
        #expect(!run.output.contains("after"), "\(script): went on after the error")
        let report = run.errorLines
        #expect(
            report.first?.hasPrefix("heap-repl: line \(line), column \(column): ") ?? false,
            "\(script): \(run.error)")
        #expect(report.first?.contains(message) ?? false, "\(script): \(run.error)")
        // The line itself and a caret under the column.
        #expect(report.count == 3)
        guard report.count == 3 else { return }
        let source = script.split(separator: "\n", omittingEmptySubsequences: false)[line - 1]
        #expect(report[1] == "  " + source)
        let caret = report[2].dropFirst(2)
        #expect(caret.hasSuffix("^") && caret.count == column)
    }

    @Test func aTabKeepsTheCaretInItsPlaceAndWideSignsMoveIt() throws {
        #expect(try run("\tn").error.hasSuffix("\n  \tn\n  \t^\n"))
        #expect(try run("\"数\" + n").error.hasSuffix("\n  \"数\" + n\n         ^\n"))
    }

    @Test func whatIsNestedTooDeepIsAnErrorAndNotTheEndOfTheStack() throws {
        for (opening, closing) in [
            ("(", ")"), ("[", "]"), ("-", ""), ("!", ""), ("x[", "]"), ("[1: ", "]"),
            ("true ? 1 : ", ""), ("x = ", ""),
            ("f(", ")"),
        ] {
            let count = TestExtent.choose(quick: 5000, full: 50_000)
            let run = try run(
                String(repeating: opening, count: count) + "1"
                    + String(repeating: closing, count: count))
            #expect(run.status == 1, "\(opening)")
            #expect(
                run.errorLines.first?.contains("line 1, column") ?? false,
                "\(opening): \(run.error.prefix(300))")
        }
        let links = TestExtent.choose(quick: 10_000, full: 100_000)
        for link in [".a", "[0]", "!", "?.b", "+1", " ?? 1", "&&true"] {
            let run = try run("1" + String(repeating: link, count: links))
            #expect(run.status == 1, "\(link)")
            #expect(
                run.errorLines.first?.contains("line 1, column") ?? false,
                "\(link): \(run.error.prefix(300))")
        }
        let type = try run(
            "x = " + String(repeating: "array<", count: links) + "Int"
                + String(repeating: ">", count: links) + "()")
        #expect(type.status == 1 && type.errorLines.first?.contains("nested too deep") ?? false)
        // A less deep expression is computed.
        let sum = try run(
            String(repeating: "(", count: 40) + "1" + String(repeating: " + 1)", count: 40) + "\n"
                + Array(repeating: "1", count: 300).joined(separator: " + "))
        #expect(sum.lines == ["41", "300"])
    }

    @Test func statementsOverSeveralLinesKeepTheirLineNumbers() throws {
        let folder = try TemporaryFolder()
        let run = try run(
            "numbers = [\n  1,\n  2\n]\nnumbers.append(\n  3\n)\nnumbers\nnumbers[\n  7\n]\n",
            heap: folder.heap)
        #expect(run.lines == ["[1, 2, 3]"])
        #expect(
            run.errorLines.first
                == "heap-repl: line 10, column 3: there is no element 7: the indices are 0 ..< 3")
        #expect(run.errorLines.dropFirst().first == "    7")
    }

    /// A statement of many lines takes linear time: this one would take minutes if each line were
    /// parsed together with all lines before it.
    @Test func longStatementsAreReadOnce() throws {
        let count = TestExtent.choose(quick: 2000, full: 8000)
        let lines = (0 ..< count).map { "  [\($0), \($0 + 1)], // row" }
        let run = try run(
            "rows = [\n" + lines.joined(separator: "\n") + "\n]\nrows.count\nrows.last\n")
        #expect(run.error == "")
        #expect(run.lines == ["\(count)", "[\(count - 1), \(count)]"])
        #expect(try self.run("x =\n\n  5 +\n  // more\n  6\nx\n").lines == ["11"])
    }

    /// For a long line, the part around the error is shown, with the caret in the right place.
    @Test func aLongLineIsShownAroundItsError() throws {
        let run = try run(
            String(repeating: "1 + ", count: 100) + "wrong" + String(repeating: " + 1", count: 100))
        #expect(run.errorLines.first?.contains("line 1, column 401: ") ?? false)
        #expect(
            run.errorLines.count == 3 && run.errorLines[1].hasPrefix("  …")
                && run.errorLines[1].count < 140)
        let caret = run.errorLines[2].count - 1
        #expect(String(run.errorLines[1].dropFirst(caret)).hasPrefix("wrong"))
    }

    @Test func aLineIsATransaction() throws {
        let folder = try TemporaryFolder()
        let failed = try run("n = 1\nn += 1; n += 1; n / 0\n", heap: folder.heap)
        #expect(failed.status == 1)
        #expect(failed.output == "")
        #expect(try run("n", heap: folder.heap).lines == ["1"])
        // An error inside begin rolls everything back, because the script ends there.
        #expect(try run("begin\nn = 5\nm\n", heap: folder.heap).status == 1)
        #expect(try run("n", heap: folder.heap).lines == ["1"])
        // A script that ends inside a transaction, with or without quit, keeps nothing and reports
        // that.
        for script in ["begin\nn = 5", "begin\nn = 5\nquit"] {
            let open = try run(script, heap: folder.heap)
            #expect(open.status == 1)
            #expect(open.errorLines.count == 1 && open.error.contains("ends inside a transaction"))
        }
        #expect(try run("n\nbegin\nn = 7\ncommit\nn", heap: folder.heap).lines == ["1", "7"])
    }

    @Test func longValuesAreCut() throws {
        let run = try run(
            "x = 0 ..< 1000\nx\ns = \"\"\ns = \"\(String(repeating: "y", count: 1000))\"\ns\nx.sorted(by: >)\n"
        )
        #expect(run.lines[0].hasSuffix("18, 19, … (1000 in all)]"))
        #expect(run.lines[1].hasSuffix("y\"… (1000 characters in all)"))
        #expect(run.lines[2].hasPrefix("[999, 998,") && run.lines[2].hasSuffix("… (1000 in all)]"))
    }

    @Test func controlCharactersDoNotReachTheTerminal() throws {
        let folder = try TemporaryFolder()
        let run = try run(
            "t = \"\\u{1B}]0;x\\u{7}\"\nt\n`a\u{1B}b` = 1\nroots\n`a\u{1B}c`", heap: folder.heap)
        #expect(run.lines.first == #""\u{1B}]0;x\u{7}""#)
        #expect(!run.output.contains("\u{1B}") && !run.error.contains("\u{1B}"))
    }

    @Test func namesInBackticksAreNeverCommands() throws {
        let run = try run(
            "`map` = 1\n`map` + 1\n`two words` = [1]\n`two words`.append(2)\n`two words`\ndelete `map`\nroots\n"
        )
        #expect(run.error == "")
        #expect(run.lines == ["2", "[1, 2]", "`two words`  Array<Int>  2 elements"])
    }

    // MARK: The same heap from Swift

    struct Spot: HeapStruct, Equatable {
        var flag: Bool
        var small: Int16
        var x: Double
        var byte: UInt8
    }

    struct Person: HeapRecord {
        var initial: UInt8
        var name: String
        var age: Int?
        var spot: Spot
        var tags: PersistentArray<String>
        var born: Date?
        var flag: Bool?
    }

    /// Structs declared in lines have Swift's layout: a program opens their roots, and lines can
    /// use a program's types.
    @Test func programsAndLinesShareTheirTypes() throws {
        let folder = try TemporaryFolder()
        let declared = """
            struct Spot { flag: Bool, small: Int16, x: Double, byte: UInt8 }
            struct Person { initial: UInt8, name: String, age: Int?, spot: Spot, tags: array<String>, born: Date?, flag: Bool? }
            spots = [Spot(flag: true, small: -3, x: 1.5, byte: 255)]
            people = map<String, Person>()
            people["ada"] = Person(initial: 65, name: "Ada", spot: spots[0], tags: ["x"], born: "1815-12-10T00:00:00Z", flag: true)
            """
        let made = try run(declared, heap: folder.heap)
        #expect(made.error == "")
        let heap = try PersistentHeap.open(folder.heap)
        try heap.write { tx in
            let spots = try tx.array("spots", of: Spot.self)
            let first = spots[0]
            #expect(first == Spot(flag: true, small: -3, x: 1.5, byte: 255))
            let people = try tx.map("people", String.self, Person.self)
            let name = people[ref: "ada"]?.name
            let age = people[ref: "ada"]?.age
            #expect(name == "Ada" && age == .some(nil))
            people[ref: "ada"]?.age = 36
            let more = try tx.map("more", Int32.self, PersistentSortedMap<String, Spot>.self)
            more[creating: 7]["here"] = Spot(flag: false, small: 2, x: 0.5, byte: 1)
        }
        try heap.close()
        let read = try run(
            "people[\"ada\"]\nmore\nmore[7][\"here\"].x += 1\nmore[7][\"here\"]?.x\n",
            heap: folder.heap)
        #expect(read.error == "")
        #expect(
            read.lines == [
                #"Person(initial: 65, name: "Ada", age: 36, spot: Spot(flag: true, small: -3, x: 1.5, byte: 255), tags: ["x"], "#
                    + "born: 1815-12-10T00:00:00Z, flag: true)",
                #"[7: ["here": Spot(flag: false, small: 2, x: 0.5, byte: 1)]]"#,
                "1.5",
            ])
        let checked = try PersistentHeap.open(folder.heap, mode: .readOnly)
        #expect(try checked.audit().problems == [])
    }
}
