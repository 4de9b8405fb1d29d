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
    /// A mapping keeps alive the open file that it was made from, and that file's locks, in every
    /// process that has the mapping. That includes a forked child, which needs the mapping and may
    /// outlive the parent. So a file with locks, or one that may be written and locked later, is
    /// mapped through a separate open file, closed at once. Without `/proc`, through which the file
    /// is reopened, it is mapped through this one.
    public func map(
        into reservation: AddressReservation, at offset: Int, fileOffset: Int, byteCount: Int,
        kind: MappingKind
    ) throws(SystemError) {
        let again =
            hasLocks || kind != .readOnly ? openAgain(kind == .shared ? O_RDWR : O_RDONLY) : -1
        defer { if again >= 0 { Self.close(again) } }
        try mappingErrors { () throws(MappingError) in
            try reservation.map(
                fileDescriptor: again >= 0 ? again : descriptor, fileOffset: fileOffset,
                byteCount: byteCount, at: offset, kind: kind)
        }
    }

    /// Another open file description of the same file, whatever its name is now; negative if there
    /// is none.
    private func openAgain(_ access: Int32) -> Int32 {
        #if canImport(Glibc)
            unsafe Glibc.open("/proc/self/fd/\(descriptor)", access | O_CLOEXEC)
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
