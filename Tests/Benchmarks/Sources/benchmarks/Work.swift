import Holdfast

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// Two words that lie in different lines.
struct Pair: PersistableStruct {
    var first: UInt64
    var padding: (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0, 0, 0, 0, 0)
    var second: UInt64
}

struct SplitMix: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }
}

/// All measurements; keys, sizes and orders are the same for every system.
func allMeasurements(in folder: Folder) throws -> [Measurement] {
    try mapWork(folder) + sortedWork(folder) + arrayWork(folder) + recordWork(folder) + blockWork(folder)
        + transactionWork(folder) + sharedWork(folder) + durabilityWork(folder)
}

// MARK: Map

private func mapWork(_ folder: Folder) throws -> [Measurement] {
    let count = 1_000_000
    var random = SplitMix(state: 1)
    let keys = (0 ..< count).map { _ in random.next() }
    let lookups = keys.shuffled(using: &random)
    let sum = keys.reduce(0 as UInt64) { $0 &+ ($1 &* 3) }
    let texts = keys.map { "key-\($0 % 100_000_000_000)" }
    let textLookups = texts.shuffled(using: &random)

    var dictionary: [UInt64: UInt64] = [:]
    for key in keys { dictionary[key] = key &* 3 }
    var textDictionary: [String: Int] = [:]
    for (index, text) in texts.enumerated() { textDictionary[text] = index }
    let textSum = texts.reduce(0 as UInt64) { $0 &+ UInt64(textDictionary[$1]!) }

    let heap = try PersistentHeap.open(folder.fresh("map.heap"))
    try heap.write { tx in
        let map = try tx.map("map", UInt64.self, UInt64.self)
        for key in keys { map[key] = key &* 3 }
        let textMap = try tx.map("text", String.self, Int.self)
        for (index, text) in texts.enumerated() { textMap[text] = index }
    }
    // From the mapped file, not from this process's private pages.
    try heap.close()
    let reader = try PersistentHeap.open(folder.path + "/map.heap", mode: .readOnly)

    return [
        Measurement(
            work: "map.insert.u64.1e6", system: "holdfast", operations: count,
            run: { watch in
                let heap = try PersistentHeap.open(folder.fresh("insert.heap"))
                try watch.timed {
                    try heap.write { tx in
                        let map = try tx.map("map", UInt64.self, UInt64.self)
                        for key in keys { map[key] = key &* 3 }
                    }
                }
                let result = try heap.read { UInt64(try $0.map("map", UInt64.self, UInt64.self).count) }
                try heap.close()
                return result
            }, expected: UInt64(count)),
        Measurement(
            work: "map.insert.u64.1e6", system: "Dictionary", operations: count,
            run: { watch in
                var map: [UInt64: UInt64] = [:]
                watch.timed { for key in keys { map[key] = key &* 3 } }
                return UInt64(map.count)
            }, expected: UInt64(count)),
        Measurement(
            work: "map.get.u64.1e6", system: "holdfast", operations: count,
            run: { watch in
                try reader.read { tx in
                    let map = try tx.map("map", UInt64.self, UInt64.self)
                    return watch.timed { lookups.reduce(0) { $0 &+ map[$1]! } }
                }
            }, expected: sum),
        Measurement(
            work: "map.get.u64.1e6", system: "Dictionary", operations: count,
            run: { watch in
                watch.timed { lookups.reduce(0) { $0 &+ dictionary[$1]! } }
            }, expected: sum),
        Measurement(
            work: "map.iterate.u64.1e6", system: "holdfast", operations: count,
            run: { watch in
                try reader.read { tx in
                    let map = try tx.map("map", UInt64.self, UInt64.self)
                    return watch.timed { map.reduce(0) { $0 &+ $1.value } }
                }
            }, expected: sum),
        Measurement(
            work: "map.iterate.u64.1e6", system: "Dictionary", operations: count,
            run: { watch in
                watch.timed { dictionary.reduce(0) { $0 &+ $1.value } }
            }, expected: sum),
        Measurement(
            work: "map.get.string.1e6", system: "holdfast", operations: count,
            run: { watch in
                try reader.read { tx in
                    let map = try tx.map("text", String.self, Int.self)
                    return watch.timed { textLookups.reduce(0) { $0 &+ UInt64(map[$1]!) } }
                }
            }, expected: textSum),
        Measurement(
            work: "map.get.string.1e6", system: "Dictionary", operations: count,
            run: { watch in
                watch.timed { textLookups.reduce(0) { $0 &+ UInt64(textDictionary[$1]!) } }
            }, expected: textSum),
    ]
}

// MARK: Array

