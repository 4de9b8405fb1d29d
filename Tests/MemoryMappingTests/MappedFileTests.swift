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

@Suite(.progress) struct MappedFileTests {
    static let kinds: [MappingKind] = [.readOnly, .privateCopy, .shared]

    @Test(arguments: kinds, [1, 4095, 4096, 4097, 100_000])
    func showsTheWholeFile(kind: MappingKind, count: Int) throws {
        try withDirectory { directory in
            let file = try MappedFile(path: try directory.make(pattern(count)), kind: kind)
            #expect(file.count == count && file.kind == kind)
            try expectSame(file.withBytes { $0.bytes }, pattern(count))
            try file.sync(.throughToDevice)
            file.close()
            file.close()
        }
    }

    @Test(arguments: kinds)
    func anEmptyFileIsAnEmptyMapping(kind: MappingKind) throws {
        try withDirectory { directory in
            let file = try MappedFile(path: try directory.make([]), kind: kind)
            #expect(file.count == 0)
            #expect(try file.withBytes { $0.byteCount } == 0)
            if kind != .readOnly { #expect(try file.withMutableBytes { $0.byteCount } == 0) }
            try file.advise(.willNeed)
            try file.sync()
            if kind == .privateCopy { try file.discardChanges() }
        }
    }

    #if os(Linux)
        /// Files that the system makes up say that they have no bytes: an error, and not an empty
        /// mapping.
        @Test(arguments: ["/proc/self/status", "/proc/self/mountinfo", "/proc/cpuinfo"])
        func aFileWithBytesAndNoSize(path: String) throws {
            #expect(throws: MappingError(.map, path: path, code: ENODEV)) {
                try MappedFile(path: path)
            }
            let error = MappingError(.map, path: path, code: ENODEV)
            #expect("\(error)".contains("copy the file elsewhere"))
        }
    #endif

    @Test func aPrivateCopyNeverReachesTheFileAndCanBeDiscarded() throws {
        try withDirectory { directory in
            let path = try directory.make(pattern(10_000))
            let file = try MappedFile(path: path, kind: .privateCopy)
            try file.withMutableBytes { bytes in
                for offset in 0 ..< bytes.byteCount { bytes.set(offset, 0xEE) }
            }
            #expect(try file.withBytes { $0.byte(9999) } == 0xEE)
            try file.sync(.throughToDevice)
            try expectSame(TemporaryDirectory.read(path), pattern(10_000))
            try file.discardChanges()
            try expectSame(file.withBytes { $0.bytes }, pattern(10_000))
            try file.withMutableBytes { $0.set(0, 1) }
            file.close()
            try expectSame(TemporaryDirectory.read(path), pattern(10_000))
        }
    }

    @Test func aPrivateCopyNeedsNoRightToWrite() throws {
        try withDirectory { directory in
            let path = try directory.make([1, 2, 3])
            chmod(path, 0o400)
            let file = try MappedFile(path: path, kind: .privateCopy)
            try file.withMutableBytes { $0.set(1, 9) }
            try expectSame(file.withBytes { $0.bytes }, [1, 9, 3])
        }
    }

    @Test(arguments: [SyncMode.asynchronous, .synchronous, .throughToDevice])
    func aSharedWriteIsTheFiles(mode: SyncMode) throws {
        try withDirectory { directory in
            let path = try directory.make(pattern(10_000))
            let file = try MappedFile(path: path, kind: .shared)
            let other = try MappedFile(path: path)
            try file.withMutableBytes { $0.set(5000, 0xEE) }
            try file.sync(mode)
            #expect(try TemporaryDirectory.read(path)[5000] == 0xEE)
            #expect(try other.withBytes { $0.byte(5000) } == 0xEE)
            // The last page goes beyond the file; the file does not follow.
            #expect(try TemporaryDirectory.read(path).count == 10_000)
        }
    }

