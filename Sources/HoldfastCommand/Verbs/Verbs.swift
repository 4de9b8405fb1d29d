import Holdfast
import HoldfastEngine
import HoldfastTools

extension Verb {
    /// Every verb, in the order of the overview.
    static let all: [Verb] = [
        info, check, show, diff, map, dump, load, copy, archive, restore, verify, tail, follow,
        promote, compact,
        grow, shrink, bench, watch, metrics, completions,
    ]

    static let json = Option(name: "json", summary: "print one JSON object instead")
    static let timeout = Option(
        name: "timeout", value: "SECONDS",
        summary: "maximum wait for other processes that use the heap (default 10)")
    static let archiveFolder = Operand(
        name: "FOLDER", summary: "the archive: a folder of segments")
    static let heapFile = Operand(name: "FILE", summary: "a heap file")
}

extension Invocation {
    /// The first operand, for display.
    var path: String { operands[0] }

    /// Opens the heap at `other`, or the one that the first operand names. Never creates one. For
    /// reading, it may be a moment of an archive.
    func openHeap(_ mode: OpenMode, at other: String? = nil) throws -> PersistentHeap {
        let operand = other ?? path
        let file =
            mode == .readOnly ? try moments.heapFile(operand, verb: verb.name) : operand
        return try PersistentHeap.open(file, mode: mode, engineOptions: try engineOptions())
    }

    func engineOptions() throws(UsageError) -> EngineOptions {
        var options = EngineOptions()
        options.createsIfMissing = false
        options.timeout = try seconds("timeout") ?? .seconds(10)
        options.isCancelled = { Interruption.isRequested }
        return options
    }

    /// Prints the heap's warnings on the standard error, one line each.
    func warn(of heap: PersistentHeap) throws {
        for warning in heap.warnings {
            try errors.writeLine(
                "\(errors.painter("holdfast:", .boldYellow)) \(DisplayText.oneLine(warning))")
        }
        for root in try heap.unfinishedRoots {
            try errors.writeLine(
                "\(errors.painter("holdfast:", .boldYellow)) The root \(DisplayText.quoted(root)) "
                    + "is being changed to another type, and only a part of it is shown under its "
                    + "name. A program that declares the new type finishes that when it opens the "
                    + "heap.")
        }
        try errors.flush()
    }
}
