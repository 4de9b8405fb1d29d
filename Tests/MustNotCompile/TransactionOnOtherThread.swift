// A transaction belongs to the thread that runs it: it is not Sendable.
import Holdfast

func onOtherThreads(_ body: @Sendable () -> Void) { body() }

func use(_ heap: PersistentHeap) throws {
    try heap.write { tx in
        // expected: capture of 'tx' with non-Sendable type 'WriteTransaction' in a '@Sendable' closure
        onOtherThreads { _ = tx.roots }
    }
}
