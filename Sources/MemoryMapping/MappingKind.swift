/// How a file is mapped.
public enum MappingKind: Sendable {
    /// Read-only; a write through an unsafe pointer kills the process.
    case readOnly
    /// Reading and writing; a page is copied when it is first written, and the file never changes.
    /// Unwritten pages show the file's current contents.
    case privateCopy
    /// Reading and writing; writes are visible at once to every process that maps or reads the
    /// file, and reach the disk at the system's discretion or when synced.
    case shared
}

/// The permitted accesses to a mapped range, if they differ from those of its kind.
public enum MemoryProtection: Sendable {
    /// Read-only; a write kills the process.
    case readOnly
    /// Reading and writing.
    case readWrite
}
