import Synchronization

/// The snapshots of an opening that nobody but the opening itself keeps for long: they must not
/// outlive it, nor keep locks while it is suspended. Any thread.
public final class DependentSnapshots: Sendable {
    private struct State {
        var closing: [Int: @Sendable () -> Void] = [:]
        var newest = 0
    }

    private let state = Mutex(State())

    init() {}

    /// Adds the owner of some snapshots, which `close` lets go of. Returns its number.
    public func add(_ close: @escaping @Sendable () -> Void) -> Int {
        state.withLock { state in
            state.newest += 1
            state.closing[state.newest] = close
            return state.newest
        }
    }

    public func remove(_ number: Int) {
        // Released outside the lock, because the closure's end may remove others.
        let closure = state.withLock { $0.closing.removeValue(forKey: number) }
        withExtendedLifetime(closure) {}
    }

    /// Closes them all. Their owners stay, and may open others later.
    func closeAll() {
        for close in state.withLock({ Array($0.closing.values) }) { close() }
    }
}
