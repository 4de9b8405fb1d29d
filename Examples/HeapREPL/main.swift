import Foundation
import Holdfast
import MemoryMapping

// heap-repl: Swift-like lines against a live heap.
//
//     heap-repl stock.heap              on a terminal: with editing, history and completion
//     heap-repl stock.heap < SCRIPT     as a script, up to its first error

// What nobody reads any more, and a file that may not grow, are errors that are reported.
signal(SIGPIPE, SIG_IGN)
signal(SIGXFSZ, SIG_IGN)

switch Invocation(PathBytes.commandLineArguments()) {
case .help:
    do {
        try Output().print(Invocation.usage)
    } catch {
        Output.complain("heap-repl: \(error)")
        exit(1)
    }
case .wrong(let why):
    Output.complain("heap-repl: \(why)\n\(Invocation.usage)")
    exit(2)
case .run(let settings):
    exit(Program.run(settings))
}
