import HoldfastFormat
import HoldfastSystem

/// The entries of an archive's queue that the archive does not have yet. They do not change until
/// the archive takes them.
///
/// One thread at a time, any thread.
package final class QueuedHistory {
    private let queue: ArchiveQueue
    private let entries: ArraySlice<ArchiveQueue.Located>
    /// The place that it continues from.
    package let before: HistoryPlace
    /// The place that it leads to.
    package let after: HistoryPlace
    /// The sum of the checksums of pages at the end.
    private let finalSum: UInt64?
    private let buffer = PageBuffer(pages: 256)

    init(
        _ queue: ArchiveQueue, _ entries: ArraySlice<ArchiveQueue.Located>, before: HistoryPlace,
        checkpoint: HeapHeader
    ) {
        self.queue = queue
        // A state is archived with the commits that led to it: holes that were punched since belong
        // to the next one.
        let last = entries.lastIndex { !$0.entry.isOfHoles }
        self.entries = last.map { entries[...$0] } ?? entries[..<entries.startIndex]
        hasHolesBehind = self.entries.count < entries.count
        self.before = before
        after = self.entries.last?.entry.after ?? before
        finalSum = hasHolesBehind ? nil : checkpoint.pageSum
    }

    /// Whether holes were punched after the last commit, which are not among the entries.
    let hasHolesBehind: Bool

    package var isEmpty: Bool { entries.isEmpty }

    /// The end of the last entry in the queue's file.
    var endOffset: UInt64 { entries.last?.end ?? queue.header.firstOffset }

    /// Whether `queue`, as opened later, is still the one that this was read from.
    func isPart(of queue: ArchiveQueue) -> Bool { queue.header == self.queue.header }

    /// Whether all entries are as they were written. O(bytes).
    package func isSound() throws(HeapError) -> Bool {
        try translating { () throws(SystemError) in
            for located in entries where try checksum(of: located) != located.entry.payloadChecksum
            {
                return false
            }
            return true
        }
    }

    private func checksum(of located: ArchiveQueue.Located) throws(SystemError) -> UInt64 {
        var checksum = ArchiveQueueEntry.payloadSeed
        var offset = located.offset + UInt64(ArchiveQueueEntry.headerBytes)
        while offset < located.end {
            let piece = UnsafeMutableRawBufferPointer(
                rebasing: buffer.bytes[..<min(buffer.bytes.count, Int(located.end - offset))])
            try queue.file.readOrZeros(into: piece, at: Int(offset))
            checksum = Checksum.of(UnsafeRawBufferPointer(piece), seed: checksum)
            offset += UInt64(piece.count)
        }
        return checksum
    }

    /// Passes all entries to the visitor. Throws what it throws, and `damaged` for an entry that is
    /// not sound. Memory: the largest record.
    package func forEach(_ visitor: inout some HistoryVisitor) throws {
        for located in entries {
            let entry = located.entry
            let records = located.offset + UInt64(ArchiveQueueEntry.headerBytes)
            try passRanges(
                at: records + entry.recordBytes, count: entry.zeroedRanges, to: &visitor)
            var end = entry.before
            var offset = records
            while offset < records + entry.recordBytes {
                let rest = records + entry.recordBytes - offset
                let (record, bytes) = try self.record(
                    at: offset, mostBytes: rest, after: end, epoch: entry.epoch)
                end = HistoryPlace(
                    position: record.position + record.span, chain: record.chain(bytes),
                    commitNumber: record.commitNumber)
                // A summary's commits may have cut the heap in between.
                try visitor.beginCommit(end, heapPages: record.heapPages)
                try pass(record, bytes, to: &visitor)
                offset += record.byteCount
            }
            if entry.isOfHoles { continue }
            guard end == entry.after else { throw damage("an entry does not end where it says") }
            let isLast = located.offset == entries.last?.offset
            try visitor.endInterval(
                IntervalEnd(
                    place: end, heapPages: entry.heapPages, time: entry.time,
                    pageSum: entry.pageSum ?? (isLast ? finalSum : nil)))
        }
    }

    private func passRanges(
        at offset: UInt64, count: UInt64, to visitor: inout some HistoryVisitor
    ) throws {
        let words = UnsafeMutableRawBufferPointer(
            rebasing: buffer.bytes[..<ArchiveQueueEntry.rangeBytes])
        let mostPages = HeapLayout.maximumBytes >> HeapLayout.pageShift
        for index in 0 ..< count {
            try read(words, at: offset + index * UInt64(words.count))
            let first = words.load(as: UInt64.self)
            let pages = words.load(fromByteOffset: 8, as: UInt64.self)
            guard first <= mostPages, pages <= mostPages else {
                throw damage("a range of pages lies outside every heap")
            }
            try visitor.zero(pages: Int(first) ..< Int(first + pages))
        }
    }

    private func record(
        at offset: UInt64, mostBytes: UInt64, after place: HistoryPlace, epoch: UInt64
    ) throws(HeapError) -> (LogRecord, UnsafeRawBufferPointer) {
        let header = UnsafeMutableRawBufferPointer(
            rebasing: buffer.bytes[..<LogRecord.headerBytes])
        try read(header, at: offset)
        guard let claimed = LogRecord.decodeHeader(UnsafeRawBufferPointer(header)),
            claimed.byteCount <= mostBytes, claimed.position == place.position,
            claimed.previousChecksum == place.chain
        else { throw damage("a record does not follow the one before") }
        let bytes = try recordBuffer(Int(claimed.byteCount))
        try read(bytes, at: offset)
        let raw = UnsafeRawBufferPointer(bytes)
        guard LogRecord.decodeHeader(raw) == claimed, claimed.verifies(raw, epoch: epoch) else {
            throw damage("a record does not match its checksum")
        }
        return (claimed, raw)
    }

    private func pass(
        _ record: LogRecord, _ bytes: UnsafeRawBufferPointer, to visitor: inout some HistoryVisitor
    ) throws {
        var failure: (any Error)?
        let isSound = LogRecord.forEachRun(in: bytes, record: record) { firstLine, lines in
            guard failure == nil else { return }
            do { try visitor.run(firstLine: firstLine, lines) } catch { failure = error }
        }
        if let failure { throw failure }
        guard isSound else { throw damage("a record's lines do not fit it") }
    }

    // MARK: Bytes

    /// For the record at hand.
    private var records: PageBuffer?

    private func recordBuffer(_ count: Int) throws(HeapError) -> UnsafeMutableRawBufferPointer {
        let pages = (count + HeapLayout.pageBytes - 1) / HeapLayout.pageBytes
        if records.map({ $0.bytes.count < count }) ?? true {
            records = PageBuffer(pages: max(pages, 256))
        }
        return UnsafeMutableRawBufferPointer(rebasing: records!.bytes[..<count])
    }

    private func read(_ bytes: UnsafeMutableRawBufferPointer, at offset: UInt64) throws(HeapError) {
        try translating { () throws(SystemError) in
            try queue.file.readOrZeros(into: bytes, at: Int(offset))
        }
    }

    private func translating<R>(_ body: () throws(SystemError) -> R) throws(HeapError) -> R {
        do throws(SystemError) { return try body() } catch { throw HeapError(error) }
    }

    private func damage(_ what: String) -> HeapError {
        HeapError.damaged(path: queue.file.path, what: what)
    }
}
