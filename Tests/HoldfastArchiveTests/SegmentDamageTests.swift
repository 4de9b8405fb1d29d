import HoldfastArchive
import HoldfastFormat
import TestSupport
import Testing

@Suite struct SegmentDamageTests {
    /// Whether reading the bytes ends with an error that calls the segment damaged, or unknown.
    private static func isRefused(_ bytes: [UInt8]) throws(ArchiveError) -> Bool {
        do throws(ArchiveError) {
            var reader = try SegmentReader(MemoryBytes(bytes))
            while try reader.next() != nil {}
            return false
        } catch {
            switch error {
            case .damagedSegment, .newerFormat, .unknownFeatures: return true
            default: throw error
            }
        }
    }

    @Test func everyFlippedBitIsFound() throws {
        let bytes = try SegmentTests.segment(seed: 3, intervals: 3).bytes.bytes
        #expect(try !Self.isRefused(bytes))
        var random = SplitMix(state: 5)
        for _ in 0 ..< TestExtent.choose(quick: 3000, full: 30_000) {
            var damaged = bytes
            let bit = Int.random(in: 0 ..< bytes.count * 8, using: &random)
            damaged[bit / 8] ^= 1 << UInt8(bit % 8)
            let isRefused = try Self.isRefused(damaged)
            #expect(isRefused, "bit \(bit)")
        }
        // Every bit of what is not lines: the header, a frame's header, the end.
        let places = Array(0 ..< 128 + 16) + Array(bytes.count - 128 ..< bytes.count)
        for place in places {
            for bit in 0 ..< 8 {
                var damaged = bytes
                damaged[place] ^= 1 << UInt8(bit)
                let isRefused = try Self.isRefused(damaged)
                #expect(isRefused, "byte \(place), bit \(bit)")
            }
        }
    }

    @Test func everyTruncationIsFound() throws {
        let bytes = try SegmentTests.segment(seed: 4, intervals: 2).bytes.bytes
        let step = TestExtent.choose(quick: 13, full: 1)
        for count in stride(from: 0, to: bytes.count, by: step) {
            let isRefused = try Self.isRefused(Array(bytes[..<count]))
            #expect(isRefused, "\(count) bytes")
        }
        let isRefused = try Self.isRefused(bytes + [0])
        #expect(isRefused, "a byte more")
    }

