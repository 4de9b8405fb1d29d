// Arrays of numbers.

/// What a system does for the works on arrays.
protocol ArrayPeer {
    init(newAt path: String) throws
    func reopened() throws -> Self
    func close() throws

    /// Appends 0, 1, 2 and so on, one at a time.
    func append(_ count: Int) throws
    /// Adds 1 to the element at each of `places`.
    func scatter(_ places: [Int]) throws
    func sum() throws -> UInt64
}

private let count = 1_000_000
private let sum = UInt64(count) * UInt64(count - 1) / 2

var arrayFamily: Family {
    Family(
        name: "array", works: ["array.append", "array.write.random", "array.sum"],
        contestants: { bench in
            var random = SplitMix(state: 6)
            let places = (0 ..< count).map { _ in Int.random(in: 0 ..< count, using: &random) }
            return [
                try contestant(HoldfastArray.self, "holdfast", places, bench),
                try contestant(PlainArray.self, "Array", places, bench),
            ]
        })
}

private func contestant<Peer: ArrayPeer>(
    _: Peer.Type, _ system: String, _ places: [Int], _ bench: Bench
) throws -> Contestant {
    let made = try Peer(newAt: bench.folder.fresh("array-read-\(system).file"))
    try made.append(count)
    let reader = try made.reopened()
    return Contestant(system: system) { recorder in
        if recorder.wants("array.append") || recorder.wants("array.write.random") {
            let peer = try Peer(newAt: bench.folder.fresh("array-write-\(system).file"))
            try recorder.time("array.append", operations: count, expect: 0, needed: true) {
                try peer.append(count)
                return 0
            }
            try recorder.check("array.append", try peer.sum(), sum)
            if recorder.wants("array.write.random") {
                try recorder.time("array.write.random", operations: count, expect: 0) {
                    try peer.scatter(places)
                    return 0
                }
                try recorder.check("array.write.random", try peer.sum(), sum + UInt64(count))
            }
            try peer.close()
        }
        // Several times: once takes less than a millisecond.
        try recorder.time("array.sum", operations: count * 10, expect: sum * 10) {
            var sum: UInt64 = 0
            for _ in 0 ..< 10 { sum &+= try reader.sum() }
            return sum
        }
    }
}
