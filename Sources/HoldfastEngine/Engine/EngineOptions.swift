/// How a heap is opened.
public enum OpenMode: Sendable {
    /// Reads only; changes nothing on the disk, not even after a crash: what the log holds is laid over the image in memory.
    case readOnly
    /// Reads and writes; the file is made if it is missing.
    case readWrite
    /// Reads and writes in memory; the file stays as it is and nothing is kept.
    case privateCopy
    /// No file at all: an empty heap in memory, gone when it is closed.
    case inMemory
}

/// Numbers that a user of the engine can set; all in bytes.
public struct EngineOptions: Sendable {
    /// A checkpoint runs before the next transaction once this much is in the log.
    public var logLimit = 64 << 20
    /// Private copies of pages are given back at the next checkpoint, which runs before the next transaction, once there may be
    /// more than this much of them.
    public var memoryLimit = 256 << 20
    /// The log's first size; it grows towards `logLimit` with use.
    public var initialLogBytes = 1 << 20
    /// Whether disk blocks are reserved as the file grows, so that a full disk is an error of the commit that needs them.
    /// Without, files can be sparse, and a full disk at a checkpoint makes the heap unusable until it is opened again.
    public var reservesBlocks = true
    /// Whether a missing file is made (`readWrite` only).
    public var createsIfMissing = true
    /// Tests only: compares the whole image against the logged changes at every commit.
    public var verifiesNotes = false

    public init() {}
}
