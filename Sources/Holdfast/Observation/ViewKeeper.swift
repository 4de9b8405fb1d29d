import HoldfastEngine
import HoldfastSystem
import Synchronization

/// What an iteration over the changes of a collection keeps of the heap between two of its steps.
///
/// As long as the consumer keeps up, that is a view of the state that it has got last, and while it
/// gets a difference, of the next one too. A view keeps the log from its position on. Once the log
/// is longer than the budget from there, the views are closed, and the keeper collects instead, in
/// a set of bounded size, which lines the commits since that state have changed.
///
/// Any thread: the iteration, the task that follows the log, and whoever closes or suspends the
/// heap.
final class ViewKeeper: Sendable {
    /// What an iteration compares.
    struct Round {
        let old: HeldView?
        let new: HeldView
        /// What has changed since the state that the consumer has; nil if that is not known.
        let changed: LineSet?
    }

    private struct State {
        var old: HeldView?
        var new: HeldView?
        /// A view that has let go of its state, and will be moved to the next one.
        var spare: HeldView?
        /// Whether the views were closed while a difference was being delivered, so that the
        /// consumer has a part of it.
        var isInterrupted = false
        /// What has changed from the state that the consumer has to `followed`, once its view is
        /// closed; nil if that is not known.
        var missed: LineSet?
        var followed: UInt64 = 0
        let reader: CommitReader

        /// Adds what has changed up to `position` to `missed`.
        mutating func follow(to position: UInt64) {
            guard position > followed, missed != nil else { return }
            followed = position
            guard let changes = reader.changes(upTo: position) else { return missed = nil }
            missed?.formUnion(changes.lines)
        }

        /// Begins to follow the log where `view` ends.
        mutating func begin(at view: HeldView) {
            missed = view.logPlace == nil ? nil : LineSet()
            followed = view.position
            if let place = view.logPlace { reader.begin(at: place) }
        }

        /// Gives the views up; returns them, to be closed outside the lock.
        mutating func letGo(at position: UInt64) -> [HeldView] {
            let views = [old, new, spare].compactMap { $0 }
            if new != nil {
                isInterrupted = true
                missed = nil
            } else if old != nil {
                // The view still keeps these records.
                follow(to: position)
            }
            (old, new, spare) = (nil, nil, nil)
            return views
        }
    }

    private let engine: HeapEngine
    /// How many bytes of log the views may keep.
    private let budget: UInt64
    private let state: Mutex<State>

    init(_ engine: HeapEngine, budget: Int) {
        self.engine = engine
        self.budget = UInt64(max(budget, 0))
        state = Mutex(State(reader: engine.makeCommitReader()))
    }

    /// Begins a difference up to `view`, which the keeper takes over.
    func begin(_ view: HeldView) -> Round {
        state.withLock { state in
            // With the old view, its records are still there.
            state.follow(to: view.position)
            defer { state.isInterrupted = false }
            state.new = view
            return Round(old: state.old, new: view, changed: state.missed)
        }
    }

    /// Returns a view that need not be opened, moved to the newest state.
    func takeMovedView() -> HeldView? {
        let spare = state.withLock { state -> HeldView? in
            defer { state.spare = nil }
            return state.spare
        }
        // Without it, another one is opened, whatever the reason was.
        guard let spare, (try? spare.move()) == true else { return nil }
        return spare
    }

    /// The difference has been delivered: the new state is the one that the consumer has. If the
    /// views were closed before that, it is not kept.
    func finish() {
        let old = state.withLock { state -> HeldView? in
            guard let new = state.new else { return nil }
            defer {
                (state.old, state.new) = (new, nil)
                state.begin(at: new)
            }
            return state.old
        }
        // Closed by its end, unless it becomes the spare one.
        guard let old, (try? old.release()) != nil else { return }
        state.withLock { if $0.old != nil { $0.spare = old } }
    }

    /// Whether the difference that is being delivered has lost its views.
    var isInterrupted: Bool { state.withLock(\.isInterrupted) }

    /// Whether a view is open.
    var holdsViews: Bool { state.withLock { $0.old != nil || $0.new != nil } }

    /// Called when commits up to `position` have been noticed.
    func passed(_ position: UInt64) {
        let views = state.withLock { state -> [HeldView] in
            if let start = (state.old ?? state.new)?.position {
                guard position > start, position - start > budget else { return [] }
                return state.letGo(at: position)
            }
            // Not at each commit, but often enough to find the records in the ring.
            if position > state.followed, position - state.followed > Self.stride {
                state.follow(to: position)
            }
            return []
        }
        guard !views.isEmpty else { return }
        // Closing waits for the step that reads them.
        let close: @Sendable () -> Void = { for view in views { view.close() } }
        if let thread = SystemThread(close) { thread.detach() } else { close() }
    }

    private static let stride: UInt64 = 64 << 10

    /// Closes the views, because the heap is closed or suspended, or the iteration is over.
    func close() {
        let newest = engine.newestPosition
        for view in state.withLock({ $0.letGo(at: newest) }) { view.close() }
    }
}
