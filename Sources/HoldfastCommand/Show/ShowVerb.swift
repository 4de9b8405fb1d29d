import Foundation
import Holdfast
import HoldfastInspection
import HoldfastTools

extension Verb {
    static let show = Verb(
        name: "show", summary: "show the data of a heap, without the program that wrote it",
        operands: [
            heapFile,
            Operand(
                name: "PATH", summary: "a root and a path into it; all roots by default",
                isOptional: true,
                completion: .nothing),
        ],
        options: [
            Option(
                name: "limit", value: "N", summary: "show no more than N elements (default 100)"),
            Option(name: "from", value: "N", summary: "begin with element N, counted from 0"),
            Option(
                name: "depth", value: "N",
                summary: "show N levels of nested values (default 4)"),
            Option(
                name: "pager",
                summary: "page the output with $PAGER, or less, even if it is short"),
            Option(
                name: "trust",
                summary: "check nothing of what is shown: damage may end the command"
            ),
            json, timeout,
        ],
        details: [
            "A path begins with a root: stock. Then come fields and keys, .bolt or [\"key with "
                + "spaces\"], elements of lists, [3] or [-1] for the last, and numbers as keys, "
                + "[4711]. References and optionals are followed automatically. Quote paths for "
                + "the shell.",
            "The heap describes its own types, so that the data of any heap can be shown. Long "
                + "output is paged on a terminal.",
        ],
        examples: [
            Example(command: "show inventory.heap", meaning: "List the roots."),
            Example(
                command: "show inventory.heap stock.bolt",
                meaning: "The value for a key of a "
                    + "map."),
            Example(
                command: "show inventory.heap 'log[-1].item'",
                meaning: "A field of the last element."),
            Example(
                command: "show inventory.heap log --from 1000 --limit 20",
                meaning: "Part of a long list."),
        ]
    ) { call in
        let limit = try call.number("limit", in: 1 ... Int.max) ?? 100
        let from = try call.number("from", in: 0 ... Int.max) ?? 0
        let depth = try call.number("depth", in: 1 ... 100) ?? 4
        var path: ValuePath?
        if call.operands.count > 1 {
            do throws(ValuePath.Problem) { path = try ValuePath(call.operands[1]) } catch {
                throw UsageError(error.description, verb: "show")
            }
        }
        let heap = try call.openHeap(.readOnly)
        defer { try? heap.close() }
        try call.warn(of: heap)
        let lines = try reading(heap, call) { tx in
            guard let path else {
                try requireSoundCatalogue(tx, call)
                return try rootLines(heap, call)
            }
            let check = PartCheck(call)
            guard let root = try root(path.root, tx, call) else {
                throw HeapError.rootNotFound(path: call.path, name: path.root)
            }
            let text = path.text(steps: path.steps.count)
            let view = ValueView(
                place: try path.follow(from: root, in: call.path, check), path: text, from: from,
                limit: limit, depth: depth,
                painter: call.output.painter,
                width: call.output.traits.canDraw && !call.has("pager")
                    ? call.output.traits.width : nil)
            try view.check(check.at(text), isJSON: call.has("json"))
            return call.has("json") ? [try view.json()] : try view.lines()
        }
        try? heap.close()
        try Pager(call).print(lines)
        return .fine
    }

    /// Reads, and then compares the pages that were read with their checksums. What lies in a
    /// damaged page is not shown as if it were data.
    private static func reading(
        _ heap: PersistentHeap, _ call: Invocation,
        _ body: (borrowing ReadTransaction) throws -> [String]
    ) throws -> [String] {
        if call.has("trust") { return try heap.read { tx in try body(tx) } }
        let (lines, damaged) = try heap.readingSoundPages { tx in try body(tx) }
        guard let page = damaged.first else { return lines }
        throw PartCheck.failure(
            call.path,
            "page \(page), in which a part of what was to be shown lies, does not match its "
                + "checksum")
    }

    private static func root(
        _ name: String, _ tx: borrowing ReadTransaction, _ call: Invocation
    ) throws -> ValuePlace? {
        call.has("trust") ? try tx.place(ofRoot: name) : try tx.verifiedPlace(ofRoot: name)
    }

    private static func requireSoundCatalogue(
        _ tx: borrowing ReadTransaction, _ call: Invocation
    ) throws {
        if call.has("trust") { return }
        let problems = tx.problems(inRoot: nil) { !Interruption.isRequested }
        try Interruption.check()
        if let problem = problems.first { throw PartCheck.failure(call.path, problem) }
    }

    private static func rootLines(_ heap: PersistentHeap, _ call: Invocation) throws -> [String] {
        let roots = try heap.rootStatistics(following: false)
        if call.has("json") {
            let list = roots.map {
                [
                    "name": .string($0.root.name), "type": .string($0.root.type.text),
                    "count": JSONText($0.count),
                ] as JSONText
            }
            return [JSONText.array(list).indentedText]
        }
        guard !roots.isEmpty else { return ["no roots"] }
        var table = Table([("name", .left), ("type", .left), ("count", .right)], flexible: 1)
        for root in roots {
            table.add(
                [
                    root.root.name, TypeNames.short(root.root.type),
                    root.count.map { Figures.count($0) } ?? "",
                ], styles: [0: .cyan])
        }
        return table.lines(
            width: call.output.traits.canDraw ? call.output.traits.width : nil,
            painter: call.output.painter)
    }
}
