import Foundation
import Holdfast
import HoldfastTools

extension Verb {
    static let archive = Verb(
        name: "archive", summary: "add what has been committed since the last time to an archive",
        operands: [heapFile, archiveFolder],
        options: [
            Option(
                name: "every", value: "SECONDS",
                summary: "go on, and add what is new as often as this, until Ctrl-C"),
            Option(name: "keep-days", value: "N", summary: "remove moments older than this"),
            Option(
                name: "keep-segments", value: "N",
                summary: "keep the moments of at least so many segments"),
            Option(
                name: "limit", value: "BYTES",
                summary: "what the heap keeps for the archive at most (default 1G)"),
            Option(name: "end", summary: "end the archiving of the heap; the archive stays"),
            json, timeout,
        ],
        details: [
            "The first time the whole heap is archived, and from then on the changed lines of 64 "
                + "bytes only. From the first time on, the heap keeps what its log no longer has "
                + "until the archive has taken it, in FILE-archive, so that every commit can be "
                + "restored. Beyond --limit that is given up, and the next run begins with the "
                + "whole heap again. Readers and writers continue; writers wait for a checkpoint.",
            "Segments are files that never change once they are there, so the folder can be copied "
                + "elsewhere at any time. Now and then eight of them are merged into one more. "
                + "Without --keep-days and --keep-segments nothing is ever removed.",
        ],
        examples: [
            Example(
                command: "archive inventory.heap backup/inventory",
                meaning: "An incremental backup, for example once an hour."),
            Example(
                command: "archive inventory.heap backup/inventory --every 1 --keep-days 30",
                meaning: "Every second of the last thirty days."),
        ]
    ) { call in
        let heap = try call.openHeap(.readWrite)
        defer { try? heap.close() }
        try call.warn(of: heap)
        if call.has("end") {
            try heap.endArchive()
            return .fine
        }
        let interval = try call.seconds("every")
        let limit = try call.value("limit").map { try call.bytes($0, "--limit") } ?? 1 << 30
        let retention = try call.retention()
        repeat {
            let progress = call.progress("archive", unit: "bytes")
            defer { progress.finish() }
            let report = try heap.archive(
                to: call.operands[1], keeping: retention, limit: limit,
                progress: call.showing(progress))
            progress.finish()
            if report.addedBytes > 0 || interval == nil { try call.show(report) }
            try call.output.flush()
        } while call.pauses(interval)
        return .fine
    }

    static let restore = Verb(
        name: "restore", summary: "make a heap as it was at a moment, from an archive",
        operands: [archiveFolder, Operand(name: "OUT", summary: "the new heap file")],
        options: [
            Option(
                name: "at", value: "TIME",
                summary: "the last state archived up to then, such as 2026-11-29T10:00:00Z"),
            Option(name: "commit", value: "N", summary: "the state after this commit"),
            Option(
                name: "replace", summary: "replace an existing file, unless that is a heap in use"),
            json,
        ],
        details: [
            "Without --at and --commit, the newest state. The heap has the same pages as the "
                + "original, byte for byte, and another identity. All checksums on the way are "
                + "compared. The file appears under its name when it is complete and on the disk, "
                + "or not at all."
        ],
        examples: [
            Example(
                command: "restore backup/inventory yesterday.heap --at 2026-11-28T18:00:00Z",
                meaning: "The heap as it was then, beside the present one.")
        ]
    ) { call in
        let moment = try call.moment()
        let archive = HeapArchive(call.operands[0])
        let progress = call.progress("restore", unit: "bytes")
        defer { progress.finish() }
        let state = try archive.restore(
            to: call.operands[1], at: moment, replacing: call.has("replace"),
            progress: call.showing(progress))
        progress.finish()
        let time = Date(timeIntervalSince1970: TimeInterval(state.checkpointTime))
        if call.has("json") {
            try call.print(
                ([
                    "path": .string(call.operands[1]), "commit": .integer(Int(state.commit)),
                    "checkpoint": .string(time.formatted(.iso8601)),
                ] as JSONText).indentedText)
        } else {
            try call.print(
                "\(DisplayText.oneLine(call.operands[1])): commit \(state.commit), checkpoint of "
                    + "\(time.formatted(.iso8601)), \(FileSize(call.operands[1]).text)")
        }
        return .fine
    }

