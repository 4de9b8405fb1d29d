import Holdfast

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// What several processes do with one heap.
func sharedWork(_ folder: Folder) throws -> [Measurement] {
    let messages = 20_000
    let slowMessages = 200
    let commits = 160_000
    func words(_ name: String, _ initial: [String]) throws -> PersistentHeap {
        let heap = try PersistentHeap.open(folder.fresh(name))
        for name in initial { try setWord(heap, name, 0) }
        return heap
    }
    return [
        // From the commit in one process to the value read in the other, half of the way there and back; both look for each other all the time. The
        // median of all ways: a mean would be that of the machine's other work.
        Measurement(
            work: "message.latency.busy", system: "holdfast", operations: 2,
            run: { watch in
                let heap = try words("message.heap", ["ping", "pong"])
                let partner = try Partner("echo", folder.path + "/message.heap", "\(messages)")
                try partner.requireSign()
                var times: [Double] = []
                for round in 1 ... UInt64(messages) {
                    let start = Stopwatch.now()
                    try setWord(heap, "ping", round)
                    _ = try waitForWord(heap, "pong", atLeast: round)
                    times.append(Stopwatch.now() - start)
                }
                watch.add(median(of: times))
                partner.waitForEnd()
                let result = try heap.read { try $0.value("pong", of: UInt64.self).value }
                try heap.close()
                return result
            }, expected: UInt64(messages)),
        // The same one way, by the clock that both share, to a receiver that has had time to fall asleep.
        Measurement(
            work: "message.latency.sleeping", system: "holdfast", operations: 1,
            run: { watch in
                let heap = try words("message.heap", ["ping", "pong"])
                let partner = try Partner("listen", folder.path + "/message.heap", "\(slowMessages)")
                try partner.requireSign()
                for _ in 0 ..< slowMessages {
                    usleep(1000)
                    try setWord(heap, "ping", UInt64(Stopwatch.now()))
                    try partner.requireSign()
                }
                try partner.requireSign()
                partner.waitForEnd()
                let median = try heap.read { try $0.value("pong", of: UInt64.self).value }
                watch.add(Double(median))
                try heap.close()
                return median > 0 ? 1 : 0
            }, expected: 1),
    ]
        + [1, 2, 8].map { writers in
            // Time for each commit of all together.
            Measurement(
                work: "commits.writers.\(writers)", system: "holdfast", operations: commits,
                run: { watch in
                    let names = (0 ..< writers).map { "writer \($0)" }
                    let heap = try words("writers.heap", ["go"] + names)
                    let partners = try names.map {
                        try Partner("commit", folder.path + "/writers.heap", "\(commits / writers)", $0)
                    }
                    for partner in partners { try partner.requireSign() }
                    try watch.timed {
                        try setWord(heap, "go", 1)
                        for partner in partners { try partner.requireSign() }
                    }
                    for partner in partners { partner.waitForEnd() }
                    let sum = try heap.read { tx in
                        var sum: UInt64 = 0
                        for name in names { sum += try tx.value(name, of: UInt64.self).value }
                        return sum
                    }
                    try heap.close()
                    return sum
                }, expected: UInt64(commits))
        }
}
