import Foundation

/// The folder that this test program, and so the package's other products, were built into.
public let productsFolder: URL =
    Bundle.allBundles.first { $0.bundlePath.hasSuffix(".xctest") }?.bundleURL
    .deletingLastPathComponent()
    ?? URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()

/// The program with the processes that tests start.
public let testWorker = productsFolder.appendingPathComponent("test-worker").path

/// The root of the package.
public let packageFolder = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()
