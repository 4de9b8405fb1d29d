/// What Holdfast means to reach: its time, or bytes, over the other's, at most.
struct Target {
    let work: String
    let system: String
    let ratio: Double
    /// The work of `system` that is held against, where it is another.
    var against: String?
}

private func targets(_ works: [String], _ ratios: [(system: String, ratio: Double)]) -> [Target] {
    works.flatMap { work in ratios.map { Target(work: work, system: $0.system, ratio: $0.ratio) } }
}

let allTargets: [Target] =
    targets(["map.get.u64.1e6"], [("Dictionary", 0.7)])
    + targets(["map.insert.u64.1e6"], [("Dictionary", 0.9), ("lmdb", 0.2)])
    + targets(["map.get.string.1e6"], [("Dictionary", 0.5)])
    + targets(["map.iterate.u64.1e6"], [("Dictionary", 1.0)])
    + targets(["array.sum"], [("Array", 1.0)])
    + targets(
        ["sorted.get.u64.1e6", "sorted.insert.u64.1e6", "sorted.scan.u64.1e6"], [("lmdb", 0.5)])
    + targets(
        ["alloc.64", "free.64", "churn.16-1024"],
        [("mimalloc", 1.5), ("pmdk-nosync", 0.1), ("boost", 0.1)])
    + targets(["tx.2words"], [("pmdk-nosync", 0.3)])
    + targets(["tx.2words", "tx.map.update", "tx.map.insert"], [("lmdb", 0.05), ("sqlite", 0.03)])
    + targets(["tx.durable"], [("bare", 1.15), ("lmdb", 0.6), ("sqlite", 0.9)])
    // Five times the commits a second.
    + [
        Target(
            work: "tx.durable.threads.8", system: "holdfast", ratio: 0.2,
            against: "tx.durable.threads.1")
    ]
    // Four fifths of the reads a second on each processor.
    + (["writer"] + HoldfastNeighbours.names).flatMap { neighbours in
        [1, 2, 4].map {
            Target(
                work: "beside.\(neighbours).get.processor.\($0)", system: "holdfast", ratio: 1.25,
                against: "beside.alone.get.processor.\($0)")
        }
    }
    + targets(["open.get.1e6", "open.get.1TiB"], [("lmdb", 0.8)])
    + targets(["build.map.u64.1e6"], [("boost", 0.5)])
    + targets(["bytes.written.8"], [("lmdb", 0.5)])
    + targets(["bytes.disk.map.u64.1e6"], [("lmdb", 1.0)])
