import Foundation
import Holdfast
import HoldfastTools
import MemoryMapping

/// Opens the heap, runs the lines and closes it.
enum Program {
    /// Files up to this size are compared with their checksums before use. Reading damaged pages
    /// could end the program, and for these files the comparison takes negligible time.
    private static let verifiedBytes: Int64 = 256 << 20

    static func run(_ settings: Invocation.Settings) -> Int32 {
        let output = Console()
        let isInteractive = isatty(0) == 1 && isatty(1) == 1
        do {
            var options = PersistentHeap.Options()
            options.timeout = settings.timeout
            var status = stat()
            let isThere =
                unsafe PathBytes.withCString(settings.path) { unsafe stat($0, &status) } == 0
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
            Console.complain("heap-repl: \(Printable.line("\(error)"))")
            return 1
        }
    }

    private static func source(_ isInteractive: Bool, _ output: Console) -> any LineSource {
        guard isInteractive else { return PlainLines(prompting: nil) }
        Interruption.beginAtPrompt()
        return EditedLines(output, History()) ?? PlainLines(prompting: output)
    }

    private static func greet(
        _ heap: PersistentHeap, isNew: Bool, isReadOnly: Bool, _ output: Console
    ) throws {
        let state =
            isNew
            ? "a new heap" : isReadOnly ? "read-only" : "\(try heap.read { $0.roots.count }) roots"
        try output.print(
            output.styled(
                "\(Printable.line(heap.path)): \(state). `help` lists the statements.", .note))
        for warning in heap.warnings {
            try output.print(output.styled(Printable.line(warning), .note))
        }
    }
}
