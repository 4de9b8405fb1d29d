import Holdfast

/// Durable commits of several threads, and what checkpoints and recovery cost.
func durabilityWork(_ folder: Folder) throws -> [Measurement] {
    let durable = 400
    let commits = 400_000
    let arrayWords = 4 << 20
    return [1, 8].map { threads in
        // Time for each commit of all together: those that wait at the same time share a sync.
        Measurement(
            work: "tx.durable.threads.\(threads)", system: "holdfast", operations: durable,
            run: { watch in
                let heap = try PersistentHeap.open(folder.fresh("threads.heap"))
                for thread in 0 ..< threads { try setWord(heap, "thread \(thread)", 0) }
                try heap.sync()
                let all = watch.timed {
                    inThreads(threads) { thread in
                        for round in 1 ... durable / threads {
                            try heap.write(durability: .device) {
                                try $0.value("thread \(thread)", initial: 0 as UInt64).value = UInt64(round)
                            }
                        }
                    }
                }
                var sum: UInt64 = 0
                for thread in 0 ..< threads { sum += try heap.read { try $0.value("thread \(thread)", of: UInt64.self).value } }
                try heap.close()
                return all ? sum : 0
            }, expected: UInt64(durable))
    } + [
        // The longest of many small transactions, 100,000 a second, while checkpoints of tens of megabytes run beside them. (A writer that commits as
        // fast as it can is faster than a disk, and has to wait for it sooner or later.)
        Measurement(
            work: "checkpoint.pause", system: "holdfast", operations: 1,
            run: { watch in
                var options = PersistentHeap.Options()
                options.logLimit = 32 << 20
                let heap = try PersistentHeap.open(folder.fresh("pause.heap"), options: options)
                try heap.write { tx in
                    try tx.array("words", of: UInt64.self).append(contentsOf: repeatElement(0, count: arrayWords))
                }
                try heap.checkpoint()
                var random = SplitMix(state: 5)
                var longest = 0.0
                var next = Stopwatch.now()
                for round in 0 ..< UInt64(commits) {
                    let place = Int.random(in: 0 ..< arrayWords, using: &random)
                    while Stopwatch.now() < next {}
                    next += 10_000
                    let begin = Stopwatch.now()
                    try heap.write { try $0.array("words", of: UInt64.self)[place] = round }
                    longest = max(longest, Stopwatch.now() - begin)
                }
                watch.add(longest)
                let count = try heap.read { try $0.array("words", of: UInt64.self).count }
                try heap.close()
                return UInt64(count)
            }, expected: UInt64(arrayWords)),
        // From a killed writer's files to the first value read.
        Measurement(
            work: "recovery.100MiB", system: "holdfast", operations: 1,
            run: { watch in
                let path = folder.fresh("recovery.heap")
                let partner = try Partner("log", path, "\(recoverySlices)")
                try partner.requireSign()
                partner.waitForEnd()
                let (heap, result) = try watch.timed {
                    let heap = try PersistentHeap.open(path)
                    let result = try heap.read {
                        try $0.array("words", of: UInt64.self)[(recoverySlices - 1) % 128 * sliceWords]
                    }
                    return (heap, result)
                }
                try heap.close()
                return result
            }, expected: UInt64(recoverySlices - 1)),
    ]
}
