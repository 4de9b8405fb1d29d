import Holdfast
import HoldfastInspection
import HoldfastTools

extension Verb {
    static let tail = Verb(
        name: "tail",
        summary: "print the changes of an archived heap since a commit, as JSON lines",
        operands: [archiveFolder],
        options: [
            Option(name: "from", value: "N", summary: "the commit up to which changes are known"),
            Option(
                name: "every", value: "SECONDS",
                summary: "go on, and look for changes as often as this, until Ctrl-C"),
        ],
        details: [
            "The lines lead from the state after commit N, or from an empty heap without --from, to "
                + "the newest one in the archive; each is as of diff --json. The line after them, "
                + "{\"commit\": M}, says how far they go: who stores M together with what the lines "
                + "have changed, and goes on with --from M, sees each change exactly once, whatever "
                + "is killed in between.",
            "What has changed and changed back in between does not appear. Without changes, nothing "
                + "is printed.",
        ],
        examples: [
            Example(
                command: "tail backup/inventory --from 4711",
                meaning: "What another store of the same data lacks.")
        ]
    ) { call in
        let interval = try call.seconds("every")
        var from = try call.number("from", in: 0 ... Int.max).map { UInt64($0) }
        repeat {
            from = try call.printChanges(after: from)
            try call.output.flush()
        } while call.pauses(interval)
        return .fine
    }
}

extension Invocation {
    /// Prints what has changed since a commit; returns the number of the newest.
    fileprivate func printChanges(after commit: UInt64?) throws -> UInt64 {
        let archive = HeapArchive(path)
        guard let newest = try archive.commits()?.upperBound else {
            throw ArchiveError.noBase(path: path)
        }
        guard newest != commit else { return newest }
        try archive.withHeap(at: .commit(newest)) { new in
            func print(from old: PersistentHeap) throws {
                try new.differences(from: old, values: .json) { change in
                    try Interruption.check()
                    try self.print(ChangeText.json(change))
                }
            }
            if let commit {
                try archive.withHeap(at: .commit(commit)) { try print(from: $0) }
            } else {
                let empty = try PersistentHeap.inMemory()
                defer { try? empty.close() }
                try print(from: empty)
            }
        }
        try self.print((["commit": .integer(Int(newest))] as JSONText).text)
        return newest
    }
}
