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
                summary:
                    "skip the check of the root: faster for a large root, but damage may end the "
                    + "command"
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
        let lines = try heap.read { tx in
            try requireSound(tx, path?.root, call)
            guard let path else { return try rootLines(heap, call) }
            guard let root = try tx.place(ofRoot: path.root) else {
                throw HeapError.rootNotFound(path: call.path, name: path.root)
            }
            let view = ValueView(
                place: try path.follow(from: root, in: call.path),
                path: path.text(steps: path.steps.count), from: from,
                limit: limit, depth: depth,
                painter: call.output.painter,
                width: call.output.traits.canDraw && !call.has("pager")
                    ? call.output.traits.width : nil)
            return call.has("json") ? [try view.json()] : try view.lines()
        }
        try? heap.close()
        try Pager(call).print(lines)
        return .fine
    }

    /// Reading trusts the data, so a root is checked before it is read.
    private static func requireSound(
        _ tx: borrowing ReadTransaction, _ root: String?, _ call: Invocation
    ) throws {
        if call.has("trust") { return }
        let problems = tx.problems(inRoot: root) { !Interruption.isRequested }
        try Interruption.check()
        guard let problem = problems.first else { return }
        throw CommandFailure(
            "\(call.path) is damaged: \(problem). Find out more with: holdfast check \(call.path)")
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
