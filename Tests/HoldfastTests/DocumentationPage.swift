import Foundation
import TestSupport

/// A page in `Docs`, split into its blocks of code.
struct DocumentationPage {
    /// The text between two fences.
    struct Block {
        /// The language named in the opening fence: `swift`, `console`.
        let language: String
        /// The line number in the page of the first line of its text, from 1.
        let line: Int
        /// The nearest heading of the second level above it; empty before the first.
        let section: String
        let lines: [String]

        /// The file named in a comment in the first line, as in `// Sources/inventory/main.swift`.
        var file: String? {
            guard let first = lines.first, first.hasPrefix("// "), first.hasSuffix(".swift"),
                !first.dropFirst(3).contains(" ")
            else {
                return nil
            }
            return String(first.dropFirst(3))
        }

        /// A block with an ellipsis shows a form and is not meant to run.
        var isSketch: Bool { lines.contains { $0.contains("…") } }
    }

    /// Relative to the repository's root.
    let path: String
    let blocks: [Block]

    init(_ path: String) throws {
        self.path = path
        let text = try String(
            contentsOf: packageFolder.appendingPathComponent(path), encoding: .utf8)
        var blocks: [Block] = []
        var section = ""
        var open: (language: String, line: Int, lines: [String])?
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false)
            .enumerated()
        {
            if let block = open {
                if line == "```" {
                    blocks.append(
                        Block(
                            language: block.language, line: block.line, section: section,
                            lines: block.lines))
                    open = nil
                } else {
                    open?.lines.append(String(line))
                }
            } else if line.hasPrefix("```") {
                open = (String(line.dropFirst(3)), index + 2, [])
            } else if line.hasPrefix("## ") {
                section = String(line.dropFirst(3))
            }
        }
        self.blocks = blocks
    }

    /// Every page in `Docs` and in the reference's catalogues, relative to the repository's root.
    /// The pages of examples, in a folder of their own, quote the examples' sources.
    static var all: [String] {
        get throws {
            let folders = [
                "Docs", "Sources/Holdfast/Holdfast.docc",
                "Sources/MemoryMapping/MemoryMapping.docc",
            ]
            return try folders.flatMap { folder in
                let names = try FileManager.default.contentsOfDirectory(
                    atPath: packageFolder.path + "/" + folder)
                return names.filter { $0.hasSuffix(".md") }.sorted().map { folder + "/" + $0 }
            }
        }
    }

    /// The code of a section as a function without arguments, in an enum of its own, which holds
    /// the types with attached macros: a macro cannot extend the local types of a function.
    struct Function {
        let section: String
        let name: String
        let isAsync: Bool
        let source: String

        var call: String { "try \(isAsync ? "await " : "")\(name).run()" }
    }

    /// The sections with Swift code that is not a sketch, each as a function that is compiled and
    /// run on its own, and reports the place of a problem in the page.
    func functions(named prefix: String) -> [Function] {
        var sections: [(name: String, blocks: [Block])] = []
        for block in blocks where block.language == "swift" && !block.isSketch && block.file == nil
        {
            if sections.last?.name != block.section { sections.append((block.section, [])) }
            sections[sections.count - 1].blocks.append(block)
        }
        return sections.enumerated().map { number, section in
            let name = "\(prefix)_\(number + 1)"
            var types = ""
            var body = ""
            for block in section.blocks {
                let lines = block.lines.map { $0.hasPrefix("import ") ? "" : $0 }
                let (declared, others) = Self.separate(lines)
                types += place(declared, of: block)
                body += place(others, of: block)
            }
            // In an asynchronous function, the methods for tasks would be meant.
            let isAsync = section.blocks.flatMap(\.lines).contains {
                !$0.hasPrefix(" ") && $0.contains("await ")
            }
            let source =
                "enum \(name) {\n\(types)static func run() \(isAsync ? "async " : "")throws {\n"
                + "\(body)}\n}\n"
            return Function(section: section.name, name: name, isAsync: isAsync, source: source)
        }
    }

    /// Lines of a block, with the place where they stand in the page.
    private func place(_ lines: [String], of block: Block) -> String {
        "#sourceLocation(file: \"\(path)\", line: \(block.line))\n" + lines.joined(separator: "\n")
            + "\n#sourceLocation()\n"
    }

    /// Divides lines into those of types, which attached macros need outside of functions, and all
    /// others. Each takes the place of the other's lines with empty ones.
    private static func separate(_ lines: [String]) -> (types: [String], others: [String]) {
        var types = lines.map { _ in "" }
        var others = types
        var isInType = false
        var depth = 0
        for (index, line) in lines.enumerated() {
            isInType =
                isInType
                || ["@Persistable", "@HeapSchema", "struct ", "enum "].contains(
                    where: line.hasPrefix)
            if isInType { types[index] = line } else { others[index] = line }
            guard isInType else { continue }
            let opened = line.count { $0 == "{" }
            depth += opened - line.count { $0 == "}" }
            isInType = depth > 0 || (opened == 0 && !line.contains("}"))
        }
        return (types, others)
    }
}

