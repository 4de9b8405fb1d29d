import Foundation
import Testing

/// Tests with real processes, one after the other: each of them alone keeps the machine busy.
@Suite(.serialized) enum ProcessTests {}

/// Whether the long forms are to be run: hours instead of a minute, figures for
/// `Docs/Guarantees.md`.
let isLongRun = ProcessInfo.processInfo.environment["HOLDFAST_LONG"] == "1"

/// A number that the environment sets, to run a failure again.
func setting(_ name: String) -> UInt64? {
    ProcessInfo.processInfo.environment[name].flatMap { UInt64($0) }
}

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

    func file(_ name: String) -> String { path + "/" + name }

    var names: [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted()
    }
}

/// The folder that this test program, and so the package's other products, were built into.
let productsFolder: URL =
    Bundle.allBundles.first { $0.bundlePath.hasSuffix(".xctest") }?.bundleURL
    .deletingLastPathComponent()
    ?? URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()
