// Handles belong to their transaction's thread too.
import Holdfast

func onOtherThreads(_ body: @Sendable () -> Void) { body() }

func use(_ heap: PersistentHeap) throws {
    try heap.write { tx in
        let array = try tx.array("a", of: Int.self)
        // expected: capture of 'array' with non-Sendable type 'PersistentArray<Int>' in a '@Sendable' closure
        onOtherThreads { array.append(1) }
    }
}
