import Holdfast
import HoldfastInspection
import HoldfastTools

extension Verb {
    static let check = Verb(
        name: "check", summary: "check a heap for damage, and save the readable roots",
        operands: [heapFile],
        options: [
            json,
            Option(
                name: "repair", value: "OUT",
                summary:
                    "create a new heap at OUT from all readable roots; FILE is not changed",
                completion: .file),
            timeout,
        ],
        details: [
            "Reads both copies of the header, the log, every page with its checksum, the "
                + "allocator's account of every page and block, and the invariants of every root's "
                + "structure, and counts unreachable blocks. Changes nothing; readers and writers "
                + "in other processes continue.",
            "Ends with status 0 if the heap is sound, and with 1 if it is damaged; the report then "
                + "names the roots and places.",
            "With --repair, every root that can be followed to its end is copied, element by "
                + "element, to a new heap; roots that cannot are left out and named. Roots that "
                + "have something in a page which does not match its checksum are copied and named "
                + "too: they are whole, but a value in them may be wrong. The indexes of tables are "
                + "made anew from the rows. Records after a damaged part of the log are not used.",
        ],
        examples: [
            Example(command: "check inventory.heap", meaning: "Check for damage."),
            Example(
                command: "check inventory.heap --repair saved.heap",
                meaning: "Save the readable roots."),
        ]
    ) { call in
        let (report, isSound) = try runCheck(call)
        guard let out = call.value("repair") else {
            try report.print(to: call)
            guard isSound else { throw CommandFailure(report.conclusion) }
            return .fine
        }
        let repair = try RepairReport(call, to: out, report)
        try repair.print(to: call)
        guard repair.isComplete else { throw CommandFailure(repair.conclusion) }
        return .fine
    }

    /// A heap that is too damaged to be opened has been checked, too.
    private static func runCheck(_ call: Invocation) throws -> (CheckReport, isSound: Bool) {
        do {
            let heap = try call.openHeap(.readOnly)
            defer { try? heap.close() }
            try call.warn(of: heap)
            let progress = call.progress("check", unit: "pages")
            defer { progress.finish() }
            let check = try heap.check { progress.show($0, of: $1) }
            return (CheckReport(path: call.path, check: check), check.isSound)
        } catch let error as HeapError where CheckReport.isDamage(error) {
            return (CheckReport(path: call.path, failure: error), false)
        }
    }
}

/// The report of `check`.
struct CheckReport {
    let path: String
    private let check: HeapCheck?
    private let failure: HeapError?

    init(path: String, check: HeapCheck) {
        self.path = path
        self.check = check
        failure = nil
    }

    init(path: String, failure: HeapError) {
        self.path = path
        check = nil
        self.failure = failure
    }

    /// Returns whether an error of opening or reading means that the heap is damaged, as opposed to
    /// inaccessible.
    static func isDamage(_ error: HeapError) -> Bool {
        switch error {
        case .damagedHeader, .truncated, .logMissing, .foreignLog, .damagedLog, .unreadable,
            .damagedPages, .damaged:
            true
        default: false
        }
    }

    /// Returns whether anything can still be read despite the error.
    private static func canBeSaved(_ error: HeapError) -> Bool {
        switch error {
        // The error for damaged pages says so itself.
        case .truncated, .logMissing, .foreignLog, .damagedLog: true
        default: false
        }
    }

    /// One line that includes the next step.
    var conclusion: String {
        guard let check else {
            guard let failure else { return "" }
            return failure.commandDescription
                + (Self.canBeSaved(failure)
                    ? " Save what can be read: holdfast check \(path) --repair OUT" : "")
        }
        var found: [String] = []
        if !check.damagedPages.isEmpty {
            found.append(
                check.damagedPages.count == 1
                    ? "1 page does not match its checksum"
                    : "\(Figures.count(check.damagedPages.count)) pages do not match their "
                        + "checksums"
            )
        }
        if !check.problems.isEmpty {
            found.append(
                "\(Figures.count(check.problems.count, "contradiction"))\(check.problems.count >= 20 ? " or more" : "")"
            )
        }
        return
            "\(path) is damaged: \(found.joined(separator: ", ")). Restore it from a copy, or save "
            + "what can be read: holdfast check \(path) --repair OUT"
    }

    func print(to call: Invocation) throws {
        if call.has("json") { return try call.print(json.indentedText) }
        for line in lines(call.output) { try call.print(line) }
    }

    var json: JSONText {
        guard let check else {
            return [
                "path": .string(path), "sound": false,
                "error": .string(failure?.commandDescription ?? ""), "problems": [],
                "damagedPages": [],
                "roots": [],
            ]
        }
        return [
            "path": .string(path), "sound": .bool(check.isSound), "error": nil,
            "checkedPages": .integer(check.checkedPages),
            "loggedPages": .integer(check.loggedPages),
            "damagedPages": .array(
                check.damage.map {
                    [
                        "page": .integer($0.page), "use": .string($0.use.rawValue),
                        "roots": .array($0.roots.map { .string($0) }),
                    ]
                }),
            "problems": .array(check.problems.map { .string($0) }),
            "roots": .array(
                check.roots.map {
                    [
                        "name": .string($0.root.name), "type": .string($0.root.type.text),
                        "count": JSONText($0.count),
                        "followed": .bool($0.bytes != nil),
                        "problems": .array($0.problems.map { .string($0) }),
                    ]
                }),
            "unreachedBlocks": JSONText(check.unreachedBlocks),
        ]
    }

