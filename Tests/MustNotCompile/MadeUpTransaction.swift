// Only a heap creates transactions.
import Holdfast
import HoldfastEngine

func use(_ access: HeapAccess) {
    // expected: 'WriteTransaction' initializer is inaccessible due to 'internal' protection level
    let tx = WriteTransaction(access: access)
    _ = tx.roots
}
