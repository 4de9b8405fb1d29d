/// A limit that the open transaction has met: no addresses, no memory, no disk space for a heap
/// that is being built, or a size that no heap can have.
///
/// A transaction's operations on collections cannot throw, and its closure cannot be interrupted.
/// So the transaction continues, and ends with `error`:
///
/// 1. *It is lost.* `commit` rolls it back and throws the error, as if the closure had thrown it.
/// 2. *It stays sound.* From then on, memory is allocated in the tail of the image
///    (`HeapImage.tailBytes`), which is real memory with dirty tracking, as valid as the rest until
///    the transaction ends.
/// 3. *It needs little.* An operation that needs a large block, or any block once half of the tail
///    is used, asks first (`HeapAccess.hasRoom`), and is skipped if there is no room: elements are
///    not added, long strings become empty. So collections stop growing, however long the closure
///    continues.
/// 4. *The end.* Allocations that cannot be skipped (headers of collections and records created in
///    great number) can use up the tail, which is then extended. Only if the process has no
///    addresses for that does the program trap with the error's message; the heap keeps its last
///    commit.
struct Shortage {
    var error: HeapError
}