    static let verify = Verb(
        name: "verify", summary: "check an archive: all its files, and the states they lead to",
        operands: [archiveFolder],
        options: [json],
        details: [
            "Reads every segment and makes every archived state again, in a temporary file, to "
                + "compare it with the checksums that the heap had. Names each segment that is "
                + "damaged, missing, misplaced or of another heap. The status is 1 if there is one."
        ],
        examples: [
            Example(command: "verify backup/inventory", meaning: "Is the backup of use?")
        ]
    ) { call in
        let progress = call.progress("verify", unit: "bytes")
        defer { progress.finish() }
        let findings = try HeapArchive(call.path).verify(
            progress: call.showing(progress))
        progress.finish()
        if call.has("json") {
            try call.print(
                ([
                    "path": .string(call.path), "segments": .integer(findings.segments),
                    "bytes": .integer(findings.bytes),
                    "comparedStates": .integer(findings.comparedStates),
                    "problems": .array(findings.problems.map { .string($0.description) }),
                ] as JSONText).indentedText)
        } else {
            for problem in findings.problems { try call.print(DisplayText.oneLine("\(problem)")) }
            try call.print(
                "\(DisplayText.oneLine(call.path)): \(findings.segments) segments, "
                    + "\(Figures.bytes(findings.bytes)), \(findings.comparedStates) states "
                    + "compared with the heap's checksums: "
                    + (findings.problems.isEmpty ? "sound" : "damaged"))
        }
        return findings.problems.isEmpty ? .fine : .failed
    }
}

extension Invocation {
    fileprivate func retention() throws(UsageError) -> ArchiveRetention? {
        let days = try number("keep-days", in: 0 ... 1_000_000)
        let segments = try number("keep-segments", in: 1 ... Int.max)
        guard days != nil || segments != nil else { return nil }
        return ArchiveRetention(age: days.map { .seconds($0 * 86_400) }, segments: segments)
    }

    /// The moment that the options name.
    func moment() throws(UsageError) -> ArchiveMoment {
        let commit = try number("commit", in: 0 ... Int.max)
        guard let text = value("at") else {
            return commit.map { .commit(UInt64($0)) } ?? .newest
        }
        guard commit == nil else {
            throw UsageError("Use --at or --commit, not both", verb: verb.name)
        }
        guard let time = UInt64(text) ?? ArchiveMoment.seconds(text) else {
            throw UsageError(
                "--at takes a time such as 2026-11-29T10:00:00Z, or seconds since 1970, not "
                    + DisplayText.quoted(text), verb: verb.name)
        }
        return .time(time)
    }

    /// Shows progress, and ends the work when the program is interrupted.
    func showing(_ bar: ProgressBar) -> (ArchiveProgress) throws -> Void {
        { progress in
            try Interruption.check()
            bar.show(progress.doneBytes, of: progress.totalBytes)
        }
    }

    fileprivate func show(_ report: ArchiveReport) throws {
        for problem in report.problems {
            try errors.writeLine(
                "\(errors.painter("holdfast:", .boldYellow)) "
                    + DisplayText.oneLine(problem.description))
        }
        if has("json") {
            let line: JSONText = [
                "path": .string(path), "archive": .string(operands[1]),
                "commit": .integer(Int(report.commit)), "addedBytes": .integer(report.addedBytes),
                "isBase": .bool(report.isBase),
            ]
            return try print(has("every") ? line.text : line.indentedText)
        }
        let added =
            report.addedBytes == 0
            ? "nothing new"
            : (report.isBase ? "the whole heap, " : "") + Figures.bytes(report.addedBytes)
        try print("\(DisplayText.oneLine(operands[1])): commit \(report.commit), \(added)")
    }

    /// Waits for the next turn; false if there is none.
    func pauses(_ interval: Duration?) -> Bool {
        guard let interval else { return false }
        let end = ContinuousClock.now + interval
        while ContinuousClock.now < end, !Interruption.isRequested {
            Thread.sleep(forTimeInterval: 0.05)
        }
        return !Interruption.isRequested
    }
}
