/// An item of a segment's body. Each begins with a word that tells what it is, and has a multiple
/// of 8 bytes.
///
///     run            first line << 16 | lines, then the lines, 64 bytes each
///     zeroed         1 << 16, first page, pages
///     commit         2 << 16, position, chain, number of the commit, heap's pages after it
///     interval end   3 << 16, position, chain, number of the commit, heap's pages, time, sum of
///                    the page checksums, 1 if the sum is known
package enum SegmentItem: Equatable, Sendable {
    /// Pages that are zeroed before the interval's commits.
    case zeroed(Range<Int>)
    /// The place after a commit, and the heap's pages. Its runs follow.
    case commit(HistoryPlace, heapPages: UInt64)
    /// Lines of the commit.
    case run(SegmentRun)
    case intervalEnd(IntervalEnd)

    private static let zeroedWord: UInt64 = 1 << 16
    private static let commitWord: UInt64 = 2 << 16
    private static let endWord: UInt64 = 3 << 16

    /// Bytes of the item; of a run without the lines.
    package var byteCount: Int {
        switch self {
        case .zeroed: 24
        case .commit: 8 + HistoryPlace.byteCount + 8
        case .run: 8
        case .intervalEnd: 8 + IntervalEnd.byteCount
        }
    }

    /// Bytes of the longest item that is not a run.
    package static let longestBytes = 8 + IntervalEnd.byteCount

    /// Stores the item, except for the lines of a run. There are `byteCount` bytes at `place`.
    package func store(to place: UnsafeMutableRawPointer) {
        let word = Field<UInt64>(at: 0)
        let fields = unsafe FieldWriter(place)
        switch self {
        case .zeroed(let pages):
            unsafe word.store(Self.zeroedWord, to: place)
            unsafe Field(at: 8).store(UInt64(pages.lowerBound), to: place)
            unsafe Field(at: 16).store(UInt64(pages.count), to: place)
        case .commit(var after, let heapPages):
            unsafe word.store(Self.commitWord, to: place)
            after.transfer(fields, at: 8)
            unsafe Field(at: 8 + HistoryPlace.byteCount).store(heapPages, to: place)
        case .run(let run):
            unsafe word.store(run.word, to: place)
        case .intervalEnd(var end):
            unsafe word.store(Self.endWord, to: place)
            end.transfer(fields, at: 8)
        }
    }

    /// The item at the beginning of `raw`; nil if it is none, or does not fit, with the lines of a
    /// run.
    package static func load(_ raw: UnsafeRawBufferPointer) -> SegmentItem? {
        guard raw.count >= 8, let base = raw.baseAddress else { return nil }
        let word = unsafe Field<UInt64>(at: 0).load(base)
        if let run = SegmentRun(word: word) {
            return run.byteCount <= raw.count - 8 ? .run(run) : nil
        }
        var item: SegmentItem
        switch word {
        case zeroedWord: item = .zeroed(0 ..< 0)
        case commitWord: item = .commit(.nothing, heapPages: 0)
        case endWord: item = .intervalEnd(.blank)
        default: return nil
        }
        guard item.byteCount <= raw.count else { return nil }
        let fields = unsafe FieldReader(base)
        switch item {
        case .zeroed:
            let first = unsafe Field<UInt64>(at: 8).load(base)
            let count = unsafe Field<UInt64>(at: 16).load(base)
            let limit = HeapLayout.maximumBytes >> HeapLayout.pageShift
            guard first <= limit, count <= limit - first else { return nil }
            item = .zeroed(Int(first) ..< Int(first + count))
        case .commit(var after, _):
            after.transfer(fields, at: 8)
            let heapPages = unsafe Field<UInt64>(at: 8 + HistoryPlace.byteCount).load(base)
            item = .commit(after, heapPages: heapPages)
        case .intervalEnd(var end):
            end.transfer(fields, at: 8)
            item = .intervalEnd(end)
        case .run: break
        }
        return item
    }
}

/// Adjacent lines of a heap: the first, and how many.
package struct SegmentRun: Equatable, Sendable {
    package static let longest = 65535

    package var firstLine: UInt64
    /// 1...65535.
    package var lines: Int

    package init(firstLine: UInt64, lines: Int) {
        self.firstLine = firstLine
        self.lines = lines
    }

    init?(word: UInt64) {
        guard word & 0xffff != 0 else { return nil }
        self.init(firstLine: word >> 16, lines: Int(word & 0xffff))
    }

    var word: UInt64 { firstLine << 16 | UInt64(lines) }

    package var byteCount: Int { lines * HeapLayout.lineBytes }
    /// Of a run in a heap.
    package var endLine: UInt64 { firstLine + UInt64(lines) }
}
