/// A limit that the open transaction has met: no addresses, no memory, no disk for a heap that is
/// being built, or a size that no heap can have.
///
/// What a transaction does with collections cannot throw, and its closure cannot be left in the
/// middle. So the transaction goes on, and ends with `error`:
///
/// 1. *It is lost.* `commit` takes everything back and throws the error; so it is as if the closure
///    had thrown it.
/// 2. *It stays sound.* What is allocated from then on lies in the tail of the image
///    (`HeapImage.tailBytes`), real memory with notes like any other, and is as good as the rest
///    until the transaction ends.
/// 3. *It needs little.* What needs a large block, or any once half of the tail is used, asks first
///    (`HeapAccess.hasRoom`), and is left out if there is none: elements are not added, long texts
///    become empty. So collections stay as they are instead of growing, however long the closure
///    goes on.
/// 4. *The end.* What cannot be left out (headers of collections and records made in great number)
///    can use up the tail, which then gets longer. Only where the process has no addresses for that
///    does the program trap with the error's message, and the heap is as of the last commit.
struct Shortage {
    var error: HeapError
}
