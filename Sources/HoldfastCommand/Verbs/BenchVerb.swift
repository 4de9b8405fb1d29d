import Foundation
import Holdfast
import HoldfastEngine
import HoldfastFormat
import HoldfastSystem
import HoldfastTools

extension Verb {
    static let bench = Verb(
        name: "bench", summary: "measure how fast this machine and FILE's disk are",
        operands: [heapFile],
        options: [
            Option(
                name: "seconds", value: "N",
                summary: "how long each measurement takes (default 0.5)"), json, timeout,
        ],
        details: [
            "Measures with a temporary heap next to FILE, on the same disk, and removes it "
                + "afterwards; FILE itself is only read. The disk needs some ten megabytes.",
            "A commit survives kill -9 once it has returned; a durable commit survives a power cut "
                + "too. Figures of a busy machine are lower; run it again.",
        ],
        examples: [Example(command: "bench inventory.heap", meaning: "What to expect here.")]
    ) { call in
        let seconds = try call.seconds("seconds") ?? .milliseconds(500)
        // A heap that cannot be opened is an error, as everywhere.
        let heap = try call.openHeap(.readOnly)
        try heap.close()
        let progress = call.progress("bench", unit: "measurements")
        defer { progress.finish() }
        let scratch = try Scratch(beside: call.path)
        defer { scratch.remove() }
        var bench = Bench(scratch.path, seconds, progress)
        let results = try bench.run()
        progress.finish()
        if call.has("json") {
            let list = results.map {
                [
                    "name": .string($0.name), "count": .integer($0.count),
                    "nanoseconds": .number(($0.seconds * 1e10).rounded() / 10),
                ] as JSONText
            }
            try call.print(
                (["path": .string(call.path), "measurements": .array(list)] as JSONText)
                    .indentedText)
            return .fine
        }
        var table = Table([("", .left), ("each", .right), ("per second", .right)])
        for result in results {
            table.add(
                [
                    result.name, Figures.duration(seconds: result.seconds),
                    Figures.rounded(1 / result.seconds),
                ], styles: [1: .bold])
        }
        try call.print(
            "\(call.output.painter.bold("On the disk of \(DisplayText.oneLine(call.path))")), with "
                + "a scratch heap"
        )
        for line in table.lines(indent: 2, painter: call.output.painter) { try call.print(line) }
        return .fine
    }
}

/// The files of a temporary heap.
private struct Scratch {
    let path: String

    init(beside path: String) throws {
        // The heap's name may be a link. The measured disk is that of the actual file.
        self.path = "\(SystemDisk.shared.resolve(path))-bench-\(getpid())"
        // Only files created here may be removed later.
        for name in names where SystemDisk.shared.exists(name) {
            throw CommandFailure(
                "\(name) already exists. Remove it if it is not needed, and try again.")
        }
    }

    private var names: [String] {
        ["", LogLayout.durableSuffix, LogLayout.sharedSuffix].map { path + $0 }
    }

    func remove() { for name in names { try? SystemDisk.shared.remove(name) } }
}

private struct Bench {
    struct Result {
        let name: String
        /// The number of repetitions.
        let count: Int
        /// The time per repetition.
        let seconds: Double
    }

    private let path: String
    private let seconds: Double
    private let progress: ProgressBar
    private var done = 0
    private static let count = 8
    private static let keys = 100_000

    init(_ path: String, _ seconds: Duration, _ progress: ProgressBar) {
        self.path = path
        self.seconds = seconds / .seconds(1)
        self.progress = progress
    }

    mutating func run() throws -> [Result] {
        var results: [Result] = []
        let path = path
        let heap = try PersistentHeap.open(path)
        try heap.write { tx in _ = try tx.value("counter", initial: 0) }
        results.append(
            try measure("small commit") {
                try heap.write { try $0.value("counter", initial: 0).value += 1 }
            })
        results.append(
            try measure("durable commit", batch: 1) {
                try heap.write(durability: .device) {
                    try $0.value("counter", initial: 0).value += 1
                }
            })
        results.append(
            try measure("read transaction") {
                _ = try heap.read { try $0.value("counter", of: Int.self).value }
            })
        results += try maps(heap)
        results.append(
            try measureOnce("checkpoint of \(Figures.count(Self.keys, "entry", "entries"))") {
                try heap.checkpoint()
            })
        try heap.close()
        results.append(
            try measure("open and close", batch: 1) { try PersistentHeap.open(path).close() })
        return results
    }

    private mutating func maps(_ heap: PersistentHeap) throws -> [Result] {
        let count = Self.keys
        // Keys without order, each once.
        func key(_ index: Int) -> UInt64 {
            UInt64(truncatingIfNeeded: index) &* 0x9e37_79b9_7f4a_7c15
        }
        let insert = try measureOnce("insert into a map", count) {
            try heap.write { tx in
                let map = try tx.map("map", UInt64.self, UInt64.self)
                for index in 0 ..< count { map[key(index)] = UInt64(index) }
            }
        }
        var sum: UInt64 = 0
        let get = try measureOnce("look up in a map", count) {
            try heap.read { tx in
                let map = try tx.map("map", UInt64.self, UInt64.self)
                for index in 0 ..< count { sum &+= map[key(index)] ?? 0 }
            }
        }
        guard sum == UInt64(count) * UInt64(count - 1) / 2 else {
            throw CommandFailure(
                "A map of the temporary heap returned values different from the ones stored. Test "
                    + "this machine's memory and disk."
            )
        }
        return [insert, get]
    }

    /// Repeats `body` until the time is up.
    private mutating func measure(_ name: String, batch: Int = 64, _ body: () throws -> Void) throws
        -> Result
    {
        try begin()
        let seconds = seconds
        // Excludes the one-time costs of the first run.
        try body()
        let start = ProgressBar.seconds()
        var count = 0
        var elapsed = 0.0
        repeat {
            for _ in 0 ..< batch { try body() }
            count += batch
            elapsed = ProgressBar.seconds() - start
            try Interruption.check()
        } while elapsed < seconds
        return Result(name: name, count: count, seconds: elapsed / Double(count))
    }

    private mutating func measureOnce(_ name: String, _ count: Int = 1, _ body: () throws -> Void)
        throws -> Result
    {
        try begin()
        let start = ProgressBar.seconds()
        try body()
        return Result(
            name: name, count: count,
            seconds: max(1e-9, ProgressBar.seconds() - start) / Double(count))
    }

    private mutating func begin() throws {
        try Interruption.check()
        progress.show(done, of: Self.count)
        done += 1
    }
}
