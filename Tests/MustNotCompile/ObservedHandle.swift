// A handle belongs to its transaction, so it is no value to observe.
import Holdfast

func use(_ heap: PersistentHeap) {
    // expected: does not conform to the 'Sendable' protocol
    _ = heap.observe { tx in try tx.array("a", of: Int.self) }
}
