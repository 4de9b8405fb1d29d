import Foundation
import HoldfastFormat
import TestSupport
import Testing

@testable import HoldfastEngine

/// Real files that are not heaps, or cannot be used: each gives its own error, and no byte of them
/// changes.
@Suite(.progress) final class BadInputTests {
    private let folder: String

    init() throws {
        folder = NSTemporaryDirectory() + "holdfast-bad-input-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    deinit {
        chmod(folder, 0o755)
        try? FileManager.default.removeItem(atPath: folder)
    }

    private var path: String { folder + "/test.heap" }
    private static let modes = [OpenMode.readWrite, .readOnly, .privateCopy]
    /// Root has all permissions, so missing ones cannot be tested as root.
    private static let isRoot = geteuid() == 0

    private func open(_ mode: OpenMode = .readWrite) throws -> HeapEngine {
        var options = EngineOptions()
        options.initialLogBytes = 64 * 1024
        return try HeapEngine(path: path, mode: mode, options: options)
    }

    private func bytes(_ name: String? = nil) -> Data? {
        FileManager.default.contents(atPath: name ?? path)
    }

    /// Writes `content` as the heap file; expects `error` in every mode, and no change of the file.
    private func expectRefused(_ content: Data, _ error: HeapError, _ name: Comment? = nil) throws {
        try content.write(to: URL(fileURLWithPath: path))
        for mode in Self.modes { #expect(throws: error, name) { try open(mode) } }
        #expect(bytes() == content, name)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["test.heap"], name)
    }

    @Test func filesThatAreNoHeaps() throws {
        try expectRefused(Data(), .emptyFile(path: path))
        try expectRefused(Data("hello".utf8), .notAHeap(path: path), "text")
        try expectRefused(Data(repeating: 0, count: 100_000), .notAHeap(path: path), "zeros")
        try expectRefused(
            Data((0 ..< 70_000).map { UInt8(truncatingIfNeeded: $0) }), .notAHeap(path: path),
            "a pattern")
        // Shorter than a header, but it begins like one.
        try expectRefused(
            Data([0x89, 0x48, 0x46, 0x53, 0x54, 0x0d, 0x0a, 0x1a]), .notAHeap(path: path),
            "magic alone")
    }

    @Test func damagedAndForeignHeaps() throws {
        try open().close()
        let sound = try #require(bytes())
        #expect(sound.count == 65_536)
        for count in [65_535, 40_000, 8192] {
            try expectRefused(
                sound.prefix(count),
                .truncated(path: path, expectedBytes: 65_536, actualBytes: UInt64(count)))
        }
        var damaged = sound
        damaged[60] ^= 1
        damaged[4096 + 60] ^= 1
        try expectRefused(damaged, .damagedHeader(path: path))

        var header = HeapHeader(identity: .random(), hashSeed: .random())
        header.formatVersion = 3
        var newer = sound
        newer.replaceSubrange(0 ..< 256, with: header.encoded())
        newer.replaceSubrange(4096 ..< 4352, with: header.encoded())
        try expectRefused(newer, .newerFormat(path: path, found: 3, supported: 2))

        var foreign = sound
        for copy in [0, 4096] {
            foreign.replaceSubrange(copy + 12 ..< copy + 16, with: [1, 2, 3, 4])
        }
        try expectRefused(foreign, .foreignByteOrder(path: path))

        // The sound bytes still open, so the refusals above have a reason.
        try sound.write(to: URL(fileURLWithPath: path))
        try open().close()
    }

    @Test func missingFile() throws {
        #expect(throws: HeapError.notFound(path: path)) { try open(.readOnly) }
        #expect(throws: HeapError.notFound(path: path)) { try open(.privateCopy) }
        var options = EngineOptions()
        options.createsIfMissing = false
        #expect(throws: HeapError.notFound(path: path)) {
            try HeapEngine(path: path, mode: .readWrite, options: options)
        }
        let nowhere = folder + "/missing/test.heap"
        #expect(throws: HeapError.folderNotFound(path: nowhere)) {
            try HeapEngine(path: nowhere, mode: .readWrite)
        }
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == [])
    }

    @Test func folderInsteadOfAFile() throws {
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        for mode in Self.modes {
            #expect(throws: HeapError.isDirectory(path: path)) { try open(mode) }
        }
    }

    /// A FIFO without a writer: the open must not wait.
    @Test func fifo() throws {
        #expect(mkfifo(path, 0o600) == 0)
        for mode in Self.modes {
            #expect(throws: HeapError.notARegularFile(path: path)) { try open(mode) }
        }
    }

    @Test func device() {
        for mode in Self.modes {
            #expect(throws: HeapError.notARegularFile(path: "/dev/null")) {
                try HeapEngine(path: "/dev/null", mode: mode)
            }
        }
    }

    @Test(.disabled(if: isRoot, "root may read everything"))
    func fileWithoutRights() throws {
        try open().close()
        chmod(path, 0o400)
        #expect(throws: HeapError.permissionDenied(path: path, operation: "write")) { try open() }
        try open(.readOnly).close()
        chmod(path, 0)
        #expect(throws: HeapError.permissionDenied(path: path, operation: "read")) {
            try open(.readOnly)
        }
    }

    @Test(.disabled(if: isRoot, "root may write everywhere"))
    func folderWithoutRights() throws {
        chmod(folder, 0o555)
        #expect(throws: HeapError.readOnlyFolder(path: path)) { try open() }
        chmod(folder, 0o755)
        try open().close()
        chmod(folder, 0o555)
        // Opening needs no permission for the folder; the first commit needs a log there.
        let engine = try open()
        #expect(throws: HeapError.readOnlyFolder(path: path)) {
            try engine.change { _ = $0.allocate(byteCount: 8) }
        }
        #expect(try engine.audit().pages == 5)
        try engine.close()
    }

    /// A new heap never replaces a file that appears meanwhile, and no other file is left in the
    /// folder.
    @Test func makingLeavesOneFile() throws {
        try open().close()
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["test.heap"])
        let engine = try open()
        try engine.change { _ = $0.allocate(byteCount: 8) }
        #expect(
            try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
                == ["test.heap", "test.heap-log", "test.heap-shared"])
        try engine.close()
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["test.heap"])
    }

    /// A file size limit is an error of the commit that meets it. In a process of its own, because
    /// the limit applies to the process.
    @Test func limitOfFileSize() async {
        await #expect(processExitsWith: .success) {
            let folder = NSTemporaryDirectory() + "holdfast-limit-" + UUID().uuidString
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(atPath: folder) }
            let path = folder + "/test.heap"
            var options = EngineOptions()
            options.initialLogBytes = 64 * 1024
            let engine = try HeapEngine(path: path, mode: .readWrite, options: options)
            let cell = try engine.change { access in
                let cell = access.allocate(byteCount: 8)
                access.store(1, at: cell)
                return cell
            }
            signal(SIGXFSZ, SIG_IGN)
            #if canImport(Darwin)
                let resource = RLIMIT_FSIZE
            #else
                let resource = __rlimit_resource_t(RLIMIT_FSIZE.rawValue)
            #endif
            var limit = rlimit()
            getrlimit(resource, &limit)
            limit.rlim_cur = 200_000
            setrlimit(resource, &limit)
            #expect(throws: HeapError.fileTooLarge(path: path)) {
                try engine.change { access in
                    access.store(2, at: cell)
                    _ = access.allocate(byteCount: 1_000_000)
                }
            }
            limit.rlim_cur = limit.rlim_max
            setrlimit(resource, &limit)
            try engine.change { _ = $0.allocate(byteCount: 1_000_000) }
            try engine.close()
            let again = try HeapEngine(path: path, mode: .readOnly, options: options)
            guard try again.look({ $0.load(cell, as: Int.self) }) == 1 else { exit(3) }
        }
    }
}
