/// What the protocol relies on. Each can be left out of the model, which then must find a
/// counterexample: otherwise either the protection is unnecessary, or the model cannot see what it
/// is for.
enum Protection: String, CaseIterable {
    // MARK: Readers and checkpoints

    /// A reader stores its position before it loads the published position. Without: after it.
    case positionBeforePublished
    /// The store of the position is sequentially consistent. Without: it is releasing, and may wait
    /// in the processor's store buffer while the next load is made.
    case positionInOrder
    /// A reader whose image was not protected while it caught up compares it with the published
    /// position again once it is (`ReaderLock.protect`). Without: it reads at once.
    case comparedAgain
    /// A checkpoint loads its target before the reader table. Without: after it.
    case targetBeforeTable
    /// A reader counts itself in its seat before it loads the published position. Without: after
    /// it.
    case seatBeforePublished
    /// A follower that misses a record loads the checkpoint position after it has looked for the
    /// record. Without: before it, as by a processor that reorders loads.
    case recordBeforeCheckpoint

    // MARK: The log

    /// A commit is published after its record is complete. Without: before it.
    case recordBeforePublished
    /// A record is written only over records below the checkpoint position. Without: anywhere.
    case reuseBelowCheckpoint
    /// A writer decides under the write lock whether there is room. Without: before it has the
    /// lock.
    case roomUnderLock
    /// A checkpoint frees the space of the records that it has moved. Without: of all records that
    /// are published when it ends, as if the log could be reset.
    case freesWhatItMoved
    /// A checkpoint reads the header, its target and the reader table under the checkpoint lock.
    /// Without: before it has the lock.
    case targetUnderLock
    /// A checkpoint writes the header after the pages. Without: before them.
    case headerAfterPages
    /// A checkpoint frees the log's space after it has written the header. Without: before the
    /// pages.
    case spaceFreedLast

    // MARK: Deaths

    /// The kernel tells who is alive. Without: a process looks for the owner's process number among
    /// those it knows, and knows none of other namespaces.
    case livenessFromKernel
    /// The entry of a dead process is freed by a compare-and-exchange. Without: by a store.
    case freedByExchange
    /// The write lock names its holder with the number of times that its entry has been taken.
    /// Without: by its entry alone.
    case lockNamesTake
}
