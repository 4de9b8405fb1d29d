import Holdfast
import HoldfastEngine
import Testing
import TestSupport

/// Random changes of a heap and of a model in ordinary memory in parallel: transactions of all
/// sizes, every tenth aborted, with checkpoints, reopenings and comparisons in between. With an
/// even seed, every eighth change is a savepoint with changes and savepoints of its own, every
/// third of them undone. At the end everything is removed, and no block may be left.
struct ModelRun {
    private struct Abort: Error {}

    var operations = TestExtent.choose(quick: 50_000, full: 200_000)
    var largestTransaction = 200

    /// `change` makes one random change in both and returns the number of operations; `compare`
    /// returns whether both are equal.
    func callAsFunction<Model, Handles>(
        seed: UInt64, _ empty: Model, handles: (borrowing WriteTransaction) throws -> Handles,
        change: (Handles, inout Model, inout SplitMix) throws -> Void,
        compare: (Handles, Model) throws -> Bool,
        remove: (borrowing WriteTransaction) throws -> Void
    ) throws {
        let folder = try TemporaryFolder()
        var options = EngineOptions()
        options.logLimit = 1 << 20
        options.initialLogBytes = 1 << 16
        options.memoryLimit = 4 << 20
        var random = SplitMix(state: seed)
        var model = empty
        var heap = try PersistentHeap.open(folder.file(), engineOptions: options)
        // The catalogue of roots stays when they are removed.
        try heap.write { tx in
            _ = try handles(tx)
            try remove(tx)
        }
        try heap.checkpoint()
        let new = try heap.audit()
        var done = 0
        while done < operations {
            let saved = model
            let count = Int.random(in: 1 ... largestTransaction, using: &random)
            let aborts = Int.random(in: 0 ..< 10, using: &random) == 0
            done += count
            do {
                try heap.write { tx in
                    try run(
                        count, in: tx, &model, &random, depth: seed % 2 == 0 ? 0 : 4,
                        through: try handles(tx), handles: handles, change: change)
                    if aborts { throw Abort() }
                }
            } catch is Abort {
                model = saved
            }
            guard Int.random(in: 0 ..< 50, using: &random) == 0 else { continue }
            switch Int.random(in: 0 ..< 3, using: &random) {
            case 0:
                try heap.close()
                heap = try PersistentHeap.open(folder.file(), engineOptions: options)
            case 1:
                try heap.checkpoint()
                #expect(try heap.audit().problems == [])
            default: break
            }
            let agree = try heap.write { tx in try compare(try handles(tx), model) }
            guard agree else {
                Issue.record(
                    "after \(done) operations, the heap differs from the model (seed \(seed))")
                return
            }
        }
        let agree = try heap.write { tx in try compare(try handles(tx), model) }
        #expect(agree, "seed \(seed)")
        try heap.write { tx in try remove(tx) }
        try heap.checkpoint()
        #expect(try heap.audit() == new, "something is left of what was removed")
        try heap.close()
    }

    /// Makes `count` changes, some of them in savepoints if there are fewer than four around them.
    private func run<Model, Handles>(
        _ count: Int, in tx: borrowing WriteTransaction, _ model: inout Model,
        _ random: inout SplitMix, depth: Int, through old: Handles,
        handles: (borrowing WriteTransaction) throws -> Handles,
        change: (Handles, inout Model, inout SplitMix) throws -> Void
    ) throws {
        var rest = count
        while rest > 0 {
            guard depth < 4, random.below(8) == 0 else {
                try change(old, &model, &random)
                rest -= 1
                continue
            }
            let saved = model
            let part = 1 + random.below(min(rest, 20))
            rest -= part
            do {
                try tx.savepoint { inner in
                    // Handles from before and from inside by turns.
                    let new = random.below(2) == 0 ? old : try handles(inner)
                    try run(
                        part, in: inner, &model, &random, depth: depth + 1, through: new,
                        handles: handles, change: change)
                    if random.below(3) == 0 { throw Abort() }
                }
            } catch is Abort {
                model = saved
            }
        }
    }
}

extension SplitMix {
    mutating func below(_ limit: Int) -> Int { Int(next() % UInt64(limit)) }

    mutating func range(in count: Int, longest: Int = .max) -> Range<Int> {
        let start = below(count + 1)
        return start ..< start + below(min(longest, count - start) + 1)
    }

    /// Strings of no bytes, of up to fifteen and of more; ASCII and not.
    mutating func text() -> String {
        let texts = [
            "", "é", "e\u{301}", "short", "exactly 15 byte", "sixteen bytes ok",
            "a text of more than fifteen bytes, in a block",
        ]
        return texts[below(texts.count)] + (below(2) == 0 ? "" : "\(below(100))")
    }
}
