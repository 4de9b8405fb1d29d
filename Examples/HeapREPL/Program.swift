import Foundation
import Holdfast
import MemoryMapping

/// How the program was called.
enum Invocation {
    struct Settings {
        var path: String
        var isReadOnly = false
        /// How long a line waits for another process's transaction.
        var timeout = Duration.seconds(10)
    }

    case run(Settings)
    case help
    case wrong(String)

    static let usage = """
        usage: heap-repl [--read-only] [--timeout SECONDS] FILE
               Lines from the terminal, or a script from a pipe; `help` among them lists what they can be.
               A heap is made at FILE if there is none. Status: 0 fine, 1 failed, 2 wrong usage.
        """

    init(_ arguments: [String]) {
        var settings = Settings(path: "")
        var paths: [String] = []
        var index = 0
        var optionsEnd = false
        while index < arguments.count {
            let argument = arguments[index]
            index += 1
            if optionsEnd || !argument.hasPrefix("-") {
                paths.append(argument)
                continue
            }
            switch argument {
            case "--": optionsEnd = true
            case "--help", "-h":
                self = .help
                return
            case "--read-only": settings.isReadOnly = true
            case "--timeout":
                guard index < arguments.count, let seconds = Double(arguments[index]), seconds >= 0,
                    seconds <= 86400
                else {
                    self = .wrong("--timeout needs a number of seconds")
                    return
                }
                settings.timeout = .milliseconds(Int(seconds * 1000))
                index += 1
            default:
                self = .wrong("there is no option \(Printable.line(argument))")
                return
            }
        }
        guard paths.count == 1, !paths[0].isEmpty else {
            self = .wrong(paths.isEmpty ? "no FILE is named" : "only one FILE can be named")
            return
        }
        settings.path = paths[0]
        self = .run(settings)
    }
}

/// Opens the heap, runs the lines and closes it.
enum Program {
    /// Files up to this size are compared with their checksums before they are used: reading
    /// damaged pages could end the program, and this takes no time to speak of.
    private static let verifiedBytes: Int64 = 256 << 20

    static func run(_ settings: Invocation.Settings) -> Int32 {
        let output = Output()
        let isInteractive = isatty(0) == 1 && isatty(1) == 1
        do {
            var options = PersistentHeap.Options()
            options.timeout = settings.timeout
            var status = stat()
            let isThere = PathBytes.withCString(settings.path) { stat($0, &status) } == 0
            options.verifiesPages = isThere && status.st_size <= verifiedBytes
            let heap = try PersistentHeap.open(
                settings.path, mode: settings.isReadOnly ? .readOnly : .readWrite, options: options)
            if isInteractive {
                try greet(heap, isNew: !isThere, isReadOnly: settings.isReadOnly, output)
            }
            let result = try Session(
                heap, source(isInteractive, output), output, isInteractive: isInteractive
            ).run()
            try heap.close()
            return result
        } catch {
            Output.complain("heap-repl: \(Printable.line("\(error)"))")
            return 1
        }
    }

    private static func source(_ isInteractive: Bool, _ output: Output) -> any LineSource {
        guard isInteractive else { return PlainLines(prompting: nil) }
        Interruption.install()
        return EditedLines(output, History()) ?? PlainLines(prompting: output)
    }

    private static func greet(
        _ heap: PersistentHeap, isNew: Bool, isReadOnly: Bool, _ output: Output
    ) throws {
        let state =
            isNew
            ? "a new heap" : isReadOnly ? "read-only" : "\(try heap.read { $0.roots.count }) roots"
        try output.print(
            output.styled(
                "\(Printable.line(heap.path)): \(state). `help` lists what lines can be.", .note))
        for warning in heap.warnings {
            try output.print(output.styled(Printable.line(warning), .note))
        }
    }
}
