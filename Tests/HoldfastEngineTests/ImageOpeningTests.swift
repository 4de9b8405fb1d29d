import Foundation
import HoldfastFormat
import Synchronization
import TestSupport
import Testing

@testable import HoldfastEngine

/// Images that are opened while commits and checkpoints go on.
@Suite(.progress) struct ImageOpeningTests {
    private static let cellCount = 256

    private func total(_ access: HeapAccess, _ cells: UInt64) -> Int {
        (0 ..< Self.cellCount).reduce(0) {
            $0 + access.load(cells + UInt64($1 * HeapLayout.pageBytes), as: Int.self)
        }
    }

    /// A checkpoint that does not know a new image yet must not write anything that its reader
    /// does not apply: every reader sees one commit, whose cells add up to nothing.
    @Test(arguments: [OpenMode.inMemory, .readWrite]) func aNewImageIsOneCommit(mode: OpenMode)
        throws
    {
        var options = TestHeap.options
        options.logLimit = 64 << 10
        options.memoryLimit = 256 << 10
        options.checkpointsInBackground = true
        let heap = TestHeap(options)
        let engine = try heap.open(mode)
        let bytes = Self.cellCount * HeapLayout.pageBytes
        let cells = try engine.change { access in
            let cells = access.allocate(byteCount: bytes, alignment: HeapLayout.pageBytes)
            for cell in 0 ..< Self.cellCount {
                access.store(0, at: cells + UInt64(cell * HeapLayout.pageBytes))
            }
            return cells
        }
        let isDone = Atomic(false)
        let wrong = Mutex<[String]>([])
        let group = DispatchGroup()
        func run(_ body: @escaping @Sendable (inout SplitMix) throws -> Void) {
            let seed = UInt64.random(in: 0 ... .max)
            group.enter()
            Thread.detachNewThread {
                var random = SplitMix(state: seed)
                do {
                    while !isDone.load(ordering: .relaxed) { try body(&random) }
                } catch { wrong.withLock { $0.append("\(error)") } }
                group.leave()
            }
        }
        for _ in 0 ..< 2 {
            run { random in
                try engine.change { access in
                    for _ in 0 ..< 8 {
                        for amount in [1, -1] {
                            let cell = Int.random(in: 0 ..< Self.cellCount, using: &random)
                            let place = cells + UInt64(cell * HeapLayout.pageBytes)
                            access.store(access.load(place, as: Int.self) + amount, at: place)
                        }
                    }
                }
            }
        }
        let rounds = TestExtent.choose(quick: 10_000, full: 40_000)
        let count = Atomic(0)
        for _ in 0 ..< 2 {
            run { _ in
                let sum = try engine.look { total($0, cells) }
                if sum != 0 { wrong.withLock { $0.append("the cells add up to \(sum)") } }
                // The next reader that meets the writer opens an image.
                engine.pool.closeIdleImages()
                if count.add(1, ordering: .relaxed).newValue >= rounds {
                    isDone.store(true, ordering: .relaxed)
                }
            }
        }
        group.wait()
        #expect(wrong.withLock { $0 } == [])
        #expect(try engine.look { total($0, cells) } == 0)
        try engine.close()
    }
}
