/// The parsed command line of the program.
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
