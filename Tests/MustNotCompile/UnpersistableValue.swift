// An array of the standard library is not kept as it is; a PersistentArray is.
import Holdfast

func use(_ heap: PersistentHeap) throws {
    try heap.write { tx in
        // expected: requires that '[Int]' conform to 'Persistable'
        _ = try tx.value("numbers", initial: [1, 2, 3])
    }
}
