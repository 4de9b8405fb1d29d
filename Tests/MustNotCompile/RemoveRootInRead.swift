// A read transaction's snapshot is fixed: roots are removed in a write transaction.
import Holdfast

func use(_ heap: PersistentHeap) throws {
    try heap.read { tx in
        // expected: value of type 'ReadTransaction' has no member 'removeRoot'
        try tx.removeRoot("a", PersistentArray<Int>.self)
    }
}
