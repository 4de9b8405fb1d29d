/// The layout of the two files of the redo log, which lie beside the heap file while it is in use:
///
/// - `NAME-shared`, mapped by every process: a commit is a copy into its ring and one store of the
///   new position. It needs no system call, survives every kill, and is never synced.
/// - `NAME-log`, written with ordinary writes and synced when a commit is to be durable: it
///   survives a power cut.
///
/// Both hold the same records at the same place of a ring: position modulo capacity. A position
/// counts bytes since the heap was created and never decreases. Every record stores its own
/// position, so no record of an earlier lap matches.
public enum LogLayout {
    /// The offset of the ring in both files; a multiple of 16 KiB pages, so that it can be mapped
    /// on any system.
    @inlinable
    public static var ringOffset: Int { 16 * 1024 }
    @inlinable
    public static var durableSuffix: String { "-log" }
    @inlinable
    public static var sharedSuffix: String { "-shared" }
    /// The version of durable logs without features, and the one from which the feature words
    /// count, the newest that this library knows.
    @inlinable
    public static var version: UInt32 { 2 }
    @inlinable
    public static var featureVersion: UInt32 { 3 }
    /// The same for the shared file, of which an older version can be recovered from.
    @inlinable
    package static var sharedVersion: UInt32 { 3 }
    @inlinable
    package static var sharedFeatureVersion: UInt32 { 4 }
    package static let readableSharedVersions: ClosedRange<UInt32> = 2 ... 4

    // NAME-log: two copies of `LogHeader`, written in turn.
    package static let headerOffsets = [0, 4096]

    // NAME-shared: `SharedHeader`, the words of `SharedMemory.Word`, two locks, the seats of
    // readers, the reader table.
    @inlinable
    package static var lockOffset: Int { 1024 }
    @inlinable
    package static var seatsOffset: Int { 2048 }
    @inlinable
    package static var viewsOffset: Int { 4096 }
    @inlinable
    package static var viewsBytes: Int { ringOffset - viewsOffset }
}
