// An array can be stored only if its elements can.
import Holdfast

struct Thing {}

func use(_ heap: PersistentHeap) throws {
    try heap.write { tx in
        // expected: requires that 'Thing' conform to 'Persistable'
        _ = try tx.value("things", initial: [Thing()])
    }
}
