// A view stands still: blocks are made in a write transaction.
import Holdfast

func use(_ heap: PersistentHeap) throws {
    try heap.read { tx in
        // expected: value of type 'ReadTransaction' has no member 'allocate'
        _ = tx.allocate(byteCount: 64)
    }
}
