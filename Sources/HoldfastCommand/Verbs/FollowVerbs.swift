import Holdfast
import HoldfastTools

extension Verb {
    static let follow = Verb(
        name: "follow", summary: "keep a standby of a heap up to date, from the heap's archive",
        operands: [
            archiveFolder,
            Operand(name: "STANDBY", summary: "the heap file that follows; made if it is missing"),
        ],
        options: [
            Option(
                name: "every", value: "SECONDS",
                summary: "go on, and look for what is new as often as this, until Ctrl-C"),
            timeout,
        ],
        details: [
            "The standby can be read by any process meanwhile, and sees whole states of the "
                + "original. It cannot be changed, until promote makes it a heap of its own. After "
                + "a kill or a power cut on either side it goes on.",
            "The archive may come from another machine: any program that copies files can carry it, "
                + "in any order.",
        ],
        examples: [
            Example(
                command: "follow backup/inventory standby.heap --every 1",
                meaning: "A standby that is a second behind the archive.")
        ]
    ) { call in
        let interval = try call.seconds("every")
        let progress = call.progress("restore", unit: "bytes")
        let follower = try HeapFollower(
            of: HeapArchive(call.path), at: call.operands[1],
            engineOptions: try call.engineOptions(), progress: call.showing(progress))
        progress.finish()
        defer { try? follower.close() }
        var last: UInt64?
        repeat {
            let commit = try follower.catchUp { _ in try Interruption.check() }
            if commit != last {
                try call.print("\(DisplayText.oneLine(call.operands[1])): commit \(commit)")
                try call.output.flush()
            }
            last = commit
        } while call.pauses(interval)
        return .fine
    }

    static let promote = Verb(
        name: "promote", summary: "make a standby a heap of its own, which can be changed",
        operands: [Operand(name: "FILE", summary: "the standby")],
        options: [timeout],
        details: [
            "It does not follow its archive any more. The former original and this heap go separate "
                + "ways from then on, and need archives of their own."
        ],
        examples: [
            Example(
                command: "promote standby.heap",
                meaning: "The standby takes the place of a heap that is lost.")
        ]
    ) { call in
        let heap = try call.openHeap(.readWrite)
        defer { try? heap.close() }
        try heap.promote()
        return .fine
    }
}