/// A block of shell commands, run as one session: lines after `$ ` are commands, followed by their
/// expected output, in which an ellipsis stands for anything.
struct ConsoleSession {
    let commands: [(command: String, expected: String)]

    init(_ block: DocumentationPage.Block) {
        var commands: [(command: String, expected: String)] = []
        for line in block.lines {
            if line.hasPrefix("$ ") {
                commands.append((String(line.dropFirst(2)), ""))
            } else if !commands.isEmpty {
                commands[commands.count - 1].expected += line + "\n"
            }
        }
        self.commands = commands
    }

    private static let separator = "\u{1}"

    /// Runs the commands in `folder` with `tools` first in the search path. Returns the output of
    /// each, the final working directory, and the standard error.
    func run(in folder: String, tools: String) throws -> (
        printed: [String], folder: String, complaints: String
    ) {
        let script = commands.map { "\($0.command)\nprintf '\\001'\n" }.joined() + "pwd\n"
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = ["bash", "-c", script]
        process.currentDirectoryURL = URL(filePath: folder)
        process.environment = ProcessInfo.processInfo.environment.merging(["PWD": folder]) { $1 }
        process.environment?["PATH"] =
            tools + ":" + (ProcessInfo.processInfo.environment["PATH"] ?? "")
        // In a file, so that neither channel can fill up and block the other.
        let complaints = URL(filePath: tools).appendingPathComponent("complaints")
        try Data().write(to: complaints)
        let errors = try FileHandle(forWritingTo: complaints)
        defer { try? errors.close() }
        let pipe = Pipe()
        process.standardOutput = pipe
        process.standardError = errors
        try process.run()
        let output = String(
            decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        var parts = output.components(separatedBy: Self.separator)
        let end = parts.removeLast().trimmingCharacters(in: .newlines)
        return (
            parts, end,
            String(decoding: (try? Data(contentsOf: complaints)) ?? Data(), as: UTF8.self)
        )
    }

    /// Whether the output is the expected one, line by line.
    static func matches(_ printed: String, _ expected: String) -> Bool {
        let printed = lines(printed)
        let expected = lines(expected)
        return printed.count == expected.count
            && zip(printed, expected).allSatisfy { matchesLine($0, $1) }
    }

    private static func lines(_ text: String) -> [String] {
        text.trimmingCharacters(in: .newlines).split(
            separator: "\n", omittingEmptySubsequences: false
        ).map(String.init)
    }

    private static func matchesLine(_ printed: String, _ expected: String) -> Bool {
        let parts = expected.components(separatedBy: "…")
        guard parts.count > 1 else { return printed == expected }
        guard printed.hasPrefix(parts[0]), printed.hasSuffix(parts[parts.count - 1]) else {
            return false
        }
        var rest = Substring(printed)
        for part in parts where !part.isEmpty {
            guard let found = rest.range(of: part) else { return false }
            rest = rest[found.upperBound...]
        }
        return true
    }
}
