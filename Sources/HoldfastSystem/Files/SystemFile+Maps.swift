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
    /// A mapping keeps the open file that it was made of, and that file's locks, in every process
    /// that has the mapping: also in a forked child, which needs it and may outlive the parent. So
    /// a file with locks is mapped through an open file of its own, closed at once. Without
    /// `/proc`, by which the file is opened again, it is mapped through this one.
    public func map(
        into reservation: AddressReservation, at offset: Int, fileOffset: Int, byteCount: Int,
        kind: MappingKind
    ) throws(SystemError) {
        let again = hasLocks ? openAgain(kind == .shared ? O_RDWR : O_RDONLY) : -1
        defer { if again >= 0 { Self.close(again) } }
        try mappingErrors { () throws(MappingError) in
            try reservation.map(
                fileDescriptor: again >= 0 ? again : descriptor, fileOffset: fileOffset,
                byteCount: byteCount, at: offset, kind: kind)
        }
    }

    /// Another open file of the same file, whatever its name is now; negative if there is none.
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
