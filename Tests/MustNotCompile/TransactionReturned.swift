// A transaction cannot be the result of its own closure.
import Holdfast

func use(_ heap: PersistentHeap) throws -> [Root] {
    // expected: no exact matches in call to instance method 'read'
    let tx: ReadTransaction = try heap.read { (tx: borrowing ReadTransaction) in tx }
    return tx.roots
}
