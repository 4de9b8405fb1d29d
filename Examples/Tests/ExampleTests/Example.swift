import Foundation
import Testing

/// The folder into which this test program, and so the examples, were built.
let productsFolder: URL =
    Bundle.allBundles.first { $0.bundlePath.hasSuffix(".xctest") }?.bundleURL
    .deletingLastPathComponent()
    ?? URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()

/// The root of the repository.
let repositoryFolder = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

/// An example program, run in the same way as by its user.
struct Example {
    struct Outcome {
        var end: RunningProgram.End
        var lines: [String]
        var error: String

        var status: Int32? { if case .exited(let status) = end { status } else { nil } }
        /// Whether the program reported the error, on one line and with this status, instead of
        /// crashing.
        func isMistake(_ status: Int32, _ part: String) -> Bool {
            self.status == status && error.split(separator: "\n").count == 1 && error.contains(part)
        }
    }

    let name: String
    let folder: TemporaryFolder

    /// Starts the program. Its standard error goes to the file `errors`.
    func start(_ arguments: [String], errors: String = "errors") throws -> RunningProgram {
        try RunningProgram(
            productsFolder.appendingPathComponent(name).path, arguments, errors: folder.file(errors)
        )
    }

    /// Runs the program until it ends.
    func run(_ arguments: String...) throws -> Outcome { try run(arguments) }

    func run(_ arguments: [String]) throws -> Outcome {
        let errors = "errors-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder.file(errors)) }
        let process = try start(arguments, errors: errors)
        var lines: [String] = []
        while let line = process.readLine(within: .seconds(120)) { lines.append(line) }
        // A program that prints nothing more and does not end is killed, and the test sees that.
        let end = waitUntil { process.poll() != nil } ? process.waitForEnd() : process.destroy()
        return Outcome(
            end: end, lines: lines,
            error: (try? String(contentsOfFile: folder.file(errors), encoding: .utf8)) ?? "")
    }

    /// Runs the program, requires success, and returns its output.
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
