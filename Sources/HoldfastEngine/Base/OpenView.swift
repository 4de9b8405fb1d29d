/// One opening of a heap, by this process or another, and its view.
public struct OpenView: Equatable, Sendable {
    /// The operating system's number of the process.
    public let processNumber: Int32
    /// Whether a view is open just now.
    public let isOpen: Bool
    /// Whether its process has a write transaction open, which needs no view: as far as the system
    /// tells who holds the write lock.
    public let isWriting: Bool
    /// Whether the view stays where it is for as long as it is open: a snapshot, or a private copy
    /// of the heap.
    public let isSnapshot: Bool
    /// For how long at least it has been open; to a second or so.
    public let age: Duration
    /// For how long the process has had the heap open, in this opening; to a second or so.
    public let openFor: Duration
    /// Bytes of log, committed since, that no checkpoint can move into the heap file as long as it
    /// is open.
    public let heldLogBytes: Int
    /// How many commits the view is behind the newest.
    public let commitsBehind: Int

    /// When it was opened, by the system's monotonic clock: tells one view of a process from its
    /// next.
    let start: UInt64
    /// The entry in the table: tells this opening from others of the same process.
    let entry: Int
}
