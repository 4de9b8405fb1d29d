/// How a file is mapped.
public enum MappingKind: Sendable {
    /// Reading only; a write ends the process.
    case readOnly
    /// Reading and writing; a page is copied when it is first written, and the file never changes. Pages that were not written
    /// show the file's newest contents.
    case privateCopy
    /// Reading and writing; writes are seen at once by everyone who maps or reads the file, and reach the disk when
    /// the system likes or when synced.
    case shared
}

/// What a program is going to do with a range of memory. Where the system does not know an advice, it does nothing.
public enum MemoryAdvice: Sendable, CaseIterable {
    /// No particular pattern.
    case normal
    /// Read once from front to back: read ahead far, and forget soon.
    case sequential
    /// Read here and there: do not read ahead.
    case random
    /// Needed soon: start reading now.
    case willNeed
    /// Not needed now: anonymous memory becomes zero, and private copies of a file's pages go back to being the file's.
    case dontNeed
    /// Make every page readable now, in bulk, instead of one fault each later (Linux).
    case populateRead
    /// Make every page writable now, in bulk, instead of one fault each later (Linux).
    case populateWrite
    /// Use large pages where it can (Linux).
    case hugePage
}

/// How far a sync goes.
public enum SyncMode: Sendable {
    /// Starts writing and returns.
    case asynchronous
    /// Returns when the data has been handed to the device.
    case synchronous
    /// Returns when the device says that it is on the medium: `F_FULLFSYNC` on Darwin, `fdatasync` on Linux. Files only.
    case throughToDevice
}
