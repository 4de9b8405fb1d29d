/// How a file is mapped.
public enum MappingKind: Sendable {
    /// Reading only; a write through an unsafe pointer ends the process.
    case readOnly
    /// Reading and writing; a page is copied when it is first written, and the file never changes.
    /// Pages that were not written show the file's newest contents.
    case privateCopy
    /// Reading and writing; writes are seen at once by everyone who maps or reads the file, and
    /// reach the disk when the system likes or when synced.
    case shared
}

/// What a mapped range may be used for, where that differs from what its kind allows.
public enum MemoryProtection: Sendable {
    /// Reading only; a write ends the process.
    case readOnly
    /// Reading and writing.
    case readWrite
}
