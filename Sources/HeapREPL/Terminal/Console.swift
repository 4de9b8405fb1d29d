import HoldfastSystem
import HoldfastTools

/// The two outputs of the REPL, for results and for errors. Every line is written immediately, so
/// that a program at the other end of a pipe can act on it.
struct Console {
    /// Results cannot be written, because the reader is gone or the disk is full.
    struct Failure: Error, CustomStringConvertible {
        let errno: Errno
        var description: String { "the output could not be written: \(errno)" }
    }

    private let answers = Output.standardOutput()
    private let painter: Painter

    init() {
        painter = Painter(
            isOn: answers.traits.hasColour && Output.standardError().traits.hasColour)
    }

    enum Style {
        case error, note, added, removed

        fileprivate var paint: Painter.Style {
            switch self {
            case .error: .red
            case .note: .faint
            case .added: .green
            case .removed: .yellow
            }
        }
    }

    func styled(_ text: String, _ style: Style) -> String { painter(text, style.paint) }

    func print(_ line: String) throws(Failure) { try print(line, terminator: "\n") }

    func print(_ text: String, terminator: String) throws(Failure) {
        do throws(OutputError) {
            try answers.write(text + terminator)
            try answers.flush()
        } catch {
            switch error {
            case .closedPipe: throw Failure(errno: .brokenPipe)
            case .failed(_, let errno): throw Failure(errno: errno)
            }
        }
    }

    /// Writes a line to standard error. A failure is ignored: it cannot be reported anywhere else.
    static func complain(_ line: String) {
        let errors = Output.standardError()
        try? errors.writeLine(line)
        try? errors.flush()
    }
}
