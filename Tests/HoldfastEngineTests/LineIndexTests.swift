import HoldfastFormat
import TestSupport
import Testing

@testable import HoldfastEngine

/// An index of a log's lines gives the same results however early it drops runs covered by later
/// ones.
@Suite(.progress) struct LineIndexTests {
    @Test(arguments: 0 ..< 8 as Range<UInt64>) func coveredRunsAreNotMissed(seed: UInt64) throws {
        var options = TestHeap.options
        options.initialLogBytes = 4 << 20
        let heap = TestHeap(options)
        let engine = try heap.open()
        var random = SplitMix(state: seed)
        var positions: [UInt64] = []
        let blocks = try engine.change { access in
            (0 ..< 40).map { _ in access.allocate(byteCount: 4000) }
        }
        for round in 0 ..< 400 {
            positions.append(engine.applied)
            try engine.change { access in
                for _ in 0 ..< Int.random(in: 1 ... 4, using: &random) {
                    let block = blocks[Int.random(in: 0 ..< blocks.count, using: &random)]
                    let first = Int.random(in: 0 ..< 60, using: &random)
                    for line in first ... Int.random(in: first ..< 62, using: &random) {
                        access.store(round, at: block + UInt64(line * 64))
                    }
                }
                // The heap grows, so that new checksum pages get their places.
                if round % 20 == 0 { _ = access.allocate(byteCount: 200_000) }
            }
        }
        let log = try #require(engine.writerLog)
        let header = try engine.heap.dataFile.readHeader(try #require(engine.heap.dataFile.file))
        func index(manyRuns: Int) throws -> LineIndex {
            try #require(
                LineIndex(
                    of: try log.shared.ring(), from: header, to: engine.applied, epoch: log.epoch,
                    manyRuns: manyRuns))
        }
        let all = try index(manyRuns: .max)
        for manyRuns in [1, 50, 700] {
            let some = try index(manyRuns: manyRuns)
            try #require(some.pageCount == all.pageCount)
            #expect(some.formerChecksumPages() == all.formerChecksumPages())
            #expect(some.runCount < all.runCount)
            for place in 0 ..< all.pageCount {
                #expect(some[place].number == all[place].number)
                for position in [0, positions[100], positions[399]] {
                    #expect(
                        some.mask(of: some[place], from: position)
                            == all.mask(of: all[place], from: position))
                }
                #expect(bytes(some, some[place]) == bytes(all, all[place]))
            }
        }
        #expect(all.formerChecksumPages().count > 1)
        try engine.close()
    }

    private func bytes(_ index: LineIndex, _ page: LineIndex.Page) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: HeapLayout.pageBytes)
        bytes.withUnsafeMutableBytes { index.lay(page, over: $0.baseAddress!) }
        return bytes
    }
}
