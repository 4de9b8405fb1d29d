import HoldfastArchive
import HoldfastEngine
import HoldfastFormat
import TestSupport

/// A made-up history of a small heap: checkpoint intervals, and the bytes of the data file after
/// each commit.
struct ModelHistory {
    struct Run {
        var firstLine: UInt64
        var bytes: [UInt8]
    }

    struct Commit {
        var place: HistoryPlace
        var heapPages: UInt64
        var runs: [Run]
    }

    struct Interval {
        var before: HistoryPlace
        var zeroed: [Range<Int>]
        var commits: [Commit]
        var end: IntervalEnd
    }

    static let identity = HeapIdentity(high: 0x1234, low: 0x5678)
    static let hashSeed = HeapIdentity(high: 0x9abc, low: 0xdef0)

    let maximumPages: Int
    /// Whether every interval is one commit that changes the heap's end.
    var isRestless = false
    private(set) var random: SplitMix
    /// Of the newest place.
    private(set) var file: [UInt8]
    private(set) var place: HistoryPlace
    private(set) var time: UInt64 = 1_000_000
    /// The file after each commit, and its pages.
    private(set) var states: [UInt64: [UInt8]] = [:]
    private(set) var ends: [UInt64: IntervalEnd] = [:]

    init(seed: UInt64, maximumPages: Int = 24) {
        random = SplitMix(state: seed)
        self.maximumPages = maximumPages
        place = HistoryPlace(position: 0, chain: 0, commitNumber: 0)
        file = [UInt8](repeating: 0, count: 6 * HeapLayout.pageBytes)
        for index in 2 * HeapLayout.pageBytes ..< file.count where index % 3 == 0 {
            file[index] = UInt8(truncatingIfNeeded: index / 7)
        }
        states[0] = file
        ends[0] = end
    }

    var heapPages: UInt64 { UInt64(file.count / HeapLayout.pageBytes) }

    var end: IntervalEnd {
        IntervalEnd(
            place: place, heapPages: heapPages, time: time, pageSum: MemoryTarget.sum(file))
    }

    mutating func pick(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }

    func header(_ kind: SegmentHeader.Kind, level: UInt32 = 0) -> SegmentHeader {
        SegmentHeader(
            identity: Self.identity, hashSeed: Self.hashSeed, heapCreationTime: 77, kind: kind,
            level: level, before: kind == .base ? .nothing : place)
    }

    /// Writes the file of the newest place as a base.
    func writeBase(to visitor: inout some HistoryVisitor) throws {
        try visitor.beginCommit(place, heapPages: heapPages)
        try file.withUnsafeBytes { raw in
            let first = Int(HeapLayout.headerPages) * HeapLayout.pageBytes
            try visitor.run(
                firstLine: UInt64(first / HeapLayout.lineBytes),
                UnsafeRawBufferPointer(rebasing: raw[first...]))
        }
        try visitor.endInterval(end)
    }

    static func write(_ interval: Interval, to visitor: inout some HistoryVisitor) throws {
        for pages in interval.zeroed { try visitor.zero(pages: pages) }
        for commit in interval.commits {
            try visitor.beginCommit(commit.place, heapPages: commit.heapPages)
            for run in commit.runs {
                try run.bytes.withUnsafeBytes { try visitor.run(firstLine: run.firstLine, $0) }
            }
        }
        try visitor.endInterval(interval.end)
    }

    // MARK: Making intervals

    /// Lets the heap go on by an interval.
    mutating func advance() -> Interval {
        let before = place
        let old = file
        var commits: [Commit] = []
        var smallest = Int(heapPages)
        var place = place
        for _ in 0 ..< (isRestless ? 1 : pick(1 ... 4)) {
            place.position += UInt64(pick(10 ... 90)) * 8
            place.chain = random.next()
            place.commitNumber += 1
            let isResized = isRestless || pick(0 ... 2) == 0
            let pages = isResized ? pick(5 ... maximumPages) : max(smallest, 5)
            smallest = min(smallest, pages)
            var runs: [Run] = []
            for _ in 0 ..< pick(0 ... 6) {
                let first = pick(128 ... pages * 64 - 1)
                let count = min(pick(1 ... 70), pages * 64 - first)
                let byte = UInt8(truncatingIfNeeded: random.next())
                var bytes = [UInt8](repeating: byte, count: count * 64)
                bytes[0] = byte &+ 1
                runs.append(Run(firstLine: UInt64(first), bytes: bytes))
            }
            commits.append(Commit(place: place, heapPages: UInt64(pages), runs: runs))
            states[place.commitNumber] = Self.part(commits, over: old)
        }
        var zeroed: [Range<Int>] = []
        if smallest < Int(heapPages) { zeroed.append(smallest ..< Int(heapPages)) }
        // As of a page of checksums that has moved.
        if pick(0 ... 3) == 0 {
            let first = pick(2 ... maximumPages)
            zeroed.append(first ..< first + pick(1 ... 4))
        }
        file = Self.whole(zeroed, commits, over: old)
        self.place = place
        time += UInt64(pick(1 ... 500))
        states[place.commitNumber] = file
        ends[place.commitNumber] = end
        return Interval(before: before, zeroed: zeroed, commits: commits, end: end)
    }

    private static func whole(
        _ zeroed: [Range<Int>], _ commits: [Commit], over old: [UInt8]
    ) -> [UInt8] {
        let pageBytes = HeapLayout.pageBytes
        var file = old
        for pages in zeroed {
            for index in pages.lowerBound * pageBytes ..< pages.upperBound * pageBytes
            where index < file.count { file[index] = 0 }
        }
        for run in commits.flatMap(\.runs) {
            let first = Int(run.firstLine) * 64
            if first + run.bytes.count > file.count {
                let more = first + run.bytes.count - file.count
                file.append(contentsOf: [UInt8](repeating: 0, count: more))
            }
            file.replaceSubrange(first ..< first + run.bytes.count, with: run.bytes)
        }
        let count = Int(commits.last!.heapPages) * pageBytes
        if file.count > count { file.removeLast(file.count - count) }
        file.append(contentsOf: [UInt8](repeating: 0, count: count - file.count))
        return file
    }

    /// The file as a checkpoint after the last of these commits would leave it.
    private static func part(_ commits: [Commit], over old: [UInt8]) -> [UInt8] {
        let smallest = Int(commits.map(\.heapPages).min()!)
        let end = max(old.count / HeapLayout.pageBytes, smallest)
        return whole(smallest < end ? [smallest ..< end] : [], commits, over: old)
    }
}

/// A segment in memory.
final class MemoryBytes: SegmentSink, SegmentSource {
    var bytes: [UInt8]
    private var offset = 0
    let path = "segment in memory"

    init(_ bytes: [UInt8] = []) { self.bytes = bytes }

    func write(_ more: UnsafeRawBufferPointer) { bytes.append(contentsOf: more) }

    func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        let count = min(buffer.count, bytes.count - offset)
        bytes.withUnsafeBytes { raw in
            buffer.copyMemory(
                from: UnsafeRawBufferPointer(rebasing: raw[offset ..< offset + count]))
        }
        offset += count
        return count
    }
}
