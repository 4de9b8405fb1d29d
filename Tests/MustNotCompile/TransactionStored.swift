// A transaction ends with its closure, so it cannot be stored beyond it.
import Holdfast

final class Keeper {
    var transaction: WriteTransaction?
    init() {}
}

func use(_ heap: PersistentHeap, _ keeper: Keeper) throws {
    // expected: implicit conversion to 'WriteTransaction?' is consuming
    try heap.write { tx in keeper.transaction = tx }
}
