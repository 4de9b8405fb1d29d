import Foundation
import Holdfast
import HoldfastInspection
import HoldfastTools
import MemoryMapping

extension Verb {
    static let copy = Verb(
        name: "copy", summary: "copy a heap in its present state, while it is in use",
        operands: [heapFile, Operand(name: "COPY", summary: "the new file")],
        options: [
            Option(
                name: "replace",
                summary:
                    "replace an existing file, unless that is a heap in use"
            ),
            json, timeout,
        ],
        details: [
            "The copy is one commit of the heap, whole, at rest in one file, and a heap of its own "
                + "with another identity. Readers and writers continue. Free pages are left out, "
                + "as holes. It appears under its name when it is complete and on the disk, or not "
                + "at all.",
            "Every page is compared with its checksum first, since those of the copy are new: of a "
                + "damaged heap no copy is made. What can be read of it is saved by: holdfast "
                + "check FILE --repair OUT",
            "Copy the file with other programs only while no process has it open.",
        ],
        examples: [
            Example(
                command: "copy inventory.heap backup/inventory-monday.heap",
                meaning: "A backup of a heap that is in use.")
        ]
    ) { call in
        let heap = try call.openHeap(.readOnly)
        defer { try? heap.close() }
        try call.warn(of: heap)
        let destination = call.operands[1]
        let progress = call.progress("copy", unit: "pages")
        defer { progress.finish() }
        // So that heaps of any types are packed.
        RunTimeTypes.install()
        try heap.copy(to: destination, replacing: call.has("replace")) { progress.show($0, of: $1) }
        progress.finish()
        let size = FileSize(destination)
        if call.has("json") {
            try call.print(
                ([
                    "path": .string(call.path), "copy": .string(destination),
                    "fileBytes": .integer(size.length),
                    "diskBytes": .integer(size.onDisk),
                ] as JSONText).indentedText)
        } else {
            try call.print("\(DisplayText.oneLine(destination)): \(size.text)")
        }
        return .fine
    }

    static let compact = Verb(
        name: "compact", summary: "reduce a heap's disk space",
        operands: [heapFile], options: [json, timeout],
        details: [
            "Moves the log into the heap file, returns the disk blocks of free pages to the file "
                + "system, and truncates the free end, unless another process has the heap open: "
                + "then the last one to close it does that. Nothing moves inside the heap, and "
                + "other processes continue; writers wait meanwhile.",
            "shrink only truncates the end. Blocks between others in use cannot be freed; if "
                + "fragmentation is high, rebuild the heap: holdfast dump FILE | holdfast load NEW",
        ],
        examples: [
            Example(command: "compact inventory.heap", meaning: "After much has been removed.")
        ]
    ) { call in
        try Resizing.run(call) { heap in
            try heap.shrink()
            try heap.compact()
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
    ) { call in try Resizing.run(call) { try $0.shrink() } }

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
        return try Resizing.run(call) { try $0.reserve(bytes: bytes) }
    }
}

/// The disk space that a file takes.
struct FileSize: Equatable {
    let length: Int
    let onDisk: Int

    /// Zeros if there is no such file.
    init(_ path: String) {
        var status = stat()
        let isThere = unsafe PathBytes.withCString(path) { unsafe stat($0, &status) } == 0
        length = isThere ? Int(status.st_size) : 0
        onDisk = isThere ? Int(status.st_blocks) * 512 : 0
    }

    var text: String {
        length <= onDisk
            ? Figures.bytes(length)
            : "\(Figures.bytes(length)), \(Figures.bytes(onDisk)) of it on the disk"
    }
}

/// The operations that change the size of a heap's file.
enum Resizing {
    /// Opens the heap, runs `body`, closes the heap, and reports the size of the file before and
    /// after. An interruption is noticed before and after, not in the middle: each step is short,
    /// and atomic however the process ends.
    static func run(_ call: Invocation, _ body: (PersistentHeap) throws -> Void) throws
        -> ExitStatus
    {
        let heap = try call.openHeap(.readWrite)
        defer { try? heap.close() }
        try call.warn(of: heap)
        let before = FileSize(call.path)
        try heap.requireChangeable()
        try body(heap)
        let others = try heap.statistics().otherOpenings.count
        try heap.close()
        let after = FileSize(call.path)
        if call.has("json") {
            let report: JSONText = [
                "path": .string(call.path), "fileBytesBefore": .integer(before.length),
                "fileBytes": .integer(after.length),
                "diskBytesBefore": .integer(before.onDisk), "diskBytes": .integer(after.onDisk),
                "otherOpenings": .integer(others),
            ]
            try call.print(report.indentedText)
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
        if others > 0 {
            try call.print(
                "  It is open in \(Figures.count(others, "other place")), so its end stays until "
                    + "the last of them closes it."
            )
        }
        return .fine
    }
}
