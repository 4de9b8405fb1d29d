import HoldfastEngine

/// The outcome of ``PersistentHeap/defragment(knowing:movingReferenced:progress:)-(_,_,_)``.
public struct Defragmentation: Equatable, Sendable {
    /// The bytes of the blocks that were moved. A block may have moved more than once.
    public internal(set) var movedBytes = 0
    /// The length of the heap's file before, in bytes.
    public internal(set) var fileBytesBefore = 0
    /// The length of the heap's file after.
    public internal(set) var fileBytesAfter = 0
    /// The disk space of the heap's file before, in bytes.
    public internal(set) var diskBytesBefore = 0
    /// The disk space of the heap's file after.
    public internal(set) var diskBytesAfter = 0
    /// The roots whose blocks could not move, because this program does not know their types.
    public internal(set) var unknownRoots: [Root] = []
    /// The names of the record types whose records stayed where they were, because references may
    /// lead to them, in alphabetical order. Empty if referenced records were moved.
    public internal(set) var fixedRecords: [String] = []
    /// The openings with views of earlier commits. The space that was freed can only be returned
    /// when they have ended.
    public internal(set) var olderViews: [HoldfastEngine.OpenView] = []
}
