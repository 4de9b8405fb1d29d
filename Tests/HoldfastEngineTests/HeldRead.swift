import Foundation
import Synchronization

@testable import HoldfastEngine

/// A read transaction that stays open on a thread of its own, while the test goes on, until `end`
/// is called.
final class HeldRead<Seen: Sendable>: Sendable {
    private let mayEnd = DispatchSemaphore(value: 0)
    private let changed = DispatchSemaphore(value: 0)
    private let seen = Mutex<[Seen]>([])

    /// Begins the transaction, and calls `look` in it; `end` calls it once more.
    init(_ engine: HeapEngine, _ look: @escaping @Sendable (HeapAccess) -> Seen) {
        Thread.detachNewThread { [self] in
            try? engine.look { access in
                seen.withLock { $0.append(look(access)) }
                changed.signal()
                mayEnd.wait()
                seen.withLock { $0.append(look(access)) }
            }
            changed.signal()
        }
        changed.wait()
    }

    /// Ends the transaction; returns what `look` returned at its beginning and at its end.
    func end() -> [Seen] {
        mayEnd.signal()
        changed.wait()
        return seen.withLock { $0 }
    }
}
