import Foundation
import Synchronization

/// Measures the steps of a case: the time, the most memory of the process's own meanwhile, and the
/// size of the heap file afterwards. Memory is known on Linux only.
final class Meter: Sendable {
    static let shared = Meter()

    private let most = Atomic<Int>(0)

    private init() {
        Thread.detachNewThread {
            while true {
                self.look()
                usleep(10_000)
            }
        }
    }

    private func look() {
        guard let text = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8),
            let line = text.split(separator: "\n").first(where: { $0.hasPrefix("RssAnon:") }),
            let kilobytes = line.split(whereSeparator: { !$0.isNumber }).first.flatMap({ Int($0) })
        else { return }
        most.max(kilobytes << 10, ordering: .relaxed)
    }

    /// Runs a step and prints its line of a table.
    @discardableResult
    func step<Result>(_ name: String, _ path: String? = nil, _ body: () throws -> Result) rethrows
        -> Result
    {
        most.store(0, ordering: .relaxed)
        let start = ContinuousClock.now
        let result = try body()
        let time = ContinuousClock.now - start
        look()
        let seconds = Double(time.components.seconds) + Double(time.components.attoseconds) / 1e18
        let memory = most.load(ordering: .relaxed) >> 20
        print(
            "| \(name) | \(String(format: "%.3f", seconds)) s | \(memory) MiB |",
            path.map { "\(Self.size($0)) |" } ?? "|")
        fflush(nil)
        return result
    }

    /// The length of the file, and the space that it takes if that is less.
    private static func size(_ path: String) -> String {
        var status = stat()
        guard stat(path, &status) == 0 else { return "" }
        let taken = Int(status.st_blocks) * 512
        let length = Int(status.st_size)
        return "\(length >> 20) MiB" + (taken < length / 2 ? ", \(taken >> 20) taken" : "")
    }
}
