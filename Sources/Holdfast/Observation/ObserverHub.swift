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
        /// What the last evaluation has read; nil before the first, and once a commit may have
        /// changed that: the observer is stale then.
        var reads: RecordedReads?
        var waiting: CheckedContinuation<Void, Never>?
        /// What the observer keeps of the heap, if it follows the changes of a collection.
        var keeper: ViewKeeper?
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
        /// The newest commit that was announced.
        var announced: UInt64 = 0
        /// The commits up to here have been compared with all entries; nil if the log is not
        /// followed: at first, and after its records could not be read.
        var passed: UInt64?
        /// Where the task shall go on reading the log: the snapshot of an evaluation.
        var start: LogPlace?
        /// The newest steps, for evaluations that began before them. Bounded.
        var recent: [Step] = []

        /// Whether no commit that was compared, or could not be, may have changed what was read.
        func isCurrent(_ reads: RecordedReads) -> Bool {
            guard let passed else { return reads.position >= announced }
            // Later commits are still to be compared.
            if reads.position >= passed { return true }
            guard let first = recent.first, first.start <= reads.position else { return false }
            return !recent.contains { $0.end > reads.position && $0.changes.concern(reads) }
        }

        mutating func takeWaiting(_ number: Int) -> CheckedContinuation<Void, Never>? {
            defer { entries[number]?.waiting = nil }
            return entries[number]?.waiting
        }

        /// Makes entries stale; returns the continuations to resume.
        mutating func wake(
            where isStale: (RecordedReads) -> Bool
        ) -> [CheckedContinuation<Void, Never>] {
            var woken: [CheckedContinuation<Void, Never>] = []
            for (number, entry) in entries {
                guard let reads = entry.reads, isStale(reads) else { continue }
                entries[number]?.reads = nil
                if let waiting = takeWaiting(number) { woken.append(waiting) }
            }
            return woken
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
    func add(_ keeper: ViewKeeper? = nil) -> Int {
        // In a forked child nobody follows the log, and each evaluation says so by its error.
        guard !engine.isForked else { return 0 }
        return state.withLock { state in
            state.newestNumber += 1
            state.entries[state.newestNumber] = Entry(keeper: keeper)
            startIfNeeded(&state)
            return state.newestNumber
        }
    }

    var count: Int { state.withLock(\.entries.count) }

    func remove(_ number: Int) {
        guard !engine.isForked else { return }
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
            guard state.isCurrent(reads) else { return }
            state.entries[number]?.reads = reads
            if state.passed == nil {
                state.passed = reads.position
                state.start = reads.logPlace
            }
        }
    }

    /// Waits until the observer is stale, or the calling task is cancelled. Returns false if the
    /// heap is closed.
    func waitUntilStale(_ number: Int) async -> Bool {
        guard !engine.isForked else { return true }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let mustWait = state.withLock { state in
                    startIfNeeded(&state)
                    guard !state.isEnded, !Task.isCancelled, state.entries[number]?.reads != nil
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

    private func startIfNeeded(_ state: inout State) {
        guard state.task == nil, !state.isEnded else { return }
        state.passed = nil
        state.start = nil
        state.recent = []
        state.task = Task.detached { [self] in
            let versions = AsyncStream(bufferingPolicy: .bufferingNewest(1)) {
                monitor.add($0, since: nil)
            }
            let reader = engine.makeCommitReader()
            // Commits from here on are announced. Earlier ones may be later than an evaluation.
            pass(engine.newestPosition, with: reader)
            for await version in versions {
                if Task.isCancelled { return }
                pass(version.position, with: reader)
            }
            if !Task.isCancelled { end() }
        }
    }

    /// Compares the changes of the commits up to `position` with all entries.
    private func pass(_ position: UInt64, with reader: CommitReader) {
        let start = state.withLock { state in
            state.announced = max(state.announced, position)
            defer { state.start = nil }
            return state.start
        }
        if let start { reader.begin(at: start) }
        let changes = reader.changes(upTo: position)
        let woken = state.withLock { state in
            guard let passed = state.passed, let changes else {
                // Each evaluation is a place to begin again.
                state.passed = nil
                state.recent = []
                return state.wake { $0.position < position }
            }
            guard position > passed else { return [] }
            state.remember(Step(start: passed, end: position, changes: changes))
            state.passed = position
            return state.wake { $0.position < position && changes.concern($0) }
        }
        // Before their consumers wake: a difference that has begun is not given up for this commit.
        let keepers = state.withLock { $0.entries.values.compactMap(\.keeper) }
        for keeper in keepers { keeper.passed(position) }
        for waiting in woken { waiting.resume() }
    }

    /// No more commits are announced: because the heap is closed, or because of an error, which the
    /// next evaluation meets too, or which has passed.
    private func end() {
        let waiting = state.withLock { state in
            state.isEnded = monitor.isStopped
            state.task = nil
            for number in state.entries.keys { state.entries[number]?.reads = nil }
            return state.entries.keys.compactMap { state.takeWaiting($0) }
        }
        // Nobody tells them any more when they have kept too much of the log.
        let keepers = state.withLock { $0.entries.values.compactMap(\.keeper) }
        for keeper in keepers { keeper.close() }
        for continuation in waiting { continuation.resume() }
    }

    /// Whether an observer holds a view of the heap. For tests.
    var holdsViews: Bool {
        state.withLock { $0.entries.values.contains { $0.keeper?.holdsViews ?? false } }
    }
}
