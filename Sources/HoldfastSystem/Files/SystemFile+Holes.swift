import CHoldfast

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// Holes of sparse files, and the identity of the file and its file system.
extension SystemFile {
    public func zero(at offset: Int, byteCount: Int, keepsBlocks: Bool) throws(SystemError) {
        guard byteCount > 0 else { return }
        #if os(Linux)
            // FALLOC_FL_ZERO_RANGE keeps the blocks, FALLOC_FL_PUNCH_HOLE frees them. Neither
            // changes the size.
            while true {
                let code = holdfast_fallocate(
                    descriptor, keepsBlocks ? 16 : 2, Int64(offset), Int64(byteCount))
                if code == 0 { return }
                let errno = Errno(code)
                if errno == .interrupted { continue }
                guard [.notSupportedOnSocket, .noFunction, .invalidArgument].contains(errno) else {
                    throw SystemError(.write, path, errno)
                }
                return try writeZeros(at: offset, byteCount: byteCount)
            }
        #else
            try writeZeros(at: offset, byteCount: byteCount)
        #endif
    }

    private func writeZeros(at offset: Int, byteCount: Int) throws(SystemError) {
        let zeros = [UInt8](repeating: 0, count: min(byteCount, 1 << 20))
        // Writing behind the end of the file would extend it.
        let end = min(offset + byteCount, try size())
        var at = offset
        while at < end {
            let count = min(zeros.count, end - at)
            try write(count == zeros.count ? zeros : Array(zeros[..<count]), at: at)
            at += count
        }
    }

    public func nextData(from offset: Int) throws(SystemError) -> Int? {
        #if canImport(Darwin)
            let seekData: Int32 = 4
        #else
            let seekData: Int32 = 3
        #endif
        let found = lseek(descriptor, off_t(offset), seekData)
        if found >= 0 { return Int(found) }
        if Errno.current == .noSuchAddressOrDevice { return nil }
        // A file system without holes: everything is data.
        return offset < (try size()) ? offset : nil
    }

    public func fileIdentity() throws(SystemError) -> FileIdentity {
        FileIdentity(try status())
    }

    public func fileSystemKind() throws(SystemError) -> FileSystemKind {
        #if canImport(Darwin)
            // Untested on a Mac.
            var status = statfs()
            guard fstatfs(descriptor, &status) == 0 else {
                throw SystemError(.status, path, .current)
            }
            let name = withUnsafeBytes(of: status.f_fstypename) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            return UInt32(status.f_flags) & UInt32(MNT_LOCAL) != 0 ? .local : .network(name)
        #else
            let magic = holdfast_file_system(descriptor)
            let kind = NetworkMounts.kind(ofMagic: magic)
            guard kind != .local, kind != .layered,
                let mounts = try? SystemDisk.shared.open("/proc/self/mountinfo", .readOnly)
            else {
                return kind
            }
            let device = UInt64(try status().st_dev)
            // Packed as in the kernel's interface.
            let major = UInt32(truncatingIfNeeded: (device >> 8) & 0xfff | (device >> 32) & ~0xfff)
            let minor = UInt32(truncatingIfNeeded: device & 0xff | (device >> 12) & ~0xff)
            var bytes = [UInt8](repeating: 0, count: 1 << 20)
            let count = (try? mounts.read(&bytes, at: 0)) ?? 0
            let mount = NetworkMounts.mount(
                major: major, minor: minor, in: String(decoding: bytes[..<count], as: UTF8.self))
            return NetworkMounts.kind(ofMagic: magic, mount)
        #endif
    }
}
