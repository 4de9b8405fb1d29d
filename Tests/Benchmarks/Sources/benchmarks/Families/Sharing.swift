import Holdfast

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

// What several processes do with one file.

private let messages = 20_000
private let slowMessages = 200
private let commits = 160_000

var sharingFamilies: [Family] {
    [
        Family(
            name: "messages", works: ["message.latency.busy", "message.latency.sleeping"],
            contestants: { bench in
                [
                    Contestant(system: "holdfast") { recorder in
                        if recorder.wants("message.latency.busy") {
                            try busyMessages(recorder, bench)
                        }
                        if recorder.wants("message.latency.sleeping") {
                            try sleepyMessages(recorder, bench)
                        }
                    },
                    Contestant(system: "pipe") { recorder in
                        if recorder.wants("message.latency.sleeping") { try pipeMessages(recorder) }
                    },
                ]
            }),
        Family(
            name: "writers", works: [1, 2, 8].map { "commits.writers.\($0)" },
            contestants: { bench in
                [
                    Contestant(system: "holdfast") { recorder in
                        for writers in [1, 2, 8] where recorder.wants("commits.writers.\(writers)")
                        {
                            try commits(of: writers, recorder, bench)
                        }
                    }
                ]
            }),
    ]
}

private func words(_ path: String, _ initial: [String]) throws -> PersistentHeap {
    let heap = try PersistentHeap.open(path)
    for name in initial { try setWord(heap, name, 0) }
    return heap
}

/// From the commit in one process to the value read in the other, half of the way there and back;
/// both look for each other all the time. The median of all ways: a mean would be that of the
/// machine's other work.
private func busyMessages(_ recorder: Recorder, _ bench: Bench) throws {
    let path = bench.folder.fresh("message.heap")
    let heap = try words(path, ["ping", "pong"])
    let partner = try Partner("echo", path, "\(messages)")
    try partner.requireSign()
    var times: [Double] = []
    for round in 1 ... UInt64(messages) {
        let start = Clock.now()
        try setWord(heap, "ping", round)
        _ = try waitForWord(heap, "pong", atLeast: round)
        times.append(Clock.now() - start)
    }
    partner.waitForEnd()
    try recorder.check(
        "message.latency.busy", try heap.read { try $0.value("pong", of: UInt64.self).value },
        UInt64(messages))
    recorder.record("message.latency.busy", median(of: times) / 2)
    try heap.close()
}

/// The same one way, by the clock that both share, to a receiver that has had time to fall asleep.
private func sleepyMessages(_ recorder: Recorder, _ bench: Bench) throws {
    let path = bench.folder.fresh("message.heap")
    let heap = try words(path, ["ping", "pong"])
    let partner = try Partner("listen", path, "\(slowMessages)")
    try partner.requireSign()
    for _ in 0 ..< slowMessages {
        usleep(1000)
        try setWord(heap, "ping", UInt64(Clock.now()))
        try partner.requireSign()
    }
    try partner.requireSign()
    partner.waitForEnd()
    recorder.record(
        "message.latency.sleeping",
        Double(try heap.read { try $0.value("pong", of: UInt64.self).value }))
    try heap.close()
}

/// Eight bytes through a pipe to a process that waits for them: what the system itself takes to
/// wake it.
private func pipeMessages(_ recorder: Recorder) throws {
    let partner = try Partner(job: "--hear", ["\(slowMessages)"], input: true)
    try partner.requireSign()
    for _ in 0 ..< slowMessages {
        usleep(1000)
        partner.send(UInt64(Clock.now()))
        try partner.requireSign()
    }
    guard let median = Double(partner.readToEnd()) else {
        throw WrongResult(description: "the listener has said nothing")
    }
    partner.waitForEnd()
    recorder.record("message.latency.sleeping", median)
}

/// Time for each commit of all together.
private func commits(of writers: Int, _ recorder: Recorder, _ bench: Bench) throws {
    let names = (0 ..< writers).map { "writer \($0)" }
    let path = bench.folder.fresh("writers.heap")
    let heap = try words(path, ["go"] + names)
    let partners = try names.map { try Partner("commit", path, "\(commits / writers)", $0) }
    for partner in partners { try partner.requireSign() }
    try recorder.time("commits.writers.\(writers)", operations: commits, expect: UInt64(commits)) {
        try setWord(heap, "go", 1)
        for partner in partners { try partner.requireSign() }
        return try heap.read { tx in
            var sum: UInt64 = 0
            for name in names { sum += try tx.value(name, of: UInt64.self).value }
            return sum
        }
    }
    for partner in partners { partner.waitForEnd() }
    try heap.close()
}
