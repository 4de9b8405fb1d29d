public import Observation

/// A value computed from a heap that follows the commits of all processes: for SwiftUI, and for
/// everything else that uses `@Observable` objects on the main actor.
///
///     let bolts = try shop.observed { $0.stock["bolt", default: 0] }
///     Text("\(bolts.value)")
///
/// It follows the heap as long as it exists. A view that shows it is drawn anew when the value
/// changes, and only then. See ``ValueObservation`` for what makes the closure run again.
@MainActor @Observable
public final class ObservedValue<Value: Equatable & Sendable> {
    /// The value as of the newest commit that has been noticed.
    public private(set) var value: Value

    /// The error that the closure has thrown. The value is not followed any more then.
    public private(set) var error: (any Error)?

    @ObservationIgnored private var task: Task<Void, Never>?

    init(_ present: Value, following values: ValueObservation<Value>) {
        value = present
        task = Task { [weak self] in
            do {
                for try await new in values { self?.follow(new) }
            } catch { self?.error = error }
        }
    }

    deinit { task?.cancel() }

    private func follow(_ new: Value) {
        if value != new { value = new }
    }
}
