import Holdfast
import HoldfastSystem
import HoldfastTools

/// The whole command, from arguments to an exit status. All errors end here, as one line on the
/// standard error.
struct Program {
    static let version = "1.0"
    private let output = Output.standardOutput()
    private let errors = Output.standardError()
    private let verbs = Verb.all

    /// Runs the command and returns the exit status.
    func run(_ arguments: [String]) -> Int32 {
        var failure = ExitStatus.failed
        do {
            let request = try ArgumentParser(verbs: verbs).parse(arguments)
            if case .run(let name, _, _) = request { failure = verb(named: name).failure }
            let status = try perform(request)
            try output.flush()
            return status.rawValue
        } catch {
            return end(error, failure)
        }
    }

    private func verb(named name: String) -> Verb { verbs.first { $0.name == name }! }

    private func perform(_ request: Request) throws -> ExitStatus {
        switch request {
        case .overview:
            for line in help(for: errors).overview { try errors.writeLine(line) }
            try errors.flush()
            return .wrongUsage
        case .version:
            try output.writeLine(
                "holdfast \(Self.version), heap format \(HeapStatistics.currentFormatVersion)")
        case .help(nil):
            for line in help(for: output).overview { try output.writeLine(line) }
        case .help(let name?):
            for line in help(for: output).lines(for: verb(named: name)) {
                try output.writeLine(line)
            }
        case .manual:
            try output.write(ManualPage(verbs: verbs).text)
        case .run(let name, let operands, let options):
            let verb = verb(named: name)
            return try verb.run(
                Invocation(
                    verb: verb, operands: operands, options: options, output: output, errors: errors
                ))
        }
        return .fine
    }

    private func help(for output: Output) -> HelpText {
        HelpText(verbs: verbs, painter: output.painter, width: output.traits.width)
    }

    private func end(_ error: any Error, _ status: ExitStatus) -> Int32 {
        // The results of a verb before its failure are useful.
        var failure: any Error = error
        if !(error is OutputError) {
            do { try output.flush() } catch OutputError.closedPipe {} catch { failure = error }
        }
        switch failure {
        case OutputError.closedPipe: return 128 + Signal.brokenPipe.number
        case let error as Interruption.Interrupted: return 128 + error.signal
        case HeapError.cancelled: return 128 + max(1, Interruption.receivedSignal)
        case let error as UsageError:
            complain(error.description)
            return ExitStatus.wrongUsage.rawValue
        case let error as HeapError: complain(error.commandDescription)
        case let error as any CustomStringConvertible: complain(error.description)
        default: complain("\(failure)")
        }
        return status.rawValue
    }

    private func complain(_ message: String) {
        let text = DisplayText.oneLine(message)
        try? errors.writeLine("\(errors.painter("holdfast:", .boldRed)) \(text)")
        try? errors.flush()
    }
}
