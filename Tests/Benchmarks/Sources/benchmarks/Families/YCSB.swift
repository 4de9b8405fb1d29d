#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

// The mixes of the Yahoo! Cloud Serving Benchmark: A to F, every operation a transaction of its own
// that survives `kill -9`. 100,000 records of 104 bytes; keys are asked for as in a Zipf
// distribution of 0.99, or, in D, the newest most.

/// What a system does with records.
protocol RecordPeer {
    /// With a record for each key, whose field is 0.
    init(newAt path: String, keys: [UInt64]) throws
    func close() throws
    /// Does all, and returns the sum of the fields of all records read.
    func run(_ operations: [RecordOperation]) throws -> UInt64
}

struct RecordOperation {
    enum Kind {
        case read
        /// The whole record anew, with the number as its field.
        case update
        case insert
        /// Reads so many records from the key on.
        case scan
        /// Adds the number to the field.
        case modify
    }

    var kind: Kind
    var key: UInt64
    var number: UInt64 = 0
}

private let records = 100_000
private let steps = 100_000
private let mixes = ["a", "b", "c", "d", "e", "f"]

var recordMixFamilies: [Family] {
    mixes.map { mix in
        let work = "ycsb.\(mix)"
        return Family(
            name: work, works: [work],
            contestants: { bench in
                let data = Mix(mix)
                func mixed<Peer: RecordPeer>(_: Peer.Type, _ system: String) -> Contestant {
                    Contestant(system: system) { recorder in
                        let peer = try Peer(newAt: bench.folder.fresh("ycsb.file"), keys: data.keys)
                        try recorder.time(work, operations: steps, expect: data.sum) {
                            try peer.run(data.operations)
                        }
                        try peer.close()
                        _ = bench.folder.fresh("ycsb.file")
                    }
                }
                return [
                    // Only E asks for an order.
                    mix == "e"
                        ? mixed(HoldfastSortedRecords.self, "holdfast")
                        : mixed(HoldfastRecords.self, "holdfast"),
                    LMDB.isThere ? mixed(LMDBRecords<LMDB.Nosync>.self, "lmdb") : nil,
                    LMDB.isThere ? mixed(LMDBRecords<LMDB.Writemap>.self, "lmdb-writemap") : nil,
                    SQLite.isThere ? mixed(SQLiteRecords.self, "sqlite") : nil,
                ].compactMap { $0 }
            })
    }
}

/// The operations of one mix, and what they must give, by a dictionary and a sorted array.
private struct Mix {
    let keys: [UInt64]
    private(set) var operations: [RecordOperation] = []
    private(set) var sum: UInt64 = 0

    init(_ mix: String) {
        var random = SplitMix(state: 11)
        let total = records + steps
        let all = (0 ..< total).map { _ in random.next() >> 1 }
        keys = Array(all[..<records])
        let zipf = Zipf(records)
        var next = records
        var fields: [UInt64: UInt64] = [:]
        for key in keys { fields[key] = 0 }
        for step in 0 ..< steps {
            let isRare =
                Double.random(in: 0 ..< 1, using: &random)
                < (mix == "a" || mix == "f" ? 0.5 : mix == "c" ? 0 : 0.05)
            let rank = zipf.rank(Double.random(in: 0 ..< 1, using: &random))
            // Keys have no order to begin with, so that ranks need not be scattered; in D the
            // newest come first.
            let key = mix == "d" ? all[next - 1 - rank] : keys[rank]
            switch (mix, isRare) {
            case ("a", true), ("b", true):
                operations.append(RecordOperation(kind: .update, key: key, number: UInt64(step)))
            case ("d", true), ("e", true):
                operations.append(
                    RecordOperation(kind: .insert, key: all[next], number: UInt64(step)))
                next += 1
            case ("f", true):
                operations.append(RecordOperation(kind: .modify, key: key, number: UInt64(step)))
            case ("e", false):
                operations.append(
                    RecordOperation(
                        kind: .scan, key: key, number: UInt64.random(in: 1 ... 100, using: &random))
                )
            default: operations.append(RecordOperation(kind: .read, key: key))
            }
        }
        sum = expected(fields)
    }

    private func expected(_ start: [UInt64: UInt64]) -> UInt64 {
        var fields = start
        var order = keys.sorted()
        var sum: UInt64 = 0
        func place(_ key: UInt64) -> Int {
            var low = 0
            var high = order.count
            while low < high {
                let middle = (low + high) / 2
                if order[middle] < key { low = middle + 1 } else { high = middle }
            }
            return low
        }
        for operation in operations {
            switch operation.kind {
            case .read: sum &+= fields[operation.key]!
            case .update: fields[operation.key] = operation.number
            case .modify: fields[operation.key]! += operation.number
            case .insert:
                fields[operation.key] = operation.number
                order.insert(operation.key, at: place(operation.key))
            case .scan:
                for key in order[place(operation.key)...].prefix(Int(operation.number)) {
                    sum &+= fields[key]!
                }
            }
        }
        return sum
    }
}

/// Ranks from 0 on, the first ones most often.
private struct Zipf {
    private let shares: [Double]

    init(_ count: Int) {
        var sum = 0.0
        var shares: [Double] = []
        for rank in 1 ... count {
            sum += 1 / pow(Double(rank), 0.99)
            shares.append(sum)
        }
        self.shares = shares.map { $0 / sum }
    }

    func rank(_ share: Double) -> Int {
        var low = 0
        var high = shares.count - 1
        while low < high {
            let middle = (low + high) / 2
            if shares[middle] < share { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
