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
    @inlinable
    public static var version: UInt32 { 2 }
    @inlinable
    package static var sharedVersion: UInt32 { 3 }
    package static let readableSharedVersions: ClosedRange<UInt32> = 2 ... 3

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
