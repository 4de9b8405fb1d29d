/// A lock of one byte of a file, far beyond any data. The byte is never written.
///
/// The user defines the meaning of each slot. Slot 0 is released last when a file is closed: a
/// process that waits for it finds the other slots free.
public struct FileLock: Hashable, Sendable {
    /// 0 ..< `slotCount`.
    public let slot: Int

    public static let slotCount = 192

    public init(slot: Int) { self.slot = slot }

    /// The offset of the byte in the file.
    var offset: Int { 1 << 62 + slot }
}
