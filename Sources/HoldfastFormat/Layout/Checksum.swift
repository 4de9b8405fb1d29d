import CHoldfast

/// The checksums of a heap's files.
public enum Checksum {
    /// Two interleaved CRC-32C lanes; see `CHoldfast.h` for the exact definition.
    @inlinable @inline(__always)
    public static func of(_ bytes: UnsafeRawBufferPointer, seed: UInt64) -> UInt64 {
        guard let base = bytes.baseAddress else { return seed }
        return unsafe holdfast_checksum(seed, base, bytes.count)
    }

    /// The seed of headers. Records are seeded with the log's epoch.
    @inlinable
    package static var headerSeed: UInt64 { 0x686f_6c64_6661_7374 }
}

/// A header whose last word is the checksum of all bytes before it.
enum SealedHeader {
    /// Stores the checksum at `offset`.
    static func seal(_ bytes: UnsafeMutableRawBufferPointer, at offset: Int) {
        unsafe Field(at: offset).store(
            checksum(UnsafeRawBufferPointer(bytes), offset), to: bytes.baseAddress!)
    }

    static func isSealed(_ bytes: UnsafeRawBufferPointer, at offset: Int) -> Bool {
        unsafe Field<UInt64>(at: offset).load(bytes.baseAddress!) == checksum(bytes, offset)
    }

    private static func checksum(_ bytes: UnsafeRawBufferPointer, _ offset: Int) -> UInt64 {
        unsafe Checksum.of(
            UnsafeRawBufferPointer(rebasing: bytes[..<offset]), seed: Checksum.headerSeed)
    }
}
