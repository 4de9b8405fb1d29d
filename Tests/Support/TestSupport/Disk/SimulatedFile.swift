import CHoldfast
import HoldfastEngine
import HoldfastSystem
import MemoryMapping

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// An open file of a `SimulatedDisk`.
final class SimulatedFile: DiskFile, @unchecked Sendable {
    /// The state shared by several open files of the same name: an anonymous file of the system.
    final class Contents {
        private static let zeros = [UInt8](repeating: 0, count: 4096)

        let number: Int
        let descriptor: Int32
        var isMappedShared = false
        /// For each lock, its holders and whether they hold it exclusively.
        var locks: [FileLock: [ObjectIdentifier: Bool]] = [:]

        init(number: Int) {
            self.number = number
            let folder = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp"
            var template = Array("\(folder)/holdfast-simulated-XXXXXX".utf8CString)
            descriptor = mkstemp(&template)
            precondition(descriptor >= 0, "no room for a simulated file in \(folder)")
            // Not for child processes, which may count their descriptors.
            _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
            unlink(template)
        }

        deinit {
            #if canImport(Darwin)
                _ = Darwin.close(descriptor)
            #else
                _ = Glibc.close(descriptor)
            #endif
        }

        func size() -> Int {
            var status = stat()
            fstat(descriptor, &status)
            return Int(status.st_size)
        }

        func resize(to size: Int) { _ = ftruncate(descriptor, off_t(size)) }

        func bytes() -> [UInt8] {
            var bytes = [UInt8](repeating: 0, count: size())
            let count = bytes.withUnsafeMutableBytes {
                pread(descriptor, $0.baseAddress, $0.count, 0)
            }
            precondition(count == bytes.count)
            return bytes
        }

        func replace(with bytes: [UInt8]) {
            resize(to: 0)
            resize(to: bytes.count)
            // Ranges of zeros stay holes: a heap's file consists mostly of them. `memcmp`, because
            // tests run unoptimised.
            bytes.withUnsafeBytes { raw in
                var offset = 0
                while offset < raw.count {
                    let count = min(4096, raw.count - offset)
                    let piece = raw.baseAddress! + offset
                    if memcmp(piece, Self.zeros, count) != 0 {
                        pwrite(descriptor, piece, count, off_t(offset))
                    }
                    offset += count
                }
            }
        }
    }

    private(set) var path: String
    private let disk: SimulatedDisk
    private let contents: Contents

    init(disk: SimulatedDisk, path: String, contents: Contents) {
        self.disk = disk
        self.path = path
        self.contents = contents
    }

    deinit { close() }

    func size() throws(SystemError) -> Int {
        try disk.locked { () throws(SystemError) in
            try disk.check(.status, path, as: .status)
            return contents.size()
        }
    }

    func requireRegularFile() throws(SystemError) {}

