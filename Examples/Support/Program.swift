#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// An invalid call of the program: status 2.
package struct WrongUsage: Error {
    package let reason: String
    package init(_ reason: String) { self.reason = reason }
}

/// An obstacle that the user can remove: status 1.
package struct Problem: Error, CustomStringConvertible {
    package let description: String
    package init(_ description: String) { self.description = description }
}

/// A program for the command line: a name, a help page, and commands.
package struct Program {
    let name: String
    let help: String

    package init(_ name: String, help: String) {
        self.name = name
        self.help = help
    }

    /// Runs the command that the first argument names, and ends the process: with status 0, or with
    /// one line on standard error and status 1 for a failure or 2 for an invalid call.
    package func run(_ commands: KeyValuePairs<String, (inout Arguments) throws -> Void>) -> Never {
        // Writing to a pipe without a reader then returns an error and does not kill the process;
        // see `Output`.
        signal(SIGPIPE, SIG_IGN)
        do {
            var arguments = Arguments()
            if arguments.flag("--help") || arguments.flag("-h") {
                say(help)
                exit(0)
            }
            let word = try arguments.next("a command")
            guard let command = commands.first(where: { $0.key == word })?.value else {
                throw WrongUsage(
                    "there is no command \"\(word)\"; the commands are "
                        + "\(commands.map(\.key).joined(separator: ", "))"
                )
            }
            try command(&arguments)
            exit(0)
        } catch let error as WrongUsage {
            end("\(error.reason) (see \(name) --help)", status: 2)
        } catch {
            end("\(error)", status: 1)
        }
    }

    private func end(_ text: String, status: Int32) -> Never {
        // A path may contain any character. The message stays on one line.
        let line = String(text.map { $0.isNewline ? " " : $0 })
        Output.error.write("\(name): \(line)\n")
        exit(status)
    }
}
