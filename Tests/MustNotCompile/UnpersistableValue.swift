// An array of the standard library cannot be stored; use a PersistentArray.
import Holdfast

func use(_ heap: PersistentHeap) throws {
    try heap.write { tx in
        // expected: requires that '[Int]' conform to 'Persistable'
        _ = try tx.value("numbers", initial: [1, 2, 3])
    }
}
