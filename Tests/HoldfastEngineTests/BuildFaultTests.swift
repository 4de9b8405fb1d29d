import Testing
import TestSupport

@testable import HoldfastEngine

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// A build whose file cannot grow: it ends with an error, and leaves no file.
@Suite(.progress) struct BuildFaultTests {
    private let disk = SimulatedDisk()

    init() { disk.recordsContents = false }

    /// Fills a new heap with `count` blocks of 100,000 bytes, which all keep their contents while
    /// the transaction is open.
    private func build(_ count: Int) throws {
        let engine = try HeapEngine(
            path: "/sim/test.heap", mode: .bulkBuild, options: EngineOptions(), disk: disk)
        defer { try? engine.close() }
        try engine.change { access in
            var blocks: [UInt64] = []
            for number in 0 ..< count {
                let block = access.allocate(byteCount: 100_000)
                access.store(number, at: block)
                access.store(number, at: block + 99_992)
                blocks.append(block)
            }
            for (number, block) in blocks.enumerated() {
                #expect(access.load(block) == number && access.load(block + 99_992) == number)
            }
        }
        try engine.finishBuild(replacing: false)
    }

    @Test func fullDisk() throws {
        disk.capacity = 3 << 20
        #expect(throws: HeapError.diskFull(path: "/sim/test.heap")) { try build(200) }
        #expect(disk.currentFiles().isEmpty)
        // A build that fits succeeds, although the reserve for later growth does not fit.
        try build(20)
        #expect(disk.currentFiles().keys.sorted() == ["/sim/test.heap"])
    }

    @Test(arguments: [
        (EDQUOT, HeapError.diskFull(path: "/sim/test.heap")),
        (EFBIG, .fileTooLarge(path: "/sim/test.heap")),
    ])
    func otherLimits(code: Int32, error: HeapError) throws {
        disk.fault = { _, operation, _ in operation == .grow ? .error(code) : nil }
        #expect(throws: error) { try build(200) }
        #expect(disk.currentFiles().isEmpty)
        disk.fault = nil
        try build(200)
    }

    /// Each call to the disk fails once: the build is complete, or there is no file.
    @Test func everyCall() throws {
        var failed = 0
        while true {
            let trial = BuildFaultTests()
            let target = failed
            trial.disk.fault = { attempt, _, _ in attempt == target ? .error(ENOSPC) : nil }
            do {
                try trial.build(60)
                #expect(
                    trial.disk.attempts <= target
                        || trial.disk.currentFiles().keys.sorted() == ["/sim/test.heap"])
                if trial.disk.attempts <= target { break }
            } catch {
                #expect(error is HeapError)
                let names = trial.disk.currentFiles().keys.sorted()
                #expect(names.isEmpty || names == ["/sim/test.heap"], "call \(target): \(names)")
            }
            failed += 1
        }
        #expect(failed > 10)
    }
}
