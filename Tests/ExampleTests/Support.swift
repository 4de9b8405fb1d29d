import Foundation
import TestProcesses
import Testing

/// A folder of its own for a test, removed with everything in it when the test lets go of it.
final class TemporaryFolder {
    let path: String

    init() throws {
        path =
            FileManager.default.temporaryDirectory.appendingPathComponent(
                "holdfast-\(UUID().uuidString)"
            ).path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func file(_ name: String) -> String { path + "/" + name }

    var names: [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted()
    }

    func write(_ text: String, to name: String) throws {
        try Data(text.utf8).write(to: URL(filePath: file(name)))
    }

    func append(_ text: String, to name: String) throws {
        let handle = try FileHandle(forWritingTo: URL(filePath: file(name)))
        try handle.seekToEnd()
        try handle.write(contentsOf: Data(text.utf8))
        try handle.close()
    }

    func size(_ name: String) throws -> Int {
        try #require(FileManager.default.attributesOfItem(atPath: file(name))[.size] as? Int)
    }
}

/// The folder that this test program, and so the package's other products, were built into.
let productsFolder: URL =
    Bundle.allBundles.first { $0.bundlePath.hasSuffix(".xctest") }?.bundleURL
    .deletingLastPathComponent()
    ?? URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()

/// The package's own folder.
let packageFolder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

/// An example program, run as its user runs it.
struct Example {
    struct Outcome {
        var end: ChildProcess.End
        var lines: [String]
        var error: String

        var status: Int32? { if case .exited(let status) = end { status } else { nil } }
        /// Whether it said what is wrong, in one line and with this status, instead of dying of it.
        func isMistake(_ status: Int32, _ part: String) -> Bool {
            self.status == status && error.split(separator: "\n").count == 1 && error.contains(part)
        }
    }

    let name: String
    let folder: TemporaryFolder

    /// Starts it; what it says on standard error is in the file `errors`.
    func start(_ arguments: [String], errors: String = "errors") throws -> ChildProcess {
        try ChildProcess(
            productsFolder.appendingPathComponent(name).path, arguments, errors: folder.file(errors)
        )
    }

    /// Runs it to its end.
    func run(_ arguments: String...) throws -> Outcome { try run(arguments) }

    func run(_ arguments: [String]) throws -> Outcome {
        let errors = "errors-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder.file(errors)) }
        let process = try start(arguments, errors: errors)
        var lines: [String] = []
        while let line = process.readLine(within: .seconds(120)) { lines.append(line) }
        // One that says nothing more and does not end is ended, and that is then what the test
        // sees.
        let end = waitUntil { process.poll() != nil } ? process.waitForEnd() : process.destroy()
        return Outcome(
            end: end, lines: lines,
            error: (try? String(contentsOfFile: folder.file(errors), encoding: .utf8)) ?? "")
    }

    /// Runs it, and demands that all goes well; what it printed.
    @discardableResult
    func lines(_ arguments: String..., location: SourceLocation = #_sourceLocation) throws
        -> [String]
    {
        let outcome = try run(arguments)
        try #require(
            outcome.status == 0, "\(arguments): \(outcome.end) \(outcome.error)",
            sourceLocation: location)
        return outcome.lines
    }
}

/// What a line of shell prints, both outputs together.
func shell(_ line: String, in folder: TemporaryFolder) throws -> String {
    let process = Process()
    process.executableURL = URL(filePath: "/bin/sh")
    process.arguments = ["-c", line]
    process.currentDirectoryURL = URL(filePath: folder.path)
    var environment = ProcessInfo.processInfo.environment
    environment["PATH"] = productsFolder.path + ":" + (environment["PATH"] ?? "/usr/bin:/bin")
    environment["SWIFT_BACKTRACE"] = "enable=no"
    process.environment = environment
    let output = Pipe()
    process.standardOutput = output
    process.standardError = output
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return text
}

/// Looks again and again; false if it has not come true after a minute.
func waitUntil(_ condition: () throws -> Bool) rethrows -> Bool {
    for _ in 0 ..< 60_000 {
        if try condition() { return true }
        usleep(1000)
    }
    return false
}
