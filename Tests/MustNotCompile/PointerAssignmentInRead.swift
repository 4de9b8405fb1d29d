// A read transaction's snapshot is fixed: a pointer's target can be set only in a write
// transaction.
import Holdfast

func use(_ heap: PersistentHeap, _ pointer: RelativePointer<Int>) throws {
    try heap.read { tx in
        // expected: cannot assign through subscript: subscript is get-only
        tx[pointer] = 1
    }
}
