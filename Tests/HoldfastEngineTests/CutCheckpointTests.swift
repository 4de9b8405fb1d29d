import SimulatedDisk
import Testing

@testable import HoldfastEngine

/// Checkpoints that are cut short by a kill: whoever comes next leaves a file in which every page has its checksum.
@Suite struct CutCheckpointTests {
    private static let path = "/sim/test.heap"

    /// The files as they are before each call that `body` makes.
    private func images(_ disk: SimulatedDisk, _ body: () throws -> Void) rethrows -> [[String: [UInt8]]] {
        var images: [[String: [UInt8]]] = []
        disk.onCall = { _ in images.append(disk.currentFiles()) }
        defer { disk.onCall = nil }
        try body()
        return images
    }

    private func problem(_ files: [String: [UInt8]]) -> String? {
        do throws(HeapError) {
            var options = EngineOptions()
            options.verifiesPages = true
            let engine = try HeapEngine(path: Self.path, mode: .readWrite, options: options, disk: SimulatedDisk(files: files))
            let problems = try engine.audit().problems
            try engine.close()
            return problems.isEmpty ? nil : "\(problems)"
        } catch { return "\(error)" }
    }

    /// The heap shrinks and grows again between two checkpoints, and recovery learns of the commits from a summary: it must know, too, how short the heap
    /// was, since the checkpoint has cleared all that lay behind.
    @Test func summaryTellsOfTheLowestEnd() throws {
        let disk = SimulatedDisk()
        let engine = try HeapEngine(path: Self.path, mode: .readWrite, disk: disk)
        let byteCount = 400 << 10
        let (cell, block) = try engine.change { access in
            let cell = access.allocate(byteCount: 64)
            let block = access.allocate(byteCount: byteCount)
            access.writableAddress(block, byteCount).initializeMemory(as: UInt8.self, repeating: 7, count: byteCount)
            return (cell, block)
        }
        try engine.checkpoint()
        // A snapshot keeps the next checkpoint from going on beyond it, but not the heap from shrinking.
        var fixed = EngineOptions()
        fixed.isSnapshot = true
        let snapshot = try HeapEngine(path: Self.path, mode: .readOnly, options: fixed, disk: disk)
        try engine.change { $0.free(block, byteCount: byteCount) }
        try engine.checkpoint()
        let shortest = engine.pagesInImage
        try snapshot.close()
        // Grown again, with pages that nobody has written to, and with so many commits that a summary is shorter.
        _ = try engine.change { $0.allocate(byteCount: byteCount) }
        #expect(engine.pagesInImage >= shortest + 50)
        for value in 0 ..< 2000 { try engine.change { $0.store(value, at: cell) } }
        let images = try images(disk) { try engine.checkpoint() }
        #expect(images.count > 8)
        for (call, image) in images.enumerated() {
            #expect(problem(image) == nil, "killed before call \(call) of the checkpoint")
        }
    }
}
