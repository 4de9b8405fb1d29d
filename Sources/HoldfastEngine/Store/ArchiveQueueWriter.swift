import HoldfastFormat
import HoldfastSystem

/// Writes one entry of the archive's queue. It never throws: a failure ends the queue, and not the
/// checkpoint.
struct ArchiveQueueWriter {
    private static let stepBytes = 1 << 20

    private let queue: ArchiveQueue
    private let before: HistoryPlace
    private let start: UInt64
    private var pending: [UInt8] = []
    /// Bytes of the payload that are in the file, and their checksum.
    private var written: UInt64 = 0
    private var checksum = ArchiveQueueEntry.payloadSeed
    private var recordBytes: UInt64 = 0
    private var hasFailed = false

    /// Begins the entry that follows the checkpoint in `header`; nil if the heap has no archive, or
    /// one with a gap.
    init?(of dataFile: DataFile, after header: HeapHeader) {
        guard let queue = ArchiveQueue.open(of: dataFile) else { return nil }
        self.queue = queue
        before = header.place
        guard let entries = try? queue.entries(upTo: before) else {
            queue.abandon()
            return nil
        }
        start = entries.last?.end ?? queue.header.firstOffset
    }

    /// Adds bytes of records.
    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        recordBytes += UInt64(bytes.count)
        add(bytes)
    }

    private mutating func add(_ bytes: UnsafeRawBufferPointer) {
        var rest = bytes[...]
        while !rest.isEmpty, !hasFailed {
            let piece = rest.prefix(Self.stepBytes)
            pending.append(contentsOf: piece)
            rest = rest.dropFirst(piece.count)
            if pending.count >= Self.stepBytes { writePending(atEnd: false) }
        }
    }

    /// Pieces are multiples of 16 bytes, except for the last, as the checksum requires.
    private mutating func writePending(atEnd: Bool) {
        let count = atEnd ? pending.count : pending.count / 16 * 16
        let offset = start + UInt64(ArchiveQueueEntry.headerBytes) + written
        let end = offset + UInt64(count)
        guard end - queue.header.firstOffset <= queue.header.limit else { return fail() }
        do throws(SystemError) {
            try queue.file.write(Array(pending[..<count]), at: Int(offset))
        } catch { return fail() }
        checksum = pending.withUnsafeBytes {
            Checksum.of(UnsafeRawBufferPointer(rebasing: $0[..<count]), seed: checksum)
        }
        written += UInt64(count)
        pending.removeFirst(count)
    }

    private mutating func fail() {
        hasFailed = true
        pending = []
    }

    /// Completes the entry and makes it durable. `header` will describe the checkpoint; `epoch` is
    /// the seed of the records.
    mutating func seal(_ header: HeapHeader, epoch: UInt64, zeroed: [Range<Int>]) {
        for pages in zeroed where !pages.isEmpty {
            let words = [UInt64(pages.lowerBound), UInt64(pages.count)]
            words.withUnsafeBytes { add($0) }
        }
        if !hasFailed { writePending(atEnd: true) }
        guard !hasFailed else { return queue.abandon() }
        let entry = ArchiveQueueEntry(
            before: before, after: header.place, heapPages: header.heapPages,
            time: header.checkpointTime, pageSum: header.pageSum, epoch: epoch,
            recordBytes: recordBytes,
            zeroedRanges: (written - recordBytes) / UInt64(ArchiveQueueEntry.rangeBytes),
            payloadChecksum: checksum)
        do throws(SystemError) {
            try queue.file.write(entry.encoded(), at: Int(start))
            // What an interrupted checkpoint has left behind it is no entry.
            let end = Int(start + entry.byteCount)
            if try queue.file.size() > end { try queue.file.truncate(to: end) }
            try queue.file.sync()
        } catch { queue.abandon() }
    }
}
