import HoldfastSystem
import Synchronization

/// The thread of this process that keeps pages for its snapshots (`HeapEngine.openSnapshot`) when a
/// checkpoint of another process asks for it. It looks a few times a second, and runs only while
/// there are such snapshots.
///
/// Other views are kept only for checkpoints of their own process: nobody would look out for those
/// of another one without a thread for each heap that is open.
final class KeeperThread: Sendable {
    static let shared = KeeperThread()
    private static let pause: UInt32 = 200_000

    private struct State {
        var keepers: [ObjectIdentifier: PageKeeper] = [:]
        /// Nil if there is no thread in this process, which may be a fork of one that had it.
        var generation: Int?
    }

    private let state = Mutex(State())

    func add(_ keeper: PageKeeper) {
        state.withLock { state in
            state.keepers[ObjectIdentifier(keeper)] = keeper
            guard state.generation != ForkGuard.current else { return }
            guard let thread = SystemThread({ [self] in run() }) else { return }
            thread.detach()
            state.generation = ForkGuard.current
        }
    }

    func remove(_ keeper: PageKeeper) {
        state.withLock { $0.keepers[ObjectIdentifier(keeper)] = nil }
    }

    private func run() {
        while look() { SystemThread.sleep(microseconds: Self.pause) }
    }

    /// Returns false if there are no snapshots, and the thread is to end. Keeps none of them alive
    /// between two looks.
    private func look() -> Bool {
        let keepers = state.withLock { state in
            if state.keepers.isEmpty { state.generation = nil }
            return Array(state.keepers.values)
        }
        for keeper in keepers where keeper.isAsked { keeper.answer() }
        return !keepers.isEmpty
    }
}
