// A transaction stays on one thread and never suspends: its closure is synchronous.
import Holdfast

func other() async {}

func use(_ heap: PersistentHeap) async throws {
    // expected: cannot pass function of type
    try heap.write { tx in
        _ = try tx.array("a", of: Int.self)
        await other()
    }
}
