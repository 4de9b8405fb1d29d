import Foundation

/// A folder for one test, removed with all its contents when the object is deallocated.
public final class TemporaryFolder {
    public let path: String
    private let heap: String

    /// `heap` is the file name that methods use by default.
    public init(heap: String = "test.heap") throws {
        self.heap = heap
        path =
            FileManager.default.temporaryDirectory.appendingPathComponent(
                "holdfast-\(UUID().uuidString)"
            ).path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// The path of a file.
    public func file(_ name: String? = nil) -> String { path + "/" + (name ?? heap) }

    /// The names of all files, sorted.
    public var names: [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted()
    }

    public func bytes(_ name: String? = nil) throws -> Data {
        try Data(contentsOf: URL(filePath: file(name)))
    }

    /// The bytes of every file, by name.
    public var contents: [String: Data] {
        Dictionary(uniqueKeysWithValues: names.map { ($0, (try? bytes($0)) ?? Data()) })
    }

    public func write(_ data: Data, to name: String? = nil) throws {
        try data.write(to: URL(filePath: file(name)))
    }

    /// Inverts bits of a file.
    public func damage(_ name: String? = nil, at offset: Int, count: Int = 8) throws {
        var data = try bytes(name)
        for index in offset ..< offset + count { data[index] ^= 0x5a }
        try write(data, to: name)
    }
}
