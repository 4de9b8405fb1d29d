import Foundation
import Holdfast
import HoldfastInspection
import test_worker
import Testing
import TestSupport

/// A golden heap in a temporary folder of its own, removed with the object.
final class Golden {
    let name: String
    private let folder: TemporaryFolder

    private static let files = packageFolder.appending(path: "Tests/Golden")

    /// Unpacks the heap called `name` and its neighbour files; without the shared file if the
    /// machine has restarted too.
    init(_ name: String, withShared: Bool = true) throws {
        self.name = name
        folder = try TemporaryFolder(heap: "\(name).heap")
        for suffix in withShared ? ["", "-log", "-shared"] : ["", "-log"] {
            let packed = Self.files.appending(path: "\(name).heap\(suffix).hex")
            guard FileManager.default.fileExists(atPath: packed.path) else { continue }
            try #require(HexDump.bytes(of: try Self.text(packed))).write(
                to: URL(filePath: path + suffix))
        }
    }

    var path: String { folder.file() }

    func bytes(_ suffix: String = "") throws -> Data {
        try Data(contentsOf: URL(filePath: path + suffix))
    }

    func write(_ bytes: Data, _ suffix: String = "") throws {
        try bytes.write(to: URL(filePath: path + suffix))
    }

    func open(_ mode: OpenMode = .readWrite) throws -> PersistentHeap {
        var options = PersistentHeap.Options()
        options.verifiesPages = true
        options.createsIfMissing = false
        return try PersistentHeap.open(path, mode: mode, options: options)
    }

    /// The heap's roots as lines of JSON.
    func lines(of heap: PersistentHeap, knowing types: [any Persistable.Type]) throws -> [Substring]
    {
        let exported = folder.file("exported.jsonl")
        try? FileManager.default.removeItem(atPath: exported)
        try heap.exportLines(knowing: types, to: exported)
        return try Self.text(URL(filePath: exported)).split(separator: "\n")
    }

    /// The expected lines.
    static func lines(_ name: String) throws -> [Substring] {
        try text(files.appending(path: "\(name).jsonl")).split(separator: "\n")
    }

    static func text(_ file: URL) throws -> String {
        String(decoding: try Data(contentsOf: file), as: UTF8.self)
    }

    static func packed(_ name: String) throws -> String {
        try text(files.appending(path: "\(name).hex"))
    }

    // MARK: The reader in Python

    static let hasPython = (try? run(["python3", "--version"]))?.status == 0

    /// Runs a program from the search path, and waits for its end.
    static func run(_ arguments: [String]) throws -> (status: Int32, output: String, errors: String)
    {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/env")
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging([
            "PYTHONDONTWRITEBYTECODE": "1"
        ]) { $1 }
        let folder = try TemporaryFolder()
        let names = ["output", "errors"].map { URL(filePath: folder.file($0)) }
        for name in names { try Data().write(to: name) }
        process.standardOutput = try FileHandle(forWritingTo: names[0])
        process.standardError = try FileHandle(forWritingTo: names[1])
        try process.run()
        process.waitUntilExit()
        return (process.terminationStatus, try text(names[0]), try text(names[1]))
    }
}

/// The program's known types are global to the process, and tests make it forget them; so tests of
/// golden heaps run sequentially.
@Suite(.progress, .serialized) struct GoldenTests {}
