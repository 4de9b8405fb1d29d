// A copy of a transaction could end at a different time.
import Holdfast

func use(_ heap: PersistentHeap) throws {
    try heap.write { tx in
        // expected: 'tx' is borrowed and cannot be consumed
        let other = tx
        _ = try other.array("a", of: Int.self)
    }
}
