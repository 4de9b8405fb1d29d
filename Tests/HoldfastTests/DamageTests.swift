import Foundation
import Testing
import TestSupport

/// Tens of thousands of damaged heaps, opened, checked, read and written in processes of their own.
/// Permitted outcomes: an error, the right data, or, if the check has found a problem, a trap with
/// a message. Never a wild access, a hang, excessive memory, or wrong data from a heap that the
/// check called sound.
///
/// The work is done by `test-worker damage`. `HOLDFAST_FUZZ_COUNT` sets the number of heaps;
/// `HOLDFAST_TESTS=full` makes it 20,000, and `long` a million.
@Suite(.progress) struct DamageTests {
    private static let count: Int = {
        let environment = ProcessInfo.processInfo.environment
        return environment["HOLDFAST_FUZZ_COUNT"].flatMap { Int($0) }
            ?? TestExtent.choose(quick: 2_000, full: 20_000, long: 1_000_000)
    }()

    @Test func damagedHeaps() async throws {
        let jobs = 2
        let outputs = try await withThrowingTaskGroup(of: (status: Int32, output: String).self) {
            group in
            for job in 0 ..< jobs {
                group.addTask {
                    try Self.run([
                        "--count", "\(Self.count)", "--job", "\(job)", "--jobs", "\(jobs)",
                        "--seed", "7",
                    ])
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        var total: [String: Int] = [:]
        for (status, output) in outputs {
            #expect(status == 0, "\(output.suffix(6000))")
            for line in output.split(separator: "\n") {
                let parts = line.components(separatedBy: ": ")
                if parts.count == 2, let number = Int(parts[1]) {
                    total[parts[0], default: 0] += number
                }
            }
        }
        #expect(total.values.reduce(0, +) == Self.count, "\(total)")
        // Each outcome must occur: a laboratory that damages nothing would find nothing either.
        for outcome in [
            "refused", "foundByCheck", "rightData", "otherData", "error", "trapped",
        ] {
            #expect(total[outcome, default: 0] > 0, "\(outcome): \(total)")
        }
    }

    private static func run(_ arguments: [String]) throws -> (Int32, String) {
        let process = Process()
        process.executableURL = URL(filePath: testWorker)
        process.arguments = ["damage"] + arguments
        process.environment = ProcessInfo.processInfo.environment.merging([
            "SWIFT_BACKTRACE": "enable=no"
        ]) { $1 }
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let text = String(
            decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return (process.terminationStatus, text)
    }
}