    // MARK: Text

    private enum Verdict {
        case fine
        case unknown
        case damaged
    }

    func lines(_ output: Output) -> [String] {
        let painter = output.painter
        var lines = [painter.bold(DisplayText.oneLine(path))]
        var table = Table([("", .left), ("", .left), ("", .left)])
        for (name, verdict, text) in findings {
            let (mark, style): (String, Painter.Style) =
                switch verdict {
                case .fine: ("sound", .green)
                case .unknown: ("not known", .yellow)
                case .damaged: ("damaged", .boldRed)
                }
            table.add([name, mark, text], styles: [0: .faint, 1: style])
        }
        lines += table.lines(indent: 2, painter: painter)
        guard let check else { return lines }
        for damage in check.damage.prefix(20) {
            lines.append("  \(painter("page \(damage.page)", .boldRed)): \(Self.text(damage))")
        }
        if check.damage.count > 20 {
            lines.append("  … and \(Figures.count(check.damage.count - 20, "more page"))")
        }
        for problem in check.problems {
            lines.append("  \(painter("problem", .boldRed)): \(DisplayText.oneLine(problem))")
        }
        return lines
    }

    private static func text(_ damage: HeapCheck.PageDamage) -> String {
        switch damage.use {
        case .header: "a copy of the header"
        case .records: "the allocator's records, the page map or checksums"
        case .free: "free"
        case .unknown: "after the heap's end, or not accounted for"
        case .data:
            damage.roots.isEmpty
                ? "data of the catalogue, or of something that could not be followed"
                : "data of \(damage.roots.count == 1 ? "root" : "roots") "
                    + "\(damage.roots.map { DisplayText.quoted($0) }.joined(separator: ", "))"
        }
    }

    private var findings: [(name: String, Verdict, text: String)] {
        guard let check else {
            return failure.map { [(Self.part($0), .damaged, $0.commandDescription)] } ?? []
        }
        let pages = check.damagedPages
        let headers = pages.filter { $0 < 2 }
        let inPages = pages.filter { $0 >= 2 }
        let inRoots = Set(check.roots.flatMap(\.problems))
        let others = check.problems.filter { !inRoots.contains($0) }
        var found: [(name: String, Verdict, text: String)] = []
        found.append(
            (
                "header", headers.isEmpty ? .fine : .damaged,
                headers.isEmpty ? "both copies" : "copy \(headers[0]); the other is intact"
            ))
        found.append(
            (
                "log", .fine,
                check.loggedPages == 0
                    ? "nothing that is not in the file"
                    : "intact; it has the newest contents of "
                        + "\(Figures.count(check.loggedPages, "page"))"
            ))
        found.append(
            (
                "pages", inPages.isEmpty ? .fine : .damaged,
                inPages.isEmpty
                    ? "\(Figures.count(check.checkedPages)) match their checksums"
                    : "\(Figures.count(inPages.count)) of \(Figures.count(check.checkedPages)) do "
                        + "not match their checksums"
            ))
        found.append(
            (
                "allocator", others.isEmpty ? .fine : .damaged,
                others.isEmpty
                    ? "every page and block is accounted for"
                    : Figures.count(others.count, "contradiction")
            ))
        found += Self.rootFindings(check)
        let unknown = check.roots.filter { $0.bytes == nil }
        if !unknown.isEmpty {
            found.append(
                (
                    "", .unknown,
                    "\(unknown.map { DisplayText.quoted($0.root.name) }.joined(separator: ", ")): "
                        + "only a program with their types can follow them"
                ))
        }
        switch check.unreachedBlocks {
        case nil: found.append(("unreachable", .unknown, "not all roots could be followed"))
        case 0: found.append(("unreachable", .fine, "a root leads to every block in use"))
        case let count?:
            found.append(
                (
                    "unreachable", .fine,
                    "no root leads to \(Figures.count(count, "block")): allocated directly by "
                        + "programs, or leaked"
                ))
        }
        return found
    }

    private static func rootFindings(_ check: HeapCheck) -> [(name: String, Verdict, text: String)]
    {
        func list(_ names: [String]) -> String {
            names.map { DisplayText.quoted($0) }.joined(separator: ", ")
        }
        let damaged = check.roots.filter { !$0.problems.isEmpty }.map(\.root.name)
        let doubtful = Set(check.damage.flatMap(\.roots)).subtracting(damaged).sorted()
        let followed = check.roots.filter { $0.bytes != nil }.count - damaged.count
        var found: [(name: String, Verdict, text: String)] = []
        if !damaged.isEmpty {
            found.append(("roots", .damaged, "\(list(damaged)): cannot be followed completely"))
        }
        if !doubtful.isEmpty {
            found.append(
                (
                    found.isEmpty ? "roots" : "", .damaged,
                    "\(list(doubtful)): whole, but values in damaged pages may be wrong"
                ))
        }
        if followed > doubtful.count || found.isEmpty {
            let sound = followed - doubtful.count
            let text =
                sound == 0
                ? "none followed"
                : "\(Figures.count(sound, "root")) followed to \(sound == 1 ? "its" : "their") end"
            found.append((found.isEmpty ? "roots" : "", .fine, text))
        }
        return found
    }

    private static func part(_ error: HeapError) -> String {
        switch error {
        case .damagedHeader: "header"
        case .logMissing, .foreignLog, .damagedLog: "log"
        default: "file"
        }
    }
}