private func arrayWork(_ folder: Folder) throws -> [Measurement] {
    let count = 1_000_000
    let sum = UInt64(count) * UInt64(count - 1) / 2
    let heap = try PersistentHeap.open(folder.fresh("array.heap"))
    try heap.write { try $0.array("array", of: UInt64.self).append(contentsOf: 0 ..< UInt64(count)) }
    try heap.close()
    let reader = try PersistentHeap.open(folder.path + "/array.heap", mode: .readOnly)
    let array = Array(0 ..< UInt64(count))
    return [
        Measurement(
            work: "array.append", system: "holdfast", operations: count,
            run: { watch in
                let heap = try PersistentHeap.open(folder.fresh("append.heap"))
                try watch.timed {
                    try heap.write { tx in
                        let array = try tx.array("array", of: UInt64.self)
                        for number in 0 ..< UInt64(count) { array.append(number) }
                    }
                }
                let result = try heap.read {
                    try $0.array("array", of: UInt64.self).withSpan { $0.indices.reduce(UInt64(0)) { $0 + UInt64($1) } }
                }
                try heap.close()
                return result
            }, expected: sum),
        Measurement(
            work: "array.append", system: "Array", operations: count,
            run: { watch in
                var array: [UInt64] = []
                watch.timed { for number in 0 ..< UInt64(count) { array.append(number) } }
                return array.reduce(0, +)
            }, expected: sum),
        Measurement(
            work: "array.sum", system: "holdfast", operations: count,
            run: { watch in
                try reader.read { tx in
                    let array = try tx.array("array", of: UInt64.self)
                    return watch.timed {
                        array.withSpan { span in
                            var sum: UInt64 = 0
                            for index in span.indices { sum &+= span[index] }
                            return sum
                        }
                    }
                }
            }, expected: sum),
        Measurement(
            work: "array.sum", system: "Array", operations: count,
            run: { watch in
                watch.timed {
                    var sum: UInt64 = 0
                    for number in array { sum &+= number }
                    return sum
                }
            }, expected: sum),
    ]
}

// MARK: Blocks

private func blockWork(_ folder: Folder) throws -> [Measurement] {
    let count = 1_000_000
    var random = SplitMix(state: 2)
    let order = Array(0 ..< count).shuffled(using: &random)
    let churnBlocks = 100_000
    let churn = (0 ..< count).map { _ in
        (Int.random(in: 0 ..< churnBlocks, using: &random), Int.random(in: 16 ... 1024, using: &random))
    }

    /// Allocates all, frees all in random order; times the one that is asked for.
    func ours(timesFreeing: Bool) -> (inout Stopwatch) throws -> UInt64 {
        { watch in
            let heap = try PersistentHeap.open(folder.fresh("blocks.heap"))
            var blocks: [RelativePointer<UInt8>] = []
            blocks.reserveCapacity(count)
            var allocating = Stopwatch()
            var freeing = Stopwatch()
            try heap.write { tx in
                allocating.timed { for _ in 0 ..< count { blocks.append(tx.allocate(byteCount: 64)) } }
            }
            try heap.write { tx in
                freeing.timed { for index in order { tx.free(blocks[index], byteCount: 64) } }
            }
            watch = timesFreeing ? freeing : allocating
            try heap.close()
            return UInt64(Set(blocks).count)
        }
    }
    func systems(timesFreeing: Bool) -> (inout Stopwatch) throws -> UInt64 {
        { watch in
            var blocks: [UnsafeMutableRawPointer] = []
            blocks.reserveCapacity(count)
            var other = Stopwatch()
            func allocate() { for _ in 0 ..< count { blocks.append(malloc(64)) } }
            func release() { for index in order { free(blocks[index]) } }
            if timesFreeing {
                other.timed(allocate)
                watch.timed(release)
            } else {
                watch.timed(allocate)
                other.timed(release)
            }
            return UInt64(Set(blocks).count)
        }
    }
    return [
        Measurement(
            work: "alloc.64", system: "holdfast", operations: count, run: ours(timesFreeing: false), expected: UInt64(count)),
        Measurement(
            work: "alloc.64", system: "malloc", operations: count, run: systems(timesFreeing: false), expected: UInt64(count)),
        Measurement(
            work: "free.64", system: "holdfast", operations: count, run: ours(timesFreeing: true), expected: UInt64(count)),
        Measurement(
            work: "free.64", system: "malloc", operations: count, run: systems(timesFreeing: true), expected: UInt64(count)),
        Measurement(
            work: "churn.16-1024", system: "holdfast", operations: count,
            run: { watch in
                let heap = try PersistentHeap.open(folder.fresh("churn.heap"))
                var blocks = [(pointer: RelativePointer<UInt8>, bytes: Int)](repeating: (.null, 0), count: churnBlocks)
                var allocated: UInt64 = 0
                try heap.write { tx in
                    watch.timed {
                        for (slot, bytes) in churn {
                            if blocks[slot].bytes > 0 { tx.free(blocks[slot].pointer, byteCount: blocks[slot].bytes) }
                            blocks[slot] = (tx.allocate(byteCount: bytes), bytes)
                            allocated += UInt64(bytes)
                        }
                    }
                }
                try heap.close()
                return allocated
            }, expected: churn.reduce(0) { $0 + UInt64($1.1) }),
        Measurement(
            work: "churn.16-1024", system: "malloc", operations: count,
            run: { watch in
                var blocks = [UnsafeMutableRawPointer?](repeating: nil, count: churnBlocks)
                var allocated: UInt64 = 0
                watch.timed {
                    for (slot, bytes) in churn {
                        free(blocks[slot])
                        blocks[slot] = malloc(bytes)
                        allocated += UInt64(bytes)
                    }
                }
                for block in blocks { free(block) }
                return allocated
            }, expected: churn.reduce(0) { $0 + UInt64($1.1) }),
    ]
}

