import Foundation
import Holdfast
import Synchronization

/// A second thread of a storm process. It reads the heap all the time, so that the process has
/// several images of it.
final class ReadingThread: Sendable {
    private let isWanted = Atomic(true)
    private let problem = Mutex<String?>(nil)
    private let done = DispatchSemaphore(value: 0)

    init(_ heap: PersistentHeap, _ board: Scoreboard) {
        Thread.detachNewThread { [self] in
            while isWanted.load(ordering: .acquiring) {
                let found = look(heap, board)
                if let found {
                    problem.withLock { $0 = "a second thread: \(found)" }
                    break
                }
            }
            done.signal()
        }
    }

    private func look(_ heap: PersistentHeap, _ board: Scoreboard) -> String? {
        let floor = board.all(.returned)
        do {
            return try heap.read { tx in
                let roots = try StormHeap(tx)
                let first = roots?.digest()
                usleep(1000)
                if let problem = roots.problem(floor, board) { return "in a view: \(problem)" }
                return roots?.digest() == first ? nil : "a view has changed"
            }
        } catch { return "\(error)" }
    }

    /// Stops reading; returns what was wrong, if anything.
    func end() -> String? {
        isWanted.store(false, ordering: .releasing)
        done.wait()
        return problem.withLock { $0 }
    }
}
