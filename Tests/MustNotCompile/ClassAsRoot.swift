// A root's type must be Persistable, which a class is not.
import Holdfast

final class Thing {}

func use(_ heap: PersistentHeap) throws {
    try heap.write { tx in
        // expected: requires that 'Thing' conform to 'Persistable'
        _ = try tx.array("things", of: Thing.self)
    }
}
