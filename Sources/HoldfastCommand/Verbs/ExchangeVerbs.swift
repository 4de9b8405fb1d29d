import Foundation
import Holdfast
import HoldfastInspection
import HoldfastSystem
import HoldfastTools
import MemoryMapping

extension Verb {
    static let dump = Verb(
        name: "dump", summary: "export a heap as lines of JSON",
        operands: [
            heapFile,
            Operand(
                name: "ROOT", summary: "only this root; all roots by default", isOptional: true,
                completion: .nothing),
        ],
        options: [
            Option(
                name: "to", value: "OUT",
                summary: "write a new file, which appears when it is complete, or not at all",
                completion: .file), timeout,
        ],
        details: [
            "Every root becomes a header line, and a line for each of its elements, as one JSON "
                + "value each; load reads them back without loss. All roots are from the same "
                + "commit. The program that made the heap is not needed: the heap describes its "
                + "types.",
            "What is exported is checked first, its structure and its pages' checksums: damage is "
                + "an error, and nothing is exported.",
        ],
        examples: [
            Example(
                command: "dump inventory.heap stock | head -3",
                meaning: "A look at the first lines."),
            Example(
                command: "dump inventory.heap --to inventory.jsonl",
                meaning: "A copy in text, for other programs and for version control."),
        ]
    ) { call in
        let heap = try call.openHeap(.readOnly)
        defer { try? heap.close() }
        try call.warn(of: heap)
        let root = call.operands.count > 1 ? call.operands[1] : nil
        let progress = call.progress("dump", unit: "lines")
        defer { progress.finish() }
        var count = 0
        func write(_ line: String, _ body: (String) throws -> Void) throws {
            try Interruption.check()
            try body(line)
            count += 1
            progress.show(count, of: 0)
        }
        if let out = call.value("to") {
            try heap.exportLines(root: root, to: out) { line, next in try write(line, next) }
            progress.finish()
            try call.print(
                "\(DisplayText.oneLine(out)): \(Figures.count(count, "line")), "
                    + "\(Figures.bytes(FileSize(out).length))"
            )
        } else {
            try heap.exportLines(root: root) { try write($0) { try call.print($0) } }
        }
        return .fine
    }

    static let load = Verb(
        name: "load", summary: "import roots from lines that dump has written",
        operands: [
            Operand(name: "FILE", summary: "a heap file, created if it does not exist"),
            Operand(
                name: "LINES", summary: "the file of lines; the standard input by default",
                isOptional: true),
        ],
        options: [
            Option(
                name: "as", value: "NAME",
                summary: "name of the root; the lines must contain only one"
            ), timeout,
        ],
        details: [
            "All roots of the lines, or, if anything is wrong with them, none: the error names the "
                + "line. Roots that the heap has already are not replaced.",
            "In an existing heap, this is one transaction; readers continue. A new heap appears "
                + "when it is complete.",
        ],
        examples: [
            Example(command: "load restored.heap inventory.jsonl", meaning: "A heap from a dump."),
            Example(
                command: "dump inventory.heap | holdfast load tidy.heap",
                meaning: "Rebuild a heap without fragmentation."),
        ]
    ) { call in
        let source = call.operands.count > 1 && call.operands[1] != "-" ? call.operands[1] : nil
        let lines = try InputLines(source)
        let progress = call.progress("load", unit: "lines")
        defer { progress.finish() }
        var count = 0
        func next() throws -> String? {
            try Interruption.check()
            guard let line = try lines.next() else { return nil }
            count += 1
            progress.show(count, of: 0)
            return line
        }
        let name = call.value("as")
        let said = source ?? "the standard input"
        let isNew = unsafe PathBytes.withCString(call.path) { unsafe access($0, F_OK) } != 0
        let names: [String]
        if isNew {
            names = try PersistentHeap.build(
                call.path, as: name, source: said, rights: lines.rightsIfPrivate, from: next)
        } else {
            let heap = try call.openHeap(.readWrite)
            defer { try? heap.close() }
            try call.warn(of: heap)
            try heap.requireChangeable()
            names = try heap.importLines(as: name, source: said, from: next)
            try heap.close()
        }
        progress.finish()
        let list = names.map { DisplayText.quoted($0) }.joined(separator: ", ")
        try call.print(
            "\(DisplayText.oneLine(call.path)): "
                + "\(isNew ? "made, " : "")\(Figures.count(names.count, "root")) loaded of "
                + "\(Figures.count(count, "line")): \(list)"
        )
        return .fine
    }
}

/// Reads the lines of a file or of the standard input.
final class InputLines {
    private let descriptor: FileDescriptor
    private let name: String
    private var buffer: [UInt8] = []
    private var start = 0
    private var isAtEnd = false
    private static let bufferBytes = 1 << 16

    /// Nil means the standard input.
    init(_ path: String?) throws {
        name = path ?? "the standard input"
        guard let path else {
            descriptor = .standardInput
            return
        }
        do throws(Errno) { descriptor = try FileDescriptor.open(reading: path) } catch {
            throw Self.failure(error, path)
        }
    }

    deinit { if descriptor != .standardInput { descriptor.close() } }

    /// The permissions of a file that not everybody may read, for what is made from its lines.
    var rightsIfPrivate: FileRights? {
        descriptor.rights.flatMap { $0.mode & 0o044 == 0o044 ? nil : $0 }
    }

    private static func failure(_ errno: Errno, _ name: String) -> CommandFailure {
        CommandFailure(
            "\(name) could not be read: \(errno) (error \(errno.rawValue)). Name a file of "
                + "lines that holdfast dump has written."
        )
    }

    /// Returns the next line without its terminator, or nil at the end.
    func next() throws -> String? {
        var searched = start
        while true {
            if let end = buffer[searched...].firstIndex(of: UInt8(ascii: "\n")) {
                defer { start = end + 1 }
                return try text(buffer[start ..< end])
            }
            if isAtEnd {
                guard start < buffer.count else { return nil }
                defer { start = buffer.count }
                return try text(buffer[start...])
            }
            searched = buffer.count - start
            buffer.removeSubrange(..<start)
            start = 0
            try fill()
        }
    }

    private func text(_ bytes: ArraySlice<UInt8>) throws -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw CommandFailure(
                "\(name) is not text in UTF-8. Name a file of lines that holdfast dump has written."
            )
        }
        return text
    }

    private func fill() throws {
        let count = buffer.count
        buffer.append(contentsOf: repeatElement(0, count: Self.bufferBytes))
        while true {
            // Not directly into `read`: a signal that arrives just before it would not interrupt
            // it.
            guard descriptor.waitToRead(milliseconds: 100) else {
                try Interruption.check()
                continue
            }
            let found = unsafe buffer.withUnsafeMutableBytes { bytes -> Result<Int, Errno> in
                do throws(Errno) {
                    let rest = unsafe UnsafeMutableRawBufferPointer(rebasing: bytes[count...])
                    return unsafe .success(try descriptor.read(into: rest))
                } catch { return .failure(error) }
            }
            if case .failure(.interrupted) = found {
                try Interruption.check()
                continue
            }
            buffer.removeLast(Self.bufferBytes - ((try? found.get()) ?? 0))
            if case .failure(let errno) = found { throw Self.failure(errno, name) }
            isAtEnd = buffer.count == count
            return
        }
    }
}
