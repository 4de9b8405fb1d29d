// A transaction cannot be the result of its own closure.
import Holdfast

func use(_ heap: PersistentHeap) throws -> [Root] {
    // expected: instance method 'read' requires that 'ReadTransaction' conform to 'Copyable'
    let tx: ReadTransaction = try heap.read { (tx: borrowing ReadTransaction) in tx }
    return tx.roots
}
