import HoldfastEngine
import Synchronization

/// Tells the observers of a heap when a commit has changed what they read.
///
/// While there are observers, one task reads from the log which lines each commit has changed, and
/// compares them with the lines that each observer's last evaluation has read. It evaluates nothing
/// itself: an observer that has become stale does so when it is asked for its next value. So a slow
/// consumer holds up nobody, and what is kept for an observer does not grow.
final class ObserverHub: Sendable {
    private struct Entry {
        /// What the last evaluation has read; nil before the first.
        var reads: RecordedReads?
        /// Whether a commit after the last evaluation may have changed what it read.
        var isStale = true
        var waiting: CheckedContinuation<Void, Never>?
    }

    /// What the commits between two positions have changed.
    private struct Step {
        let start: UInt64
        let end: UInt64
        let changes: ChangedLines
    }

    private struct State {
        var entries: [Int: Entry] = [:]
        var newestNumber = 0
        /// The task that follows the log; nil while there are no observers.
        var task: Task<Void, Never>?
        var isEnded = false
        /// The commits up to here have been compared with all entries.
        var passed: UInt64 = 0
        /// The newest steps, for evaluations that began before them. Bounded.
        var recent: [Step] = []

        mutating func takeWaiting(_ number: Int) -> CheckedContinuation<Void, Never>? {
            defer { entries[number]?.waiting = nil }
            return entries[number]?.waiting
        }

        mutating func remember(_ step: Step) {
            recent.append(step)
            var pages = recent.reduce(0) { $0 + $1.changes.lines.pageCount }
            while recent.count > 16 || pages > 4096 {
                pages -= recent.removeFirst().changes.lines.pageCount
            }
        }
    }

    private let engine: HeapEngine
    private let monitor: ChangeMonitor
    private let state = Mutex(State())

    init(engine: HeapEngine, monitor: ChangeMonitor) {
        self.engine = engine
        self.monitor = monitor
    }

    // MARK: Observers

    /// Returns the number of a new observer, which must be removed in the end.
    func add() -> Int {
        state.withLock { state in
            state.newestNumber += 1
            state.entries[state.newestNumber] = Entry()
            if state.task == nil, !state.isEnded { start(&state) }
            return state.newestNumber
        }
    }

    var count: Int { state.withLock(\.entries.count) }

    func remove(_ number: Int) {
        let task = state.withLock { state -> Task<Void, Never>? in
            state.entries[number] = nil
            guard state.entries.isEmpty else { return nil }
            defer { state.task = nil }
            return state.task
        }
        task?.cancel()
    }

    /// Records what the observer's evaluation has read.
    func settle(_ number: Int, _ reads: RecordedReads) {
        state.withLock { state in
            let isStale = !isCurrent(reads, state)
            state.entries[number]?.reads = reads
            state.entries[number]?.isStale = isStale
        }
    }

    private func isCurrent(_ reads: RecordedReads, _ state: State) -> Bool {
        // Later commits are still to be compared.
        if reads.position >= state.passed { return true }
        guard let first = state.recent.first, first.start <= reads.position else { return false }
        return !state.recent.contains { $0.end > reads.position && $0.changes.concern(reads) }
    }

    /// Waits until the observer is stale, or the calling task is cancelled. Returns false if the
    /// heap is closed.
    func waitUntilStale(_ number: Int) async -> Bool {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let mustWait = state.withLock { state in
                    guard !state.isEnded, !Task.isCancelled, state.entries[number] != nil,
                        state.entries[number]?.isStale == false
                    else { return false }
                    state.entries[number]?.waiting = continuation
                    return true
                }
                if !mustWait { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.takeWaiting(number) }?.resume()
        }
        return state.withLock { !$0.isEnded }
    }

    // MARK: Following the log

    private func start(_ state: inout State) {
        // Commits from here on are announced. Earlier ones count as passed.
        let versions = AsyncStream(bufferingPolicy: .bufferingNewest(1)) {
            monitor.add($0, since: nil)
        }
        state.passed = engine.newestPosition
        state.recent = []
        let start = state.passed
        state.task = Task.detached { [self] in
            var follower = ChangeFollower(engine: engine, from: start)
            for await version in versions {
                if Task.isCancelled { return }
                let changes = follower.changes(upTo: version.position)
                pass(changes, to: follower.position)
            }
            if !Task.isCancelled { end() }
        }
    }

    /// Compares the changes of the commits up to `position` with all entries.
    private func pass(_ changes: ChangedLines, to position: UInt64) {
        let woken = state.withLock { state -> [CheckedContinuation<Void, Never>] in
            guard position > state.passed else { return [] }
            state.remember(Step(start: state.passed, end: position, changes: changes))
            state.passed = position
            var woken: [CheckedContinuation<Void, Never>] = []
            for (number, entry) in state.entries where !entry.isStale {
                guard let reads = entry.reads, reads.position < position, changes.concern(reads)
                else { continue }
                state.entries[number]?.isStale = true
                if let waiting = state.takeWaiting(number) { woken.append(waiting) }
            }
            return woken
        }
        for waiting in woken { waiting.resume() }
    }

    /// Ends all observers, because the heap is closed.
    private func end() {
        let waiting = state.withLock { state in
            state.isEnded = true
            return state.entries.keys.compactMap { state.takeWaiting($0) }
        }
        for continuation in waiting { continuation.resume() }
    }
}
