import Synchronization

/// Tracks the use of a mapping's bytes: any number of readers, or one writer, or closed.
///
/// The scoped calls hand out spans over memory that the compiler cannot track: it does not see that
/// a mapping is closed, truncated or written while a span over it lives. This type detects such a
/// conflict on any thread, and traps instead of letting it happen. One atomic operation to begin
/// and one to end.
struct AccessGuard: ~Copyable, Sendable {
    /// The number of active readers, or one of the two constants below.
    private let state = Atomic<Int>(0)
    private static let changing = -1
    private static let closed = Int.min

    /// `name` is for the message only.
    func beginReading(_ name: @autoclosure () -> String) {
        var seen = state.load(ordering: .relaxed)
        while true {
            if seen < 0 { refuse(seen, name()) }
            // Acquiring, so that the stores of the last writer are visible to this reader.
            let (exchanged, original) = state.weakCompareExchange(
                expected: seen, desired: seen + 1, ordering: .acquiring)
            if exchanged { return }
            seen = original
        }
    }

    func endReading() { state.subtract(1, ordering: .releasing) }

    func beginChanging(_ name: @autoclosure () -> String) {
        let (exchanged, original) = state.compareExchange(
            expected: 0, desired: Self.changing, ordering: .acquiring)
        if !exchanged { refuse(original, name()) }
    }

    func endChanging() { state.store(0, ordering: .releasing) }

    /// Whether this call closed it; false if it was closed before.
    func close(_ name: @autoclosure () -> String) -> Bool {
        let (exchanged, original) = state.compareExchange(
            expected: 0, desired: Self.closed, ordering: .acquiringAndReleasing)
        if !exchanged && original != Self.closed { refuse(original, name()) }
        return exchanged
    }

    private func refuse(_ state: Int, _ name: String) -> Never {
        switch state {
        case Self.closed: misuse("the mapping of \(name) was used after it had been closed")
        case Self.changing:
            misuse(
                "the mapping of \(name) was used while a closure was changing it; let that return "
                    + "first"
            )
        default:
            misuse(
                "the mapping of \(name) was to be changed, resized or closed while a closure was "
                    + "reading it; let that return first")
        }
    }
}
