import Foundation
import HoldfastSystem
import HoldfastTools

/// The result of requesting a line.
enum Input {
    case line(String)
    /// Ctrl-C: the current input is discarded.
    case interrupted
    case end
}

/// A source of lines.
protocol LineSource: AnyObject {
    /// Returns the next line. `completions` are valid until it returns.
    func next(prompt: String, completion: Completion) throws -> Input
    /// Adds an accepted line to the history.
    func remember(_ line: String)
}

/// Lines of a file or pipe, or of a terminal without editing.
final class PlainLines: LineSource {
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    /// Nil for a script: no prompts.
    private let output: Console?
    private var buffer: [UInt8] = []
    private var isAtEnd = false
    private var number = 0

    /// Longer lines are rejected before they fill the memory.
    static let longestLine = 1 << 20

    init(prompting output: Console?) { self.output = output }

    func next(prompt: String, completion: Completion) throws -> Input {
        try output?.print(prompt, terminator: "")
        number += 1
        var searched = 0
        while true {
            if let end = buffer[searched...].firstIndex(of: UInt8(ascii: "\n")) {
                let line = try decode(Array(buffer[..<end]))
                buffer.removeSubrange(...end)
                return .line(line)
            }
            searched = buffer.count
            guard searched <= Self.longestLine else {
                throw Failure(
                    description: "line \(number) is longer than \(Self.longestLine) bytes")
            }
            if isAtEnd {
                guard !buffer.isEmpty else { return .end }
                defer { buffer = [] }
                return .line(try decode(buffer))
            }
            if output != nil, !Interruption.waitForInput(.standardInput) {
                buffer = []
                try output?.print("")
                return .interrupted
            }
            var bytes = [UInt8](repeating: 0, count: 1 << 16)
            let count = unsafe read(0, &bytes, bytes.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else {
                throw Failure(
                    description:
                        unsafe "the input could not be read: \(String(cString: strerror(errno)))")
            }
            if count == 0 {
                isAtEnd = true
                try output?.print("")
            }
            buffer += bytes[..<count]
        }
    }

    private func decode(_ bytes: [UInt8]) throws -> String {
        var bytes = bytes
        if bytes.last == UInt8(ascii: "\r") { bytes.removeLast() }
        guard let line = String(validating: bytes, as: UTF8.self) else {
            throw Failure(description: "line \(number) is not UTF-8")
        }
        return line
    }

    func remember(_ line: String) {}
}
