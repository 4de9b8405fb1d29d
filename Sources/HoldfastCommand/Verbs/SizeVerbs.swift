import Holdfast
import HoldfastInspection
import HoldfastTools

extension Verb {
    static let compact = Verb(
        name: "compact", summary: "reduce a heap's disk space",
        operands: [heapFile],
        options: [
            Option(
                name: "move",
                summary: "move blocks out of pages that are mostly empty, in short transactions"),
            Option(
                name: "move-referenced",
                summary:
                    "also move records that references lead to; writers wait as long as for a check"
            ),
            json, timeout,
        ],
        details: [
            "Moves the log into the heap file, returns the disk blocks of free pages to the file "
                + "system, and truncates the free end, unless another process has the heap open: "
                + "then the last one to close it does that. Other processes continue; writers wait "
                + "meanwhile. shrink only truncates the end.",
            "Blocks between others in use cannot be freed. If fragmentation is high, --move moves "
                + "the others closer together first. The heap is checked before, and other "
                + "processes read and write in between.",
        ],
        examples: [
            Example(command: "compact inventory.heap", meaning: "After much has been removed."),
            Example(
                command: "compact --move inventory.heap",
                meaning: "After much has been removed here and there."),
        ]
    ) { call in
        try Resizing.run(call) { heap in
            try heap.shrink()
            guard call.has("move") || call.has("move-referenced") else {
                try heap.compact()
                return nil
            }
            let progress = call.progress("move", unit: "bytes")
            defer { progress.finish() }
            // So that blocks of any types are moved.
            RunTimeTypes.install()
            return try heap.defragment(movingReferenced: call.has("move-referenced")) {
                progress.show($0, of: $1)
            }
        }
    }

    static let shrink = Verb(
        name: "shrink", summary: "cut off the free end of a heap's file",
        operands: [heapFile], options: [json, timeout],
        details: [
            "Moves the log into the heap file, releases the space reserved by grow, and truncates "
                + "the file after the last page in use; if another process has the heap open, the "
                + "last one to close it truncates the file. Free pages between others stay: "
                + "compact returns those too."
        ],
        examples: [
            Example(
                command: "shrink inventory.heap",
                meaning: "Release the space reserved by grow.")
        ]
    ) { call in
        try Resizing.run(call) { heap in
            try heap.shrink()
            return nil
        }
    }

    static let grow = Verb(
        name: "grow", summary: "reserve disk space for a heap in advance",
        operands: [
            heapFile,
            Operand(
                name: "SIZE",
                summary: "bytes, or as in 64K, 10MiB, 1.5G: the whole file, in powers of 1024",
                completion: .nothing
            ),
        ],
        options: [json, timeout],
        details: [
            "Makes the heap's file at least SIZE long, rounded up to 64 KiB, with blocks of the "
                + "disk for all of it, so that later commits cannot meet a full disk until the "
                + "heap has grown so far. The file stays that long when it is closed. A file that "
                + "is already longer is not changed; shrink releases the space."
        ],
        examples: [Example(command: "grow inventory.heap 2G", meaning: "Space for two gibibytes.")]
    ) { call in
        let bytes = try call.bytes(call.operands[1], "SIZE")
        return try Resizing.run(call) { heap in
            try heap.reserve(bytes: bytes)
            return nil
        }
    }
}

/// The operations that change the size of a heap's file.
enum Resizing {
    /// Opens the heap, runs `body`, closes the heap, and reports the size of the file before and
    /// after. An interruption is noticed before and after, not in the middle: each step is short,
    /// and atomic however the process ends.
    ///
    /// `body` returns what was moved, if anything was to be.
    static func run(
        _ call: Invocation, _ body: (PersistentHeap) throws -> Defragmentation?
    ) throws -> ExitStatus {
        let heap = try call.openHeap(.readWrite)
        defer { try? heap.close() }
        try call.warn(of: heap)
        let before = FileSize(call.path)
        try heap.requireChangeable()
        let moves = try body(heap)
        let others = try heap.statistics().otherOpenings.count
        try heap.close()
        let after = FileSize(call.path)
        if call.has("json") {
            var report: [(name: String, value: JSONText)] = [
                ("path", .string(call.path)), ("fileBytesBefore", .integer(before.length)),
                ("fileBytes", .integer(after.length)),
                ("diskBytesBefore", .integer(before.onDisk)), ("diskBytes", .integer(after.onDisk)),
                ("otherOpenings", .integer(others)),
            ]
            if let moves { report += json(moves) }
            try call.print(JSONText.object(report).indentedText)
            return .fine
        }
        var table = Table([("", .left), ("length", .right), ("on the disk", .right)])
        table.add(
            ["before", Figures.bytes(before.length), Figures.bytes(before.onDisk)],
            styles: [0: .faint])
        table.add(
            ["now", Figures.bytes(after.length), Figures.bytes(after.onDisk)],
            styles: [0: .faint, 1: .bold, 2: .bold])
        try call.print(call.output.painter.bold(DisplayText.oneLine(call.path)))
        for line in table.lines(indent: 2, painter: call.output.painter) { try call.print(line) }
        if let moves { for line in lines(moves) { try call.print("  \(line)") } }
        if others > 0 {
            try call.print(
                "  It is open in \(Figures.count(others, "other place")), so its end stays until "
                    + "the last of them closes it."
            )
        }
        return .fine
    }

    private static func json(_ moves: Defragmentation) -> [(name: String, value: JSONText)] {
        [
            ("movedBytes", .integer(moves.movedBytes)),
            ("unknownRoots", .array(moves.unknownRoots.map { .string($0.name) })),
            ("fixedRecords", .array(moves.fixedRecords.map { .string($0) })),
            ("olderViews", .array(moves.olderViews.map { .integer(Int($0.processNumber)) })),
        ]
    }

    private static func lines(_ moves: Defragmentation) -> [String] {
        var lines = ["Blocks of \(Figures.bytes(moves.movedBytes)) were moved."]
        for root in moves.unknownRoots {
            lines.append(
                "The blocks of \(DisplayText.quoted(root.name)) stayed: its type is not known.")
        }
        if !moves.fixedRecords.isEmpty {
            let names = moves.fixedRecords.map(DisplayText.oneLine).joined(separator: ", ")
            lines.append(
                "Records that references may lead to stayed: \(names). --move-referenced moves "
                    + "them.")
        }
        for view in moves.olderViews {
            lines.append(
                "Process \(view.processNumber) has an older view open. The space that it shows is "
                    + "returned later.")
        }
        return lines
    }
}
