import Holdfast

import Foundation

/// A folder of its own for a test, removed with everything in it when the test lets go of it.
final class TemporaryFolder {
    let path: String

    init() throws {
        path =
            FileManager.default.temporaryDirectory.appendingPathComponent(
                "holdfast-\(UUID().uuidString)"
            ).path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func file(_ name: String = "test.heap") -> String { path + "/" + name }

    var names: [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted()
    }

    func bytes(_ name: String = "test.heap") throws -> Data {
        try Data(contentsOf: URL(filePath: file(name)))
    }

    func write(_ data: Data, to name: String = "test.heap") throws {
        try data.write(to: URL(filePath: file(name)))
    }
}

extension PersistentHeap {
    /// Returns a handle without the compiler's warning: for tests of the trap that using it is.
    func writeAndKeep<R>(_ body: (borrowing WriteTransaction) throws -> R) throws -> R {
        try write(body)
    }
}

/// The folder that this test program, and so the package's other products, were built into.
let productsFolder: URL =
    Bundle.allBundles.first { $0.bundlePath.hasSuffix(".xctest") }?.bundleURL
    .deletingLastPathComponent()
    ?? URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()

struct Movement: PersistableStruct, Equatable {
    var item: Int32
    var delta: Int64
    var weight: Double?
}

enum Colour: Int16, PersistableEnum {
    case red = 4
    case green = 9
}
