// A key's hash is part of the file format, unlike that of Hashable.
import Holdfast

struct Key: Hashable, HeapStruct { var a: Int; var b: Int }

func use(_ heap: PersistentHeap) throws {
    try heap.write { tx in
        // expected: requires that 'Key' conform to 'PersistableKey'
        _ = try tx.map("map", Key.self, Int.self)
    }
}