    @Test(arguments: kinds, MemoryAdvice.allCases)
    func adviceChangesNoBytes(kind: MappingKind, advice: MemoryAdvice) throws {
        try withDirectory { directory in
            let file = try MappedFile(path: try directory.make(pattern(20_000)), kind: kind)
            // Pages cannot be made writable in a read-only mapping, and some kernels refuse large
            // pages for files.
            let error = mappingError { () throws(MappingError) in try file.advise(advice) }
            if let error {
                #expect(
                    error.operation == .advise && (advice == .hugePage || advice == .populateWrite))
            }
            try expectSame(file.withBytes { $0.bytes }, pattern(20_000))
        }
    }

    @Test func errorsOfTheClosureComeThroughAndLeaveTheFileUsable() throws {
        struct Stop: Error {}
        try withDirectory { directory in
            let file = try MappedFile(path: try directory.make([1]), kind: .shared)
            #expect(throws: Stop.self) {
                try file.withBytes { (_) throws(Stop) -> Void in throw Stop() }
            }
            #expect(throws: Stop.self) {
                try file.withMutableBytes { (_) throws(Stop) -> Void in throw Stop() }
            }
            try file.withMutableBytes { $0.set(0, 2) }
            #expect(
                try file.withBytes { outer in try file.withBytes { outer.byte(0) + $0.byte(0) } }
                    == 4)
            file.close()
        }
    }

    @Test func threadsReadSideBySide() async throws {
        let directory = try TemporaryDirectory()
        defer { directory.remove() }
        let file = try MappedFile(path: try directory.make(pattern(200_000)))
        let expected = pattern(200_000).reduce(0) { $0 + Int($1) }
        try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0 ..< 8 {
                group.addTask {
                    var sum = 0
                    for _ in 0 ..< 5 {
                        sum = try file.withBytes { $0.bytes.reduce(0) { $0 + Int($1) } }
                    }
                    return sum
                }
            }
            for try await sum in group { #expect(sum == expected) }
        }
        file.close()
    }

    // MARK: What cannot be opened

    @Test(arguments: kinds)
    func refusesWhatIsNotARegularFile(kind: MappingKind) throws {
        try withDirectory { directory in
            func code(_ path: String) -> Int32? {
                let error = mappingError { () throws(MappingError) in
                    try MappedFile(path: path, kind: kind)
                }
                #expect(error?.operation == .open && error?.path == path)
                let growable = mappingError { () throws(MappingError) in
                    try GrowableMapping(path: path, kind: kind)
                }
                #expect(growable == error)
                return error?.code
            }
            #expect(code(directory.path) == EISDIR)
            #expect(code(directory.file("missing")) == ENOENT)
            #expect(mkfifo(directory.file("pipe"), 0o600) == 0)
            #expect(code(directory.file("pipe")) == EINVAL)
            #expect(code("/dev/null") == EINVAL)
            _ = try directory.make([1])
            #expect(code(directory.file("file/below")) == ENOTDIR)
            #expect(code(directory.file("file\0.txt")) == ENOENT)
            #expect(code("") == ENOENT)
        }
    }

    @Test(.enabled(if: geteuid() != 0, "root may read everything"))
    func refusesFilesWithoutPermission() throws {
        try withDirectory { directory in
            let path = try directory.make([1])
            chmod(path, 0o400)
            let shared = mappingError { () throws(MappingError) in
                try MappedFile(path: path, kind: .shared)
            }
            #expect(shared == MappingError(.open, path: path, code: EACCES))
            chmod(path, 0)
            let readOnly = mappingError { () throws(MappingError) in try MappedFile(path: path) }
            #expect(readOnly == MappingError(.open, path: path, code: EACCES))
        }
    }

    #if os(Linux)
        @Test func aFileLargerThanTheAddressSpaceIsAnError() throws {
            try withDirectory(under: "/dev/shm") { directory in
                let descriptor = try directory.openFile()
                defer { close(descriptor) }
                guard ftruncate(descriptor, 1 << 50) == 0 else { return }
                let error = mappingError { () throws(MappingError) in
                    try MappedFile(path: directory.file())
                }
                #expect(error == MappingError(.reserve, path: directory.file(), code: ENOMEM))
            }
        }
    #endif
}
