import Foundation
import Synchronization
import Testing

/// Prints a line when a test begins: its number, the total, and its name.
///
/// Swift Testing starts all tests at once and reports them only when all are done, because its own
/// work is queued behind theirs. This shows the progress of a long run.
public struct Progress: SuiteTrait, TestTrait, TestScoping {
    public var isRecursive: Bool { true }

    /// Per case, not per test: a test's own scope begins long before its code runs.
    public func scopeProvider(for test: Test, testCase: Test.Case?) -> Self? {
        testCase == nil ? nil : self
    }

    public func provideScope(
        for test: Test, testCase: Test.Case?, performing body: @Sendable () async throws -> Void
    ) async throws {
        let number = Self.begun.withLock { $0.insert(test.id).inserted ? $0.count : nil }
        if let number {
            let count = Self.count.map { "\(number) of \($0)" } ?? "\(number)"
            print("\(count): \(Self.name(of: test))")
            fflush(nil)
        }
        try await body()
    }

    private static let begun = Mutex<Set<Test.ID>>([])

    /// The number of tests in this run; `nil` if unknown. The test program itself can list the
    /// tests that its arguments select.
    private static let count: Int? = {
        let lister = Process()
        lister.executableURL = Bundle.main.executableURL
        lister.arguments = CommandLine.arguments.dropFirst() + ["--list-tests"]
        let output = Pipe()
        lister.standardOutput = output
        lister.standardError = FileHandle.nullDevice
        guard (try? lister.run()) != nil else { return nil }
        let bytes = output.fileHandleForReading.readDataToEndOfFile()
        lister.waitUntilExit()
        let lines = bytes.count { $0 == UInt8(ascii: "\n") }
        return lister.terminationStatus == 0 && lines > 0 ? lines : nil
    }()

    /// `MapTests.find()` for `HoldfastTests.MapTests/find()/MapTests.swift:12:6`.
    private static func name(of test: Test) -> String {
        let parts = "\(test.id)".split(separator: "/").filter { !$0.contains(".swift:") }
        let suite = parts[0].split(separator: ".").dropFirst()
        return (suite + parts.dropFirst()).joined(separator: ".")
    }
}

extension Trait where Self == Progress {
    /// See ``Progress``.
    public static var progress: Self { Progress() }
}
