import Foundation

/// The build folder of this test program and of the package's other products.
public let productsFolder: URL =
    Bundle.allBundles.first { $0.bundlePath.hasSuffix(".xctest") }?.bundleURL
    .deletingLastPathComponent()
    ?? URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()

/// The program that runs the processes of tests.
public let testWorker = productsFolder.appendingPathComponent("test-worker").path

/// The root of the package.
public let packageFolder = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()
