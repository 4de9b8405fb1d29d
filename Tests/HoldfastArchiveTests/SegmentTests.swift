import HoldfastArchive
import HoldfastEngine
import HoldfastFormat
import TestSupport
import Testing

@Suite struct SegmentTests {
    /// Items as they were given, with adjacent runs put together: a writer may cut runs.
    struct Recorder: HistoryVisitor {
        var items: [SegmentItem] = []
        var bytes: [UInt8] = []

        mutating func zero(pages: Range<Int>) { items.append(.zeroed(pages)) }

        mutating func beginCommit(_ place: HistoryPlace, heapPages: UInt64) {
            items.append(.commit(place, heapPages: heapPages))
        }

        mutating func run(firstLine: UInt64, _ lines: UnsafeRawBufferPointer) {
            for line in 0 ..< lines.count / 64 {
                items.append(.run(SegmentRun(firstLine: firstLine + UInt64(line), lines: 1)))
            }
            bytes.append(contentsOf: lines)
        }

        mutating func endInterval(_ end: IntervalEnd) { items.append(.intervalEnd(end)) }
    }

    /// A segment of some intervals, its bytes, and what was written.
    static func segment(
        seed: UInt64, intervals: Int
    ) throws -> (bytes: MemoryBytes, record: Recorder, end: SegmentEnd) {
        var history = ModelHistory(seed: seed)
        let sink = MemoryBytes()
        var writer = try SegmentWriter(history.header(.changes), to: sink)
        var record = Recorder()
        for _ in 0 ..< intervals {
            let interval = history.advance()
            try ModelHistory.write(interval, to: &writer)
            try ModelHistory.write(interval, to: &record)
        }
        return (sink, record, try writer.finish())
    }

    @Test(arguments: 0 ..< 20 as Range<UInt64>)
    func itemsComeBackAsTheyWere(seed: UInt64) throws {
        let (bytes, written, end) = try Self.segment(seed: seed, intervals: Int(seed % 4) + 1)
        var reader = try SegmentReader(bytes)
        var read = Recorder()
        let readEnd = try reader.read(into: &read)
        #expect(read.items == written.items)
        #expect(read.bytes.isSame(as: written.bytes))
        #expect(readEnd == end)
        #expect(reader.byteCount == bytes.bytes.count)
    }

    /// A run of more lines than a frame or an item holds.
    @Test func longRunsAreCut() throws {
        let lines = 100_000
        var random = SplitMix(state: 1)
        var content = [UInt8](repeating: 0, count: lines * 64)
        for index in stride(from: 0, to: content.count, by: 61) {
            content[index] = UInt8(truncatingIfNeeded: random.next())
        }
        let place = HistoryPlace(position: 80, chain: 5, commitNumber: 3)
        let sink = MemoryBytes()
        var writer = try SegmentWriter(ModelHistory(seed: 0).header(.base), to: sink)
        try writer.beginCommit(place, heapPages: 2000)
        try content.withUnsafeBytes { try writer.run(firstLine: 130, $0) }
        try writer.endInterval(
            IntervalEnd(place: place, heapPages: 2000, time: 9, pageSum: nil))
        let end = try writer.finish()
        #expect(end.counts.lines == UInt64(lines))
        var reader = try SegmentReader(sink)
        var record = Recorder()
        try reader.read(into: &record)
        #expect(record.bytes.isSame(as: content))
        #expect(record.items.count == lines + 2)
    }

    @Test func headersAndEndsComeBack() throws {
        let place = HistoryPlace(position: 8, chain: .max, commitNumber: 7)
        var header = ModelHistory(seed: 0).header(.changes, level: 3)
        header.before = place
        #expect(header.encoded().withUnsafeBytes { SegmentHeader.decode($0) } == .header(header))
        var counts = SegmentCounts()
        counts.lines = 5
        counts.zeroedPages = .max
        let state = IntervalEnd(place: place, heapPages: 99, time: 3, pageSum: .max)
        let end = SegmentEnd(previousChecksum: 1, headerChecksum: 2, state: state, counts: counts)
        #expect(end.encoded().withUnsafeBytes { SegmentEnd.decode(frame: $0) } == end)
    }

    /// A later version can add things: this one says so, whatever it needs to know.
    @Test func laterVersionsAreReported() throws {
        var header = ModelHistory(seed: 0).header(.base)
        header.features.compatible = 1
        let compatible = header.encoded().withUnsafeBytes { SegmentHeader.decode($0) }
        #expect(compatible == .header(header))
        header.features.incompatible = 4
        let incompatible = header.encoded().withUnsafeBytes { SegmentHeader.decode($0) }
        #expect(incompatible == .unknownFeatures(4))
    }

    /// What no heap has is refused before it is written.
    @Test func badItemsAreRefused() throws {
        let place = HistoryPlace(position: 80, chain: 5, commitNumber: 3)
        let line = [UInt8](repeating: 1, count: 64)
        func refusal(
            _ kind: SegmentHeader.Kind = .changes,
            _ body: (inout SegmentWriter) throws -> Void
        ) throws -> Bool {
            var writer = try SegmentWriter(ModelHistory(seed: 0).header(kind), to: MemoryBytes())
            do { try body(&writer) } catch let error as ArchiveError {
                if case .unusable = error { return true }
                throw error
            }
            return false
        }
        func run(_ writer: inout SegmentWriter, at first: UInt64) throws {
            try line.withUnsafeBytes { try writer.run(firstLine: first, $0) }
        }
        let refusals = [
            try refusal { try run(&$0, at: 128) },
            try refusal {
                try $0.beginCommit(place, heapPages: 5)
                try run(&$0, at: 127)
            },
            try refusal {
                try $0.beginCommit(place, heapPages: 5)
                try run(&$0, at: 320)
            },
            try refusal {
                try $0.beginCommit(place, heapPages: 5)
                try run(&$0, at: .max)
            },
            try refusal { try $0.beginCommit(place, heapPages: 4) },
            try refusal { try $0.beginCommit(place, heapPages: 1 << 32 + 1) },
            try refusal { try $0.beginCommit(.nothing, heapPages: 5) },
            try refusal {
                try $0.beginCommit(place, heapPages: 5)
                try $0.beginCommit(place, heapPages: 5)
            },
            try refusal {
                try $0.beginCommit(place, heapPages: 5)
                try $0.zero(pages: 2 ..< 3)
            },
            try refusal { try $0.zero(pages: 1 ..< 3) },
            try refusal { try $0.zero(pages: 3 ..< 3) },
            try refusal { try $0.zero(pages: 3 ..< 1 << 33) },
            try refusal(.base) { try $0.zero(pages: 3 ..< 4) },
            try refusal(.base) {
                try $0.beginCommit(place, heapPages: 5)
                try run(&$0, at: 200)
                try run(&$0, at: 199)
            },
            try refusal {
                try $0.beginCommit(place, heapPages: 5)
                try $0.endInterval(
                    IntervalEnd(place: place, heapPages: 6, time: 0, pageSum: nil))
            },
            try refusal {
                try $0.beginCommit(place, heapPages: 5)
                try $0.endInterval(
                    IntervalEnd(place: .nothing, heapPages: 5, time: 0, pageSum: nil))
            },
            try refusal {
                try $0.beginCommit(place, heapPages: 5)
                _ = try $0.finish()
            },
            try refusal { _ = try $0.finish() },
        ]
        #expect(refusals == Array(repeating: true, count: refusals.count))
    }
}
