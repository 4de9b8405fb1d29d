import Foundation
import Testing

/// The examples' pages are correct: every command of a page is run, in the order of the page and in
/// a folder of its own, and prints the output on the page.
@Suite struct PageTests {
    /// Removes the figures, which depend on the day and the machine. Blocks marked `measured` are
    /// compared without their numbers.
    private func withoutNumbers(_ text: String) -> String {
        text.replacing(/[0-9][0-9,.]*/, with: "#").replacing(/\ +/, with: " ")
    }

    private struct Step {
        var command: String
        var output: String
        var isMeasured: Bool
    }

    /// Returns the commands, which begin with a dollar sign, in the page's `console` blocks.
    private func steps(_ page: String) throws -> [Step] {
        let text = try String(
            contentsOf: repositoryFolder.appendingPathComponent("Docs/Examples/\(page).md"),
            encoding: .utf8)
        var steps: [Step] = []
        var block: String?
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            if line.hasPrefix("```") {
                block = block == nil ? String(line.dropFirst(3)) : nil
            } else if let block, block.hasPrefix("console") {
                if line.hasPrefix("$ ") {
                    steps.append(
                        Step(
                            command: String(line.dropFirst(2)), output: "",
                            isMeasured: block.hasSuffix("measured")))
                } else {
                    try #require(!steps.isEmpty)
                    steps[steps.count - 1].output += line + "\n"
                }
            }
        }
        return steps
    }

    @Test(arguments: [
        "TaskList", "Tracker", "CSVIndex", "LogAnalyser", "SharedDictionary", "MessageQueue",
    ])
    func pagesShowWhatHappens(page: String) throws {
        let folder = try TemporaryFolder()
        let steps = try steps(page)
        #expect(steps.count >= 3)
        for step in steps
        where !step.command.hasPrefix("swift build") && !step.command.hasPrefix("export PATH") {
            let output = try shell(step.command, in: folder)
            if step.isMeasured {
                #expect(withoutNumbers(output) == withoutNumbers(step.output), "\(step.command)")
            } else {
                #expect(output == step.output, "\(step.command)")
            }
        }
    }
}
