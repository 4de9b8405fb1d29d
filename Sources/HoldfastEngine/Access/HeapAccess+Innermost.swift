import CHoldfast

extension HeapAccess {
    /// The innermost write transaction that the calling thread has open, in any heap; nil if there
    /// is none.
    public static var innermostWriting: HeapAccess? {
        var context = holdfast_get_innermost_transaction()?.assumingMemoryBound(
            to: TransactionContext.self)
        while let found = context {
            if found.pointee.isWritable {
                return HeapAccess(context: found, epoch: found.pointee.epoch)
            }
            context = found.pointee.enclosing
        }
        return nil
    }
}
