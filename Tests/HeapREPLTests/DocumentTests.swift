import Foundation
import Testing
import TestSupport

/// The sessions shown in the documentation, compared with the program's answers.
@Suite(.progress) struct DocumentTests {
    /// The lines between ```` ```heap-repl ```` and ```` ``` ````: prompts with the typed input,
    /// and the output.
    private func sessions(of page: String) throws -> [[String]] {
        var found: [[String]] = []
        var isInside = false
        for line in try String(
            contentsOf: packageFolder.appendingPathComponent(page), encoding: .utf8
        )
        .split(separator: "\n", omittingEmptySubsequences: false) {
            if line == "```heap-repl" {
                found.append([])
                isInside = true
            } else if line == "```" {
                isInside = false
            } else if isInside {
                found[found.count - 1].append(String(line))
            }
        }
        return found
    }

    /// The sessions of a page run in sequence on one heap.
    @Test(arguments: [("Docs/Examples/HeapREPL.md", 2), ("README.md", 1)])
    func theSessionIsAsThePageShowsIt(page: String, count: Int) throws {
        let sessions = try sessions(of: page)
        #expect(sessions.count >= count)
        let folder = try TemporaryFolder()
        for session in sessions {
            let prompts = ["> ", "... ", "begin> "]
            let typed = session.compactMap { line in
                prompts.first { line.hasPrefix($0) }.map { String(line.dropFirst($0.count)) }
            }
            let shown = session.filter { line in !prompts.contains { line.hasPrefix($0) } }
            let run = try ProgramRun([folder.heap], script: typed.joined(separator: "\n"))
            // On a terminal an error does not end the program; the last line of a session may be
            // one.
            let errors = run.error.split(separator: "\n").map(String.init)
            let report =
                errors.isEmpty
                ? []
                : Array(errors.dropFirst()) + [
                    "error: " + (errors[0].split(separator: ": ", maxSplits: 2).last ?? "")
                ]
            #expect(run.lines + report == shown)
        }
    }
}