// MARK: Transactions

private func transactionWork(_ folder: Folder) throws -> [Measurement] {
    let small = 200_000
    let durable = 300
    var random = SplitMix(state: 3)
    let keys = (0 ..< 100_000).map { _ in random.next() }
    let updates = (0 ..< small).map { _ in keys.randomElement(using: &random)! }

    /// What one of our durable commits of two words writes, for the bare comparison: the record's header and two runs of a line.
    let recordBytes = 72 + 2 * (8 + 64)

    return [
        Measurement(
            work: "tx.2words", system: "holdfast", operations: small,
            run: { watch in
                let heap = try PersistentHeap.open(folder.fresh("small.heap"))
                try heap.write { _ = try $0.value("pair", initial: Pair(first: 0, second: 0)) }
                try watch.timed {
                    for number in 0 ..< UInt64(small) {
                        try heap.write { tx in
                            try tx.value("pair", initial: Pair(first: 0, second: 0)).value = Pair(first: number, second: number)
                        }
                    }
                }
                let result = try heap.read { try $0.value("pair", of: Pair.self).value.second }
                try heap.close()
                return result
            }, expected: UInt64(small - 1)),
        Measurement(
            work: "tx.map.update", system: "holdfast", operations: small,
            run: { watch in
                let heap = try PersistentHeap.open(folder.fresh("update.heap"))
                try heap.write { tx in
                    let map = try tx.map("map", UInt64.self, UInt64.self)
                    for key in keys { map[key] = 0 }
                }
                try watch.timed {
                    for key in updates {
                        try heap.write { tx in try tx.map("map", UInt64.self, UInt64.self)[key, default: 0] += 1 }
                    }
                }
                let result = try heap.read { try $0.map("map", UInt64.self, UInt64.self).reduce(0) { $0 + $1.value } }
                try heap.close()
                return result
            }, expected: UInt64(small)),
        Measurement(
            work: "tx.durable", system: "holdfast", operations: durable,
            run: { watch in
                let heap = try PersistentHeap.open(folder.fresh("durable.heap"))
                try heap.write(durability: .device) { _ = try $0.value("pair", initial: Pair(first: 0, second: 0)) }
                try watch.timed {
                    for number in 0 ..< UInt64(durable) {
                        try heap.write(durability: .device) { tx in
                            try tx.value("pair", initial: Pair(first: 0, second: 0)).value = Pair(first: number, second: number)
                        }
                    }
                }
                let result = try heap.read { try $0.value("pair", of: Pair.self).value.second }
                try heap.close()
                return result
            }, expected: UInt64(durable - 1)),
        // The same bytes to the same places of a file whose blocks have been written before, as the log's have.
        Measurement(
            work: "tx.durable", system: "bare", operations: durable,
            run: { watch in
                let descriptor = open(folder.fresh("bare"), O_RDWR | O_CREAT, 0o644)
                defer { close(descriptor) }
                let zeros = [UInt8](repeating: 0, count: 1 << 20)
                guard pwrite(descriptor, zeros, zeros.count, 0) == zeros.count, fdatasync(descriptor) == 0 else { return 0 }
                let record = [UInt8](repeating: 1, count: recordBytes)
                var done: UInt64 = 0
                watch.timed {
                    for number in 0 ..< durable
                    where pwrite(descriptor, record, recordBytes, off_t(16384 + number * recordBytes)) == recordBytes
                        && fdatasync(descriptor) == 0
                    {
                        done += 1
                    }
                }
                return done
            }, expected: UInt64(durable)),
    ]
}
