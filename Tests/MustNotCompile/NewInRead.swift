// A read transaction's snapshot is fixed: it has no method to create records.
import Holdfast

struct Node: HeapRecord { var value: Int }

func use(_ heap: PersistentHeap) throws {
    try heap.read { tx in
        // expected: value of type 'ReadTransaction' has no member 'new'
        _ = try tx.new(Node(value: 1))
    }
}
