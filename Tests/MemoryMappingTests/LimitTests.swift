import TestSupport
import Testing

@testable import MemoryMapping

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// Limits and full disks. Limits apply to the whole process, so they are set in child processes
/// only.
@Suite(.progress) struct LimitTests {
    @Test(arguments: [true, false])
    func aLimitForFileSizesIsAnErrorAndTheFileStaysAsItWas(reservingBlocks: Bool) async {
        await #expect(processExitsWith: .success) { [reservingBlocks] in
            signal(SIGXFSZ, SIG_IGN)
            try withDirectory { directory in
                let path = try directory.make(pattern(1000))
                let descriptor = try directory.openFile()
                setFileSizeLimit(1 << 20)
                let error = mappingError { () throws(MappingError) in
                    try FileGrowth.grow(
                        fileDescriptor: descriptor, from: 1000, to: 4 << 20,
                        reservingBlocks: reservingBlocks)
                }
                require(
                    error == MappingError(.grow, code: EFBIG),
                    "the error was \(String(describing: error))")
                require(size(of: descriptor) == 1000, "the size changed")
                require(try TemporaryDirectory.read(path) == pattern(1000), "the bytes changed")
                close(descriptor)
            }
        }
    }

    @Test func aGrowableMappingTakesWhatStillFitsAndStaysUsableAfterwards() async {
        await #expect(processExitsWith: .success) {
            signal(SIGXFSZ, SIG_IGN)
            try withDirectory { directory in
                let path = try directory.make([])
                let mapping = try GrowableMapping(path: path)
                try mapping.grow(to: 1 << 20)
                setFileSizeLimit((1 << 20) + 5000)
                // The geometric step does not fit, the exact size does.
                try mapping.grow(to: (1 << 20) + 5000)
                let base = mapping.unsafeBaseAddress
                let error = mappingError { () throws(MappingError) in try mapping.grow(to: 2 << 20)
                }
                require(
                    error == MappingError(.grow, path: path, code: EFBIG),
                    "the error was \(String(describing: error))")
                require(
                    mapping.count == (1 << 20) + 5000 && mapping.unsafeBaseAddress == base,
                    "the mapping changed")
                try mapping.withMutableBytes { $0.set((1 << 20) + 4999, 77) }
                let bytes = try TemporaryDirectory.read(path)
                require(
                    bytes.count == (1 << 20) + 5000 && bytes.last == 77, "the file is not as it was"
                )
            }
        }
    }

    @Test func noDescriptorIsLeftOpen() async {
        await #expect(processExitsWith: .success) {
            try withDirectory { directory in
                let path = try directory.make([1])
                try MappedFile(path: path).close()
                require(openDescriptors(of: path) == 0, "close left the file open")
                do { _ = try MappedFile(path: path) }
                require(openDescriptors(of: path) == 0, "going out of scope left the file open")
                withExtendedLifetime(try GrowableMapping(path: path)) {
                    require(openDescriptors(of: path) == 1, "an open file was not counted")
                }
                require(openDescriptors(of: path) == 0, "a growable mapping left its file open")
                _ = mappingError { () throws(MappingError) in try MappedFile(path: directory.path) }
                require(openDescriptors(of: directory.path) == 0, "refusing a folder left it open")
            }
        }
    }

    #if os(Linux)
        @Test(
            .disabled(if: hasSanitizer(), "a sanitizer needs more addresses than the limit leaves"))
        func aReservationShrinksToTheLimitForAddresses() async {
            await #expect(processExitsWith: .success) {
                var limit = rlimit(rlim_cur: 64 << 30, rlim_max: 64 << 30)
                setrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit)
                let reservation = try AddressReservation()
                require(reservation.capacity < 64 << 30, "more was reserved than the limit allows")
                require(reservation.capacity >= 16 << 30, "far less was reserved than there was")
                let error = mappingError { () throws(MappingError) in
                    try AddressReservation(minimumBytes: 1 << 40)
                }
                require(
                    error == MappingError(.reserve, code: ENOMEM),
                    "the error was \(String(describing: error))")
            }
        }

        /// A file system in memory refuses more than its size at once, so no disk has to be filled.
        @Test(.enabled(if: sharedMemoryBytes() > 0, "needs /dev/shm with a size limit"))
        func aFullDiskIsAnErrorAndTheFileStaysAsItWas() throws {
            try withDirectory(under: "/dev/shm") { directory in
                let path = try directory.make(pattern(page))
                let mapping = try GrowableMapping(path: path)
                let error = mappingError { () throws(MappingError) in
                    try mapping.grow(to: sharedMemoryBytes() + 10 * page)
                }
                #expect(error == MappingError(.grow, path: path, code: ENOSPC))
                #expect(mapping.count == page)
                try expectSame(TemporaryDirectory.read(path), pattern(page))
                try mapping.grow(to: 2 * page)
                try expectSame(
                    mapping.withBytes { $0.bytes },
                    pattern(page) + [UInt8](repeating: 0, count: page))
            }
        }
    #endif
}

/// Ends the child process as failed; expectations are for the parent.
private func require(_ condition: Bool, _ message: String) {
    guard !condition else { return }
    fatalError(message)
}

/// How many descriptors of this process lead to a file. Only these are counted: a test's
/// runtime opens and closes others from its threads at any moment.
private func openDescriptors(of path: String) -> Int {
    var file = stat()
    require(stat(path, &file) == 0, "there is no \(path)")
    // The lowest free number is given to each, so the few of a test are not above this bound.
    return (0 ..< min(getdtablesize(), 1 << 16)).count {
        var other = stat()
        return fstat($0, &other) == 0 && other.st_dev == file.st_dev && other.st_ino == file.st_ino
    }
}

private func setFileSizeLimit(_ bytes: Int) {
    #if canImport(Glibc)
        var limit = rlimit(rlim_cur: rlim_t(bytes), rlim_max: rlim_t(bytes))
        require(
            setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit) == 0, "setrlimit failed")
    #else
        var limit = rlimit(rlim_cur: rlim_t(bytes), rlim_max: rlim_t(bytes))
        require(setrlimit(RLIMIT_FSIZE, &limit) == 0, "setrlimit failed")
    #endif
}

#if os(Linux)
    /// Whether the address or thread sanitizer is built in.
    private func hasSanitizer() -> Bool {
        dlsym(nil, "__asan_init") != nil || dlsym(nil, "__tsan_init") != nil
    }

    /// The size of the file system in memory; 0 if there is none or it has no limit.
    private func sharedMemoryBytes() -> Int {
        // On any other kind of file system, the test would fill the disk first.
        let mounts = (try? TemporaryDirectory.read("/proc/mounts")) ?? []
        var status = statvfs()
        guard String(decoding: mounts, as: UTF8.self).contains(" /dev/shm tmpfs "),
            statvfs("/dev/shm", &status) == 0,
            access("/dev/shm", W_OK) == 0
        else { return 0 }
        return Int(status.f_blocks) * Int(status.f_frsize)
    }
#endif
