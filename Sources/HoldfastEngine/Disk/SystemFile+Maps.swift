import MemoryMapping

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// Mapping a file without tying its locks to the mapping.
extension SystemFile {
    /// A mapping keeps the open file that it was made of, and with it that one's locks, in every
    /// process that has it: also in a forked child, which cannot do without it and may outlive the
    /// parent. So a file with locks is mapped through an open file of its own, closed at once.
    /// Where there is no `/proc` to open it again by, through this one.
    public func map(
        into reservation: AddressReservation, at offset: Int, fileOffset: Int, byteCount: Int,
        kind: MappingKind
    ) throws(DiskError) {
        let again = hasLocks ? openAgain(kind == .shared ? O_RDWR : O_RDONLY) : -1
        defer { if again >= 0 { Self.close(again) } }
        do {
            try reservation.map(
                fileDescriptor: again >= 0 ? again : descriptor, fileOffset: fileOffset,
                byteCount: byteCount, at: offset,
                kind: kind)
        } catch {
            throw DiskError(.map, path, code: error.code)
        }
    }

    /// Another open file of the same file, whatever its name is now; negative if that cannot be
    /// had.
    private func openAgain(_ access: Int32) -> Int32 {
        #if canImport(Glibc)
            Glibc.open("/proc/self/fd/\(descriptor)", access | O_CLOEXEC)
        #elseif canImport(Musl)
            Musl.open("/proc/self/fd/\(descriptor)", access | O_CLOEXEC)
        #else
            -1
        #endif
    }

    private static func close(_ descriptor: Int32) {
        #if canImport(Darwin)
            _ = Darwin.close(descriptor)
        #elseif canImport(Musl)
            _ = Musl.close(descriptor)
        #else
            _ = Glibc.close(descriptor)
        #endif
    }
}
