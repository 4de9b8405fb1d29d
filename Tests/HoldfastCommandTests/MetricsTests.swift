import Foundation
import Holdfast
import Testing
import TestSupport

/// `holdfast metrics`.
@Suite(.progress) struct MetricsTests {
    /// The samples by their names, after a check of the format: each has one help line, one type
    /// line and one value.
    private func samples(_ output: String, path: String) throws -> [String: Double] {
        var samples: [String: Double] = [:]
        let lines = output.split(separator: "\n")
        #expect(lines.count % 3 == 0)
        for start in stride(from: 0, to: lines.count, by: 3) {
            let sample = lines[start + 2]
            let name = String(sample.prefix { $0 != "{" })
            #expect(lines[start].hasPrefix("# HELP \(name) "))
            #expect(["gauge", "counter"].map { "# TYPE \(name) \($0)" }.contains(lines[start + 1]))
            #expect(name.contains(#/^holdfast_[a-z_]+$/#))
            let label = "\(name){heap=\"\(path)\"} "
            #expect(sample.hasPrefix(label))
            let value = try #require(Double(sample.dropFirst(label.count)), "\(sample)")
            #expect(samples.updateValue(value, forKey: name) == nil, "\(name) is there twice")
        }
        return samples
    }

    @Test func figuresOfAHeapAtRest() throws {
        let folder = try TemporaryFolder(heap: "inventory.heap")
        let path = try Inventory.make(folder)
        let outcome = try Command.run("metrics", path)
        #expect(outcome.status == 0 && outcome.error.isEmpty)
        let figures = try samples(outcome.output, path: path)
        func figure(_ name: String) throws -> Double {
            try #require(figures["holdfast_" + name], "\(name)")
        }
        #expect(try figure("file_bytes") == Double(folder.bytes().count))
        let parts = try figure("live_bytes") + figure("overhead_bytes") + figure("free_bytes")
        #expect(try parts == figure("file_bytes"))
        #expect(try figure("commits_total") == 2)
        #expect(try figure("log_bytes") == 0)
        #expect(try figure("views") == 0)
        let age = try Date.now.timeIntervalSince1970 - figure("last_checkpoint_timestamp_seconds")
        #expect(age >= -1 && age < 86_400)
    }

    /// An open snapshot of another process, which holds a commit's log; and a path to be escaped.
    @Test func viewsAndEscapes() throws {
        let folder = try TemporaryFolder(heap: #"a "b\c.heap"#)
        let heap = try PersistentHeap.open(folder.file())
        try heap.write { try $0.value("a", initial: 0).value = 1 }
        let snapshot = try heap.snapshot()
        try heap.write { try $0.value("a", initial: 0).value = 2 }
        let outcome = try Command.run("metrics", folder.file())
        #expect(outcome.status == 0)
        let escaped = folder.file().replacing(#"\"#, with: #"\\"#).replacing(
            #"""#, with: #"\""#)
        let figures = try samples(outcome.output, path: escaped)
        #expect(figures["holdfast_views"] == 1)
        #expect(figures["holdfast_openings"].map { $0 >= 1 } == true)
        #expect(figures["holdfast_held_log_bytes"].map { $0 > 0 } == true)
        #expect(figures["holdfast_log_commits"].map { $0 >= 1 } == true)
        try snapshot.close()
        try heap.close()
    }
}
