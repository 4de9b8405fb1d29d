// An escaping closure could use the transaction after its end.
import Holdfast

func use(_ heap: PersistentHeap, _ later: inout [() throws -> Void]) throws {
    // expected: 'tx' cannot be captured by an escaping closure since it is a borrowed parameter
    try heap.write { (tx: borrowing WriteTransaction) in
        later.append { _ = try tx.array("a", of: Int.self) }
    }
}
