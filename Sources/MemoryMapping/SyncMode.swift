/// How far a sync goes.
public enum SyncMode: Sendable {
    /// Requests the write and returns.
    case asynchronous
    /// Returns when the data has been handed to the device.
    case synchronous
    /// Returns when the device reports that the data is on the medium: `F_FULLFSYNC` on Darwin,
    /// `fdatasync` on Linux. For files; a bare range of addresses is synced as by `synchronous`.
    case throughToDevice
}
