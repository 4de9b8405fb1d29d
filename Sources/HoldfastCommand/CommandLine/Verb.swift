import HoldfastTools

/// An operation of the command. Arguments are parsed, and help, completions and the manual page are
/// generated, from the table of all verbs.
struct Verb: Sendable {
    /// The completions that a shell offers.
    enum Completion: Sendable {
        case file
        case words([String])
        case nothing
    }

    struct Operand: Sendable {
        let name: String
        let summary: String
        var isOptional = false
        /// Whether there can be several. Only of the last one.
        var isRepeated = false
        var completion = Completion.file

        /// As the usage has it: `[ROOT...]`.
        var usage: String {
            let name = isRepeated ? name + "..." : name
            return isOptional ? "[\(name)]" : name
        }
    }

    struct Option: Sendable {
        /// Without the two hyphens.
        let name: String
        /// The name of the value, or nil for an option without one.
        var value: String?
        let summary: String
        var completion = Completion.nothing
    }

    struct Example: Sendable {
        let command: String
        let meaning: String
    }

    let name: String
    /// A summary on one line without a full stop.
    let summary: String
    var operands: [Operand] = []
    var options: [Option] = []
    /// Paragraphs of help.
    var details: [String] = []
    var examples: [Example] = []
    /// The exit status after an error.
    var failure = ExitStatus.failed
    /// Runs the verb and returns the exit status.
    let run: @Sendable (Invocation) throws -> ExitStatus

    /// `info FILE [--json]`, without the command's name.
    var usage: String {
        let operands = operands.map(\.usage)
        let options = options.map { option in
            "[--\(option.name)\(option.value.map { " " + $0 } ?? "")]"
        }
        return ([name] + operands + options).joined(separator: " ")
    }

    /// The verb's own options and the one that all verbs have.
    var allOptions: [Option] { options + [Option(name: "help", summary: "print this help")] }
}

/// The exit status of the program.
enum ExitStatus: Int32, Sendable {
    case fine = 0
    /// Damage or a failure; of `diff`, a difference.
    case failed = 1
    /// Of `diff`, any failure.
    case wrongUsage = 2
}

/// A call of a verb.
struct Invocation {
    let verb: Verb
    let operands: [String]
    private let options: [String: String]
    let output: Output
    let errors: Output
    let moments = ArchivedMoments()

    init(verb: Verb, operands: [String], options: [String: String], output: Output, errors: Output)
    {
        self.verb = verb
        self.operands = operands
        self.options = options
        self.output = output
        self.errors = errors
    }

    func has(_ option: String) -> Bool { options[option] != nil }

    func value(_ option: String) -> String? { options[option] }

    /// Returns the option's value as an integer in `range`, or nil if it was not given.
    func number(_ option: String, in range: ClosedRange<Int>) throws(UsageError) -> Int? {
        guard let text = options[option] else { return nil }
        guard let number = Int(text), range.contains(number) else {
            let allowed =
                range.upperBound == .max
                ? "an integer of at least \(range.lowerBound)"
                : "an integer from \(range.lowerBound) to \(range.upperBound)"
            throw UsageError(
                "--\(option) takes \(allowed), not \(DisplayText.quoted(text))", verb: verb.name)
        }
        return number
    }

    /// Returns the option's value as a number of seconds, or nil if it was not given.
    func seconds(_ option: String) throws(UsageError) -> Duration? {
        guard let text = options[option] else { return nil }
        guard let number = Double(text), number >= 0, number <= 1e6 else {
            throw UsageError(
                "--\(option) takes a number of seconds, not \(DisplayText.quoted(text))",
                verb: verb.name)
        }
        return .seconds(number)
    }

    /// Parses the text as a number of bytes.
    func bytes(_ text: String, _ what: String) throws(UsageError) -> Int {
        guard let number = Figures.parseBytes(text) else {
            throw UsageError(
                "\(what) is a number of bytes such as 4096, 64K or 1.5G, not "
                    + "\(DisplayText.quoted(text))",
                verb: verb.name)
        }
        return number
    }

    /// Returns a bar for output other than the result, such as progress. It goes to the standard
    /// error, so that it does not get into a pipe.
    func progress(_ title: String, unit: String) -> ProgressBar {
        ProgressBar(title, unit: unit, on: errors)
    }

    func print(_ line: String = "") throws { try output.writeLine(line) }
}
