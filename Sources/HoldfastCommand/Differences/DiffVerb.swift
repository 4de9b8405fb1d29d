import Holdfast
import HoldfastEngine
import HoldfastInspection
import HoldfastTools

extension Verb {
    static let diff = Verb(
        name: "diff", summary: "show what differs between two heaps, or two states of one",
        operands: [
            Operand(name: "OLD", summary: "a heap file"),
            Operand(name: "NEW", summary: "the heap file that it is compared with"),
            Operand(
                name: "ROOT", summary: "only these roots; all roots by default", isOptional: true,
                isRepeated: true, completion: .nothing),
        ],
        options: [
            Option(name: "json", summary: "print a JSON object for each difference"),
            Option(name: "summary", summary: "count the differences of each root"), timeout,
        ],
        details: [
            "Each line is a difference: + for what only NEW has, - for what only OLD has, and ~ for "
                + "a value that is another one. Maps, sets and tables are compared by their keys, "
                + "arrays by what they have in common, records by their fields. An index is that "
                + "after the changes of the lines above.",
            "The programs that made the heaps are not needed: heaps describe their types. Each heap "
                + "is read as of one commit, and checked first, its structure and its pages' "
                + "checksums: damage is an error, and nothing is compared.",
            "Long values are cut off, except with --json, which writes them as dump does. Ends with "
                + "status 0 if nothing differs, 1 if something does, and 2 if anything fails.",
        ],
        examples: [
            Example(
                command: "diff backup/inventory-monday.heap inventory.heap",
                meaning: "What has changed since Monday."),
            Example(
                command: "diff old.heap new.heap stock --json",
                meaning: "The differences of one root, for other programs."),
            Example(
                command: "diff old.heap new.heap --summary", meaning: "How much has changed."),
        ],
        // As of diff(1): 1 means that something differs.
        failure: .wrongUsage
    ) { call in
        let old = try call.openHeap(.readOnly)
        defer { try? old.close() }
        let new = try call.openHeap(.readOnly, at: call.operands[1])
        defer { try? new.close() }
        try call.warn(of: old)
        try call.warn(of: new)
        let roots = Array(call.operands.dropFirst(2))
        let isJSON = call.has("json")
        let text = ChangeText(painter: call.output.painter)
        var counts = ChangeCounts()
        try new.differences(
            from: old, roots: roots.isEmpty ? nil : roots,
            values: isJSON ? .json : ChangeText.values
        ) { change in
            try Interruption.check()
            counts.add(change)
            if call.has("summary") { return }
            try call.print(isJSON ? ChangeText.json(change) : text.line(change))
        }
        if call.has("summary") {
            if isJSON { try call.print(counts.json.indentedText) }
            if !isJSON, !counts.isEmpty {
                let width = call.output.traits.canDraw ? call.output.traits.width : nil
                for line in counts.table.lines(width: width, painter: call.output.painter) {
                    try call.print(line)
                }
            }
        }
        return counts.isEmpty ? .fine : .failed
    }
}

/// The numbers of differences, by root.
struct ChangeCounts {
    private struct Count {
        let root: String
        var kinds: [HeapChange.Kind: Int] = [:]
    }

    private var counts: [Count] = []

    var isEmpty: Bool { counts.isEmpty }

    /// The changes of a root follow each other.
    mutating func add(_ change: HeapChange) {
        if counts.last?.root != change.root { counts.append(Count(root: change.root)) }
        counts[counts.count - 1].kinds[change.kind, default: 0] += 1
    }

    private static let kinds: [HeapChange.Kind] = [.added, .removed, .changed]

    var table: Table {
        var table = Table(
            [("root", .left), ("added", .right), ("removed", .right), ("changed", .right)],
            flexible: 0)
        for count in counts {
            table.add(
                [count.root] + Self.kinds.map { Figures.count(count.kinds[$0] ?? 0) },
                styles: [0: .cyan])
        }
        return table
    }

    var json: JSONText {
        let roots = counts.map { count in
            JSONText.object(
                [(name: "name", value: .string(count.root))]
                    + Self.kinds.map { (name: $0.rawValue, value: .integer(count.kinds[$0] ?? 0)) })
        }
        return ["equal": .bool(isEmpty), "roots": .array(roots)]
    }
}
