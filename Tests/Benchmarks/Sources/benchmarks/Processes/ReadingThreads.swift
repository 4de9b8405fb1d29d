import Synchronization

// Threads of this process that do short reads, and how long each of them takes.

/// What reader threads have found.
struct ReadFigures {
    /// Nanoseconds for each read of a thread, by the clock, and on a processor.
    var time = 0.0
    var processor = 0.0
    /// The longest read.
    var wait = 0.0
    /// The longest time that one read was on a processor.
    var processorWait = 0.0
    /// The longest read in which the thread went to sleep, 0 if it never did. The others that take
    /// long had to give up their processor.
    var sleepingWait = 0.0

    init() {}

    /// Those of all threads together: means over all reads, and the longest.
    init(together all: [ReadFigures]) {
        var reads = 0.0
        for one in all {
            // For the same time each.
            let share = 1 / one.time
            reads += share
            processor += one.processor * share
            wait = max(wait, one.wait)
            processorWait = max(processorWait, one.processorWait)
            sleepingWait = max(sleepingWait, one.sleepingWait)
        }
        processor /= reads
        time = Double(all.count) / reads
    }
}

/// What the threads beside the readers have changed.
struct Changes {
    var entries: UInt64 = 0
    /// Nanoseconds for each commit, where they are counted.
    var commit: Double?

    static func + (left: Changes, right: Changes) -> Changes {
        Changes(entries: left.entries + right.entries, commit: left.commit ?? right.commit)
    }
}

/// When the readers read. The threads beside them begin earlier.
struct Period {
    let begin: Double
    let length: Double
    var end: Double { begin + length }
}

/// A thread beside the readers, which runs until the period ends.
typealias Neighbour<Peer> = @Sendable (_ peer: Peer, _ keys: [UInt64], Period) throws -> Changes

/// Threads look up random keys, a transaction each, while the neighbours do their work: in the
/// first half of `length` without a look at the clocks after each read, which would take as long as
/// the read.
func readInThreads<Peer: ThreadedPeer>(
    _ peer: Peer, _ keys: [UInt64], readers: Int, length: Double,
    beside neighbours: [Neighbour<Peer>]
) throws -> (ReadFigures, Changes) {
    let found = Found()
    let period = Period(begin: Clock.now() + 200e6, length: length)
    let isDone = inThreads(readers + neighbours.count) { thread in
        do {
            if thread < readers {
                let figures = try read(peer.worker(), keys, seed: UInt64(thread), period)
                found.readers.withLock { $0.append(figures) }
            } else {
                let changes = try neighbours[thread - readers](peer, keys, period)
                found.neighbours.withLock { $0 = $0 + changes }
            }
        } catch {
            let text = "\(error)"
            found.error.withLock { $0 = text }
            throw error
        }
    }
    guard isDone else { throw WrongResult(description: found.error.withLock { $0 }) }
    let figures = found.readers.withLock { $0 }
    return (ReadFigures(together: figures), found.neighbours.withLock { $0 })
}

private final class Found: Sendable {
    let readers = Mutex<[ReadFigures]>([])
    let neighbours = Mutex(Changes())
    let error = Mutex("")
}

private func read(_ worker: some ThreadWorker, _ keys: [UInt64], seed: UInt64, _ period: Period)
    throws -> ReadFigures
{
    var random = SplitMix(state: seed)
    func get() throws { _ = try worker.get(keys.randomElement(using: &random)!) }
    for _ in 0 ..< 1000 { try get() }
    Clock.sleep(until: period.begin)

    var figures = ReadFigures()
    let (begin, processor) = (Clock.now(), Clock.ofThread())
    var now = begin
    var reads = 0.0
    while now < period.begin + period.length / 2 {
        for _ in 0 ..< 16 { try get() }
        reads += 16
        now = Clock.now()
    }
    figures.time = (now - begin) / reads
    figures.processor = (Clock.ofThread() - processor) / reads

    var before = Moment()
    while before.time < period.end {
        try get()
        let after = Moment()
        let wait = after.time - before.time
        figures.wait = max(figures.wait, wait)
        figures.processorWait = max(figures.processorWait, after.processor - before.processor)
        if after.sleeps > before.sleeps { figures.sleepingWait = max(figures.sleepingWait, wait) }
        before = after
    }
    return figures
}

private struct Moment {
    let time = Clock.now()
    let processor = Clock.ofThread()
    let sleeps = Clock.sleepsOfThread()
}
