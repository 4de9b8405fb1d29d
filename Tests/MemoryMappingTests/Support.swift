import Testing

@testable import MemoryMapping

#if canImport(Darwin)
    import Darwin
#elseif canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#endif

/// A folder for one test. Files are read and written with plain system calls, so that the effects
/// of a mapping are observed from outside it.
struct TemporaryDirectory {
    let path: String

    init(under parent: String? = nil) throws {
        let parent = parent ?? getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var template = Array((parent + "/memory-mapping-XXXXXX").utf8CString)
        guard mkdtemp(&template) != nil else { throw Failure(what: "mkdtemp", code: errno) }
        path = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
    }

    struct Failure: Error {
        var what: String
        var code: Int32
    }

    func file(_ name: String = "file") -> String { path + "/" + name }

    /// Removes the folder with its files; tests create no subfolders with contents.
    func remove() {
        guard let folder = opendir(path) else { return }
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name == "." || name == ".." { continue }
            if unlink(file(name)) != 0 { rmdir(file(name)) }
        }
        closedir(folder)
        rmdir(path)
    }

    /// Creates the file "file" with these bytes and returns its path.
    func make(_ bytes: [UInt8]) throws -> String { try make("file", bytes) }

    /// Creates a file with these bytes, or overwrites the beginning of one, and returns its path.
    func make(_ name: String, _ bytes: [UInt8]) throws -> String {
        let descriptor = try openFile(name)
        defer { close(descriptor) }
        guard bytes.isEmpty || pwrite(descriptor, bytes, bytes.count, 0) == bytes.count else {
            throw Failure(what: "write", code: errno)
        }
        return file(name)
    }

    /// Opens a file for reading and writing; creates it if it is missing.
    func openFile(_ name: String = "file") throws -> Int32 {
        let descriptor = open(file(name), O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Failure(what: "open", code: errno) }
        return descriptor
    }

    /// A file's bytes, read with `read`.
    static func read(_ path: String) throws -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Failure(what: "open", code: errno) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = pread(descriptor, &buffer, buffer.count, off_t(bytes.count))
            guard count >= 0 else { throw Failure(what: "read", code: errno) }
            if count == 0 { return bytes }
            bytes += buffer[..<count]
        }
    }
}

/// Calls `body` with a folder that is removed afterwards.
func withDirectory<R>(under parent: String? = nil, _ body: (TemporaryDirectory) throws -> R) throws
    -> R
{
    let directory = try TemporaryDirectory(under: parent)
    defer { directory.remove() }
    return try body(directory)
}

/// Length of the file behind a descriptor, in bytes.
func size(of descriptor: Int32) -> Int {
    var status = stat()
    return fstat(descriptor, &status) == 0 ? Int(status.st_size) : -1
}

/// Disk space of the file behind a descriptor, in bytes.
func allocated(by descriptor: Int32) -> Int {
    var status = stat()
    return fstat(descriptor, &status) == 0 ? Int(status.st_blocks) * 512 : -1
}

/// Runs `body`, which must throw a `MappingError`, and returns that error.
func mappingError<R>(_ body: () throws(MappingError) -> R) -> MappingError? {
    do {
        _ = try body()
        return nil
    } catch {
        return error
    }
}

/// Expects the same bytes, and reports the first difference. Not `#expect(==)`, which searches for
/// the shortest edit between the two: minutes for some thousand bytes.
func expectSame(
    _ found: [UInt8], _ expected: [UInt8], at location: SourceLocation = #_sourceLocation
) {
    guard found != expected else { return }
    let offset =
        zip(found, expected).enumerated().first { $1.0 != $1.1 }?.offset
        ?? min(found.count, expected.count)
    Issue.record(
        "\(found.count) bytes differ from the expected \(expected.count) from byte \(offset) on",
        sourceLocation: location)
}

/// Bytes that differ from their neighbours and from page to page.
func pattern(_ count: Int, seed: Int = 1) -> [UInt8] {
    (0 ..< count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 / 4096 &* 7 &+ seed) }
}

extension RawSpan {
    /// The bytes as an array.
    var bytes: [UInt8] { withUnsafeBytes { Array($0) } }
    /// One byte.
    func byte(_ offset: Int) -> UInt8 { unsafeLoad(fromByteOffset: offset, as: UInt8.self) }
}

extension MutableRawSpan {
    /// Sets one byte.
    mutating func set(_ offset: Int, _ value: UInt8) {
        storeBytes(of: value, toByteOffset: offset, as: UInt8.self)
    }
}

let page = SystemPage.size
