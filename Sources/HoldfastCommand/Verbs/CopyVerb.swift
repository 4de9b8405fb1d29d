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
