#if DEBUG
    import HoldfastFormat
    import TestSupport

    @testable import HoldfastEngine

    extension SharedRun {
        /// What all openings see, the allocator's account and the log's positions; and for some of
        /// the runs, what a kill or a power cut leaves, at the end or at any step.
        func problems() -> [String] {
            do {
                disk.onCall = nil
                let calls = disk.journal.count
                let alive = engines.indices.filter { engines[$0] != nil && !disks[$0].isDead }
                var last: Int?
                for thread in alive {
                    try read(thread)
                    if let last, seen[thread] != last {
                        found.append("openings see commits \(last) and \(seen[thread])")
                    }
                    last = seen[thread]
                    checkLog(engines[thread]!)
                }
                if let last = alive.last { found += try engines[last]!.audit().problems }
                if hasDeath || number % 8 == 0 {
                    // A complete record that its writer did not live to publish may be kept.
                    let lowest = last ?? made
                    try recover(
                        disk.currentFiles(), lowest ... (hasDeath ? begun : last ?? begun), "a kill"
                    )
                }
                if let killed {
                    try recover(
                        killed.files, killed.made ... max(killed.made, killed.begun),
                        "a kill at a step")
                }
                if disk.recordsContents { try cutPower(calls) }
                if !hasDeath, number % 2 == 0 {
                    try helper?.close()
                    for thread in alive { try perform(.close, thread) }
                    let left = disk.currentFiles().keys.sorted()
                    if left != [Self.path] { found.append("files are left: \(left)") }
                }
            } catch { found.append("at the end: \(error)") }
            return found
        }

        private func checkLog(_ engine: HeapEngine) {
            guard let log = engine.writerLog else { return }
            let (checkpoint, durable) = (log.checkpointPosition, log.durablePosition)
            let isOrdered = checkpoint <= durable && durable <= log.published
            if !isOrdered || log.usedBytes > log.capacity {
                found.append(
                    "positions \(checkpoint), \(durable), \(log.published); ring \(log.capacity)")
            }
        }

        private func cutPower(_ calls: Int) throws {
            var images = CrashImages(of: disk)
            var random = SplitMix(state: UInt64(number))
            let moments = Set(
                (0 ..< 4).map { _ in Int.random(in: firstCall ..< calls, using: &random) })
            for call in 0 ..< calls {
                images.advance()
                guard moments.contains(call) else { continue }
                let lowest = durable.last { $0.calls <= call + 1 }?.commits ?? template.commits
                try recover(
                    images.image(seed: random.next()),
                    lowest ... max(lowest, begunByCall[call]), "a power cut at call \(call)")
            }
        }

        /// All processes are gone, and another one opens the heap.
        private func recover(
            _ files: [String: [UInt8]], _ allowed: ClosedRange<Int>, _ cause: String
        ) throws {
            let before = found.count
            do {
                let disk = SimulatedDisk(files: files)
                disk.recordsContents = false
                let engine = try HeapEngine(
                    path: Self.path, mode: .readWrite, options: Self.options(scenario), disk: disk)
                try engine.look { access in
                    if let value = look(access, -1), !allowed.contains(value) {
                        found.append("recovery gives commit \(value), not \(allowed)")
                    }
                }
                found += try engine.audit().problems
                // One of the header's two copies may be torn, until the next is written over it.
                let damaged = try engine.scrub().damagedPages.filter {
                    $0 >= Int(HeapLayout.headerPages)
                }
                if !damaged.isEmpty { found.append("pages \(damaged) are damaged") }
                try engine.close()
            } catch { found.append("\(error)") }
            for index in before ..< found.count { found[index] = "after \(cause): \(found[index])" }
        }
    }
#endif
