import Foundation
import TestSupport

let replPath = productsFolder.appendingPathComponent("heap-repl").path

extension TemporaryFolder {
    var heap: String { file() }

    /// A terminal with the program on this folder's heap, and a history of its own.
    func terminal(_ environment: [String: String] = [:], arguments: [String] = []) throws
        -> Terminal
    {
        try Terminal(
            replPath, arguments + [heap],
            environment: ["HEAP_REPL_HISTORY": file("history"), "HOME": path].merging(environment) {
                $1
            })
    }
}

/// A complete run of the program, with input from a pipe.
struct ProgramRun {
    var status: Int32
    var output: String
    var error: String

    var lines: [String] {
        output.split(separator: "\n", omittingEmptySubsequences: false).map(String.init).dropLast()
    }
    var errorLines: [String] { error.split(separator: "\n").map(String.init) }

    /// If the output is not taken, it goes into a pipe without a reader.
    init(_ arguments: [String], script: String = "", takesOutput: Bool = true) throws {
        try self.init(replPath, arguments, script: script, takesOutput: takesOutput)
    }

    /// With the output or the limits set up by a shell: `"$@"` in the command is the program.
    init(shell command: String, _ arguments: [String], script: String = "") throws {
        try self.init(
            "/bin/sh", ["-c", command, "sh", replPath] + arguments, script: script,
            takesOutput: true)
    }

    private init(_ executable: String, _ arguments: [String], script: String, takesOutput: Bool)
        throws
    {
        let folder = try TemporaryFolder()
        try Data(script.utf8).write(to: URL(fileURLWithPath: folder.file("script")))
        for name in ["output", "error"] {
            _ = FileManager.default.createFile(atPath: folder.file(name), contents: nil)
        }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: executable)
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging([
            "SWIFT_BACKTRACE": "enable=no"
        ]) { $1 }
        process.standardInput = FileHandle(forReadingAtPath: folder.file("script"))
        process.standardOutput = FileHandle(forWritingAtPath: folder.file("output"))
        process.standardError = FileHandle(forWritingAtPath: folder.file("error"))
        let pipe = Pipe()
        if !takesOutput {
            process.standardOutput = pipe.fileHandleForWriting
            try pipe.fileHandleForReading.close()
        }
        try process.run()
        process.waitUntilExit()
        status =
            process.terminationReason == .exit
            ? process.terminationStatus : 128 + process.terminationStatus
        output = try String(contentsOfFile: folder.file("output"), encoding: .utf8)
        error = try String(contentsOfFile: folder.file("error"), encoding: .utf8)
    }
}
