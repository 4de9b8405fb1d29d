import Foundation
import Holdfast
import MemoryMapping

// heap-repl: Swift-like lines against a live heap.
//
//     heap-repl stock.heap              on a terminal: with editing, history and completion
//     heap-repl stock.heap < SCRIPT     as a script, up to its first error

// A pipe without a reader, and a file at its size limit, become errors that are reported.
signal(SIGPIPE, SIG_IGN)
signal(SIGXFSZ, SIG_IGN)

switch Invocation(PathBytes.commandLineArguments()) {
case .help:
    do {
        try Console().print(Invocation.usage)
    } catch {
        Console.complain("heap-repl: \(error)")
        exit(1)
    }
case .wrong(let why):
    Console.complain("heap-repl: \(why)\n\(Invocation.usage)")
    exit(2)
case .run(let settings):
    exit(Program.run(settings))
}
