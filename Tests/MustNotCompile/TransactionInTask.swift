// A task continues after the transaction has ended, and on another thread.
import Holdfast

func look(_ tx: borrowing WriteTransaction) {}

func use(_ heap: PersistentHeap) throws {
    // expected: 'tx' cannot be captured by an escaping closure since it is a borrowed parameter
    try heap.write { (tx: borrowing WriteTransaction) in
        // expected: passing closure as a 'sending' parameter risks causing data races
        Task { look(tx) }
    }
}
