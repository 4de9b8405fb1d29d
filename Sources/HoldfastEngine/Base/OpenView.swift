/// One opening of a heap, by this process or another, and its snapshot.
public struct OpenView: Equatable, Sendable {
    /// The process ID, in the process's own PID namespace.
    public let processNumber: Int32
    /// Whether that is known to be another PID namespace than this process's: the process ID then
    /// means nothing here, or another process.
    public let isInOtherNamespace: Bool
    /// Whether a snapshot is open now.
    public let isOpen: Bool
    /// Whether its process has a write transaction open, which needs no snapshot in the table.
    public let isWriting: Bool
    /// Whether the snapshot stays fixed as long as the opening exists: `heap.snapshot()`, or a
    /// private copy of the heap.
    public let isSnapshot: Bool
    /// How long the snapshot has been open, at least; accurate to about a second.
    public let age: Duration
    /// How long this opening has existed; accurate to about a second.
    public let openFor: Duration
    /// Bytes of log, committed since the snapshot, that no checkpoint can free while it is open:
    /// those for which its process does not keep pages.
    public let heldLogBytes: Int
    /// How many commits the snapshot is behind the newest.
    public let commitsBehind: Int

    /// The opening time of the snapshot on the system's monotonic clock. It distinguishes
    /// successive snapshots of one process.
    let start: UInt64
    /// The index in the reader table. It distinguishes openings of the same process.
    let entry: Int
}