    /// Frames that are lost, repeated, in another order, or of another segment.
    @Test func movedFramesAreFound() throws {
        // One commit, whose runs tell nothing of their order.
        let sink = MemoryBytes()
        let place = HistoryPlace(position: 80, chain: 5, commitNumber: 3)
        var writer = try SegmentWriter(ModelHistory(seed: 0).header(.changes), to: sink)
        try writer.beginCommit(place, heapPages: 2000)
        for byte in 0 ..< 6 as Range<UInt8> {
            let lines = [UInt8](repeating: byte, count: 15_000 * 64)
            try lines.withUnsafeBytes { try writer.run(firstLine: 130, $0) }
        }
        try writer.endInterval(
            IntervalEnd(place: place, heapPages: 2000, time: 9, pageSum: nil))
        _ = try writer.finish()
        var frames: [[UInt8]] = []
        var offset = SegmentHeader.byteCount
        while offset < sink.bytes.count {
            let frame = try #require(
                sink.bytes[offset...].withUnsafeBytes { SegmentFrame.decode($0) })
            let end = offset + SegmentFrame.headerBytes + frame.byteCount
            frames.append(Array(sink.bytes[offset ..< end]))
            offset = end
        }
        #expect(frames.count > 4)
        let head = Array(sink.bytes[..<SegmentHeader.byteCount])
        func isRefused(_ frames: [[UInt8]]) throws -> Bool {
            try Self.isRefused(head + frames.flatMap { $0 })
        }
        #expect(try !isRefused(frames))
        for index in frames.indices.dropLast() {
            var lost = frames
            lost.remove(at: index)
            var repeated = frames
            repeated.insert(frames[index], at: index)
            var swapped = frames
            swapped.swapAt(index, index + 1)
            let found = [try isRefused(lost), try isRefused(repeated), try isRefused(swapped)]
            #expect(found == [true, true, true], "frame \(index)")
        }
        let other = try SegmentTests.segment(seed: 4, intervals: 2).bytes.bytes
        var header = ModelHistory(seed: 0).header(.changes)
        header.heapCreationTime += 1
        let isMixedRefused = try Self.isRefused(
            header.encoded() + Array(other[SegmentHeader.byteCount...]))
        #expect(isMixedRefused)
    }

    /// An end with a right checksum that tells of other contents.
    @Test func otherEndsAreFound() throws {
        let (sink, _, end) = try SegmentTests.segment(seed: 4, intervals: 2)
        let body = Array(sink.bytes.dropLast(SegmentEnd.frameBytes))
        func isRefused(_ change: (inout SegmentEnd) -> Void) throws -> Bool {
            var other = end
            change(&other)
            return try Self.isRefused(body + other.encoded())
        }
        let refusals = [
            try isRefused { $0.counts.intervals += 1 },
            try isRefused { $0.counts.commits -= 1 },
            try isRefused { $0.counts.runs += 1 },
            try isRefused { $0.counts.lines += 1 },
            try isRefused { $0.counts.zeroedPages += 1 },
            try isRefused { $0.state.time += 1 },
            try isRefused { $0.state.heapPages += 1 },
            try isRefused { $0.state.pageSum = nil },
            try isRefused { $0.state.place.chain ^= 1 },
            try isRefused { $0.headerChecksum ^= 1 },
            try isRefused { $0.previousChecksum ^= 1 },
        ]
        #expect(refusals == Array(repeating: true, count: refusals.count))
        #expect(try !isRefused { _ in })
    }

    /// Bytes that have right checksums, and say what no segment says: an attacker's.
    @Test(arguments: 0 ..< 4 as Range<UInt64>)
    func hostileItemsAreRefused(seed: UInt64) throws {
        var random = SplitMix(state: seed)
        let head = ModelHistory(seed: 0).header(seed % 2 == 0 ? .base : .changes).encoded()
        let checksum = head.withUnsafeBytes { SegmentHeader.checksum($0) }
        for _ in 0 ..< TestExtent.choose(quick: 1000, full: 20_000) {
            // Words that look like items, with numbers at the limits.
            var words: [UInt64] = []
            for _ in 0 ..< Int.random(in: 1 ... 40, using: &random) {
                let some: [UInt64] = [
                    0, 1, 5, 6, 1 << 16, 2 << 16, 3 << 16, 128 << 16 | 1, .max, 1 << 32, 1 << 60,
                    (1 << 38 - 1) << 16 | 1, 0xffff, random.next(), random.next() % 4096, 8, 16,
                ]
                words.append(some.randomElement(using: &random)!)
            }
            var frame = [UInt8](repeating: 0, count: SegmentFrame.headerBytes)
            frame += words.withUnsafeBytes { Array($0) }
            let seal = frame.withUnsafeMutableBytes {
                SegmentFrame.seal($0, isEnd: false, seed: checksum)
            }
            let state = IntervalEnd(
                place: .nothing, heapPages: 5, time: 0, pageSum: nil)
            let end = SegmentEnd(
                previousChecksum: seal, headerChecksum: checksum, state: state,
                counts: SegmentCounts())
            let isRefused = try Self.isRefused(head + frame + end.encoded())
            #expect(isRefused, "\(words)")
        }
    }

    /// A frame that claims more than a mebibyte is refused before memory is taken for it.
    @Test func longFramesAreRefused() throws {
        var bytes = try SegmentTests.segment(seed: 4, intervals: 2).bytes.bytes
        for count in [SegmentFrame.maximumBytes + 8, Int(UInt32.max) & ~7, 0, 7] {
            let field = Array(withUnsafeBytes(of: UInt32(count)) { Array($0) })
            let place = SegmentHeader.byteCount + 4
            bytes.replaceSubrange(place ..< place + 4, with: field)
            let isRefused = try Self.isRefused(bytes)
            #expect(isRefused)
        }
    }
}
