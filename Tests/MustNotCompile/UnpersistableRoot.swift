// A struct must declare its stored form: HeapStruct or HeapRecord.
import Holdfast

struct Thing { var number: Int }

func use(_ heap: PersistentHeap) throws {
    try heap.write { tx in
        // expected: requires that 'Thing' conform to 'Persistable'
        _ = try tx.map("things", Int.self, Thing.self)
    }
}