    func wasRenamed(to path: String) { self.path = path }

    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) throws(SystemError) -> Int
    {
        try disk.locked { () throws(SystemError) in try disk.check(.read, path, as: .read) }
        let count = pread(contents.descriptor, buffer.baseAddress, buffer.count, off_t(offset))
        disk.recordRead(path, max(count, 0))
        return max(count, 0)
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(SystemError) {
        try disk.locked { () throws(SystemError) in
            switch disk.attempt(.write, path) {
            case .error(let code): throw SystemError(.write, path, Errno(code))
            case .shortWrite(let code):
                put(UnsafeRawBufferPointer(rebasing: bytes[..<(bytes.count / 2)]), at: offset)
                throw SystemError(.write, path, Errno(code))
            case nil:
                // Writing behind the end takes space like growing.
                let more = offset + bytes.count - contents.size()
                if more > 0 { try disk.requireSpace(for: more, path, as: .write) }
                put(bytes, at: offset)
            }
        }
    }

    private func put(_ bytes: UnsafeRawBufferPointer, at offset: Int) {
        disk.record(
            .write(
                file: contents.number, offset: offset,
                bytes: disk.recordsContents ? Array(bytes) : []))
        let count = pwrite(contents.descriptor, bytes.baseAddress, bytes.count, off_t(offset))
        precondition(count == bytes.count)
    }

    func sync() throws(SystemError) {
        try disk.locked { () throws(SystemError) in
            do throws(SystemError) {
                try disk.check(.sync, path, as: .sync)
            } catch {
                disk.record(.failedSync(file: contents.number))
                throw error
            }
            if let suffix = disk.liesAboutSyncOf, path.hasSuffix(suffix) { return }
            disk.record(.sync(file: contents.number))
        }
    }

    func grow(from oldSize: Int, to newSize: Int, reservingBlocks: Bool) throws(SystemError) {
        try disk.locked { () throws(SystemError) in
            try disk.check(.grow, path, as: .grow)
            try disk.requireSpace(for: newSize - contents.size(), path, as: .grow)
            disk.record(.resize(file: contents.number, size: newSize))
            contents.resize(to: newSize)
        }
    }

    func truncate(to newSize: Int) throws(SystemError) {
        try disk.locked { () throws(SystemError) in
            try disk.check(.truncate, path, as: .truncate)
            disk.record(.resize(file: contents.number, size: newSize))
            contents.resize(to: newSize)
        }
    }

    func map(
        into reservation: AddressReservation, at offset: Int, fileOffset: Int, byteCount: Int,
        kind: MappingKind
    ) throws(SystemError) {
        try disk.locked { () throws(SystemError) in try disk.check(.map, path, as: .map) }
        disk.recordMap(path, byteCount)
        var source = contents
        if disk.staleMappings.contains(kind), contents.isMappedShared {
            source = Contents(number: contents.number)
            source.replace(with: contents.bytes())
        }
        if kind == .shared { contents.isMappedShared = true }
        do {
            try reservation.map(
                fileDescriptor: source.descriptor, fileOffset: fileOffset, byteCount: byteCount,
                at: offset, kind: kind)
        } catch {
            throw SystemError(.map, path, Errno(error.code))
        }
    }

    func tryLock(_ lock: FileLock, exclusive: Bool) throws(SystemError) -> Bool {
        try disk.locked { () throws(SystemError) in
            let me = ObjectIdentifier(self)
            let others = contents.locks[lock, default: [:]].filter { $0.key != me }
            if exclusive ? !others.isEmpty : others.values.contains(true) { return false }
            contents.locks[lock, default: [:]][me] = exclusive
            return true
        }
    }

    func unlock(_ lock: FileLock) {
        try! disk.locked { () throws(SystemError) in
            contents.locks[lock, default: [:]][ObjectIdentifier(self)] = nil
        }
    }

    func isLockedByOthers(_ lock: FileLock, exclusively: Bool) throws(SystemError) -> Bool {
        try disk.locked { () throws(SystemError) in
            contents.locks[lock, default: [:]].contains {
                $0.key != ObjectIdentifier(self) && ($0.value || !exclusively)
            }
        }
    }

    func close() {
        try! disk.locked { () throws(SystemError) in
            for lock in contents.locks.keys { contents.locks[lock]?[ObjectIdentifier(self)] = nil }
        }
    }

    func zero(at offset: Int, byteCount: Int, keepsBlocks: Bool) throws(SystemError) {
        let count = min(byteCount, try size() - offset)
        guard count > 0 else { return }
        try disk.locked { () throws(SystemError) in
            try disk.check(.write, path, as: .write)
            disk.record(.zero(file: contents.number, offset: offset, count: count))
            #if os(Linux)
                let code = holdfast_fallocate(contents.descriptor, 2, Int64(offset), Int64(count))
                precondition(code == 0, "holes cannot be made in simulated files")
            #endif
        }
    }

    func nextData(from offset: Int) throws(SystemError) -> Int? {
        let found = lseek(contents.descriptor, off_t(offset), 3)
        return found < 0 ? nil : Int(found)
    }

    func fileIdentity() throws(SystemError) -> FileIdentity {
        FileIdentity(device: 0, number: UInt64(contents.number))
    }

    func fileSystemKind() throws(SystemError) -> FileSystemKind { disk.fileSystemKind }
}
