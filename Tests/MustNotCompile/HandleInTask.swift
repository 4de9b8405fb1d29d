// Handles belong to their transaction's thread too.
import Holdfast

func use(_ heap: PersistentHeap) throws {
    try heap.write { tx in
        let array = try tx.array("a", of: Int.self)
        // expected: passing closure as a 'sending' parameter risks causing data races
        Task { array.append(1) }
    }
}
