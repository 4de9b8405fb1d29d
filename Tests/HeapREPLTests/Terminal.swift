import Foundation
import TestSupport

/// A program on a terminal, with an interface for these tests: keys in, and the lines of the screen
/// out.
final class Terminal {
    private let terminal: PseudoTerminal
    /// Whether lines are edited on it.
    private let isEdited: Bool
    /// The number of lines on the screen when the last key was typed.
    private var seenLines = 0

    /// Special keys.
    enum Key: String {
        case enter = "\r"
        case tab = "\t"
        case up = "\u{1B}[A"
        case left = "\u{1B}[D"
        case backspace = "\u{7F}"
        case controlA = "\u{01}"
        case controlC = "\u{03}"
        case controlD = "\u{04}"
    }

    init(_ executable: String, _ arguments: [String], environment: [String: String]) throws {
        isEdited = environment["TERM"] != "dumb"
        terminal = try PseudoTerminal(
            executable, arguments, columns: 200,
            environment: ["TERM": "xterm", "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8"].merging(
                environment
            ) { $1 })
    }

    /// The complete raw output.
    var output: String { terminal.output }
    var lines: [String] { Self.lines(terminal) }

    private static func lines(_ terminal: PseudoTerminal) -> [String] {
        terminal.screen.text.split(separator: "\n", omittingEmptySubsequences: false).map(
            String.init)
    }

    func type(_ text: String) {
        seenLines = lines.count
        terminal.type(text)
    }

    func press(_ keys: Key...) { type(keys.map(\.rawValue).joined()) }

    /// Types a line and Enter.
    func enter(_ line: String) { type(line + Key.enter.rawValue) }

    func kill(_ signal: Int32) { Foundation.kill(terminal.processNumber, signal) }

    /// Waits until the last nonempty line of the screen is this one: a prompt, or a prompt with
    /// input.
    func waitForLast(_ line: String) throws {
        // A prompt must be a new one.
        let count = Self.prompts.contains(line) ? seenLines : 0
        try wait("the last line “\(line)”") { $0.count > count && $0.last { !$0.isEmpty } == line }
        if Self.prompts.contains(line) { try waitForKeys() }
    }

    /// Waits until the entered line has been read, and so is running.
    func waitUntilTaken() throws {
        let deadline = ContinuousClock.now + .seconds(60)
        while terminal.isRaw {
            guard ContinuousClock.now < deadline else {
                throw PseudoTerminal.Failure("the program does not take the line")
            }
            usleep(1000)
        }
    }

    /// Waits until the program accepts keys: between its prompt and that, the terminal itself would
    /// accept and echo them.
    private func waitForKeys() throws {
        let deadline = ContinuousClock.now + .seconds(60)
        while isEdited, !terminal.isRaw {
            guard ContinuousClock.now < deadline else {
                throw PseudoTerminal.Failure("the program takes no keys")
            }
            usleep(1000)
        }
    }

    private static let prompts = [">", "...", "begin>"]

    /// Waits until one of the lines since the last key is this one, and the program asks for the
    /// next: before that, the terminal itself would accept the input.
    func waitFor(_ line: String) throws {
        try wait("the line “\(line)” and a prompt") { [seenLines] lines in
            lines.dropFirst(max(seenLines - 1, 0)).contains(line)
                && Self.prompts.contains(lines.last { !$0.isEmpty } ?? "")
        }
        try waitForKeys()
    }

    func wait(_ what: String, until isSo: ([String]) -> Bool) throws {
        try terminal.wait(what) { isSo(Self.lines($0)) }
    }

    /// Its exit status, or 128 plus the number of the signal that ended it.
    func waitForEnd() throws -> Int32 {
        switch try terminal.waitForEnd() {
        case .exited(let status): status
        case .signalled(let signal): 128 + signal
        }
    }
}
