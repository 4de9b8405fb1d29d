import HoldfastFormat
import HoldfastSystem

/// Recovery's first writes: the durable log is made whole, so that it can repeat everything that is
/// written to the data file from then on.
///
/// Every replayed record is written, also those that the durable file shows already. Where a sync
/// has failed, the system's page cache may show bytes and count them as written that the disk does
/// not have; no later sync would write them. The bytes are the same, so a power cut in the middle
/// changes nothing that the disk had.
///
/// The last commits of a killed process are often in the shared file alone. Where the lines that
/// they have changed are much shorter than their records, a summary is written instead, as a
/// checkpoint does: nothing stands at its place that a sync has promised.
struct LogCompletion {
    /// Records that follow each other in one source, as a stretch of positions.
    private struct Stretch {
        var source: Int
        var start: UInt64
        var end: UInt64
    }

    private var stretches: [Stretch] = []
    /// Below this the log was durable, by the records' own word.
    private var durablePosition: UInt64 = 0
    private static let pieceBytes = 1 << 20
    /// A summary is made in memory; beyond this many bytes the records are written instead.
    private static let longestSummary = 32 << 20

    /// Notes a record that `scanner` has found.
    mutating func add(_ record: LogRecord, from source: Int) {
        durablePosition = max(durablePosition, record.durablePosition)
        let end = record.position + record.byteCount
        if let last = stretches.last, last.source == source, last.end == record.position {
            stretches[stretches.count - 1].end = end
        } else {
            stretches.append(Stretch(source: source, start: record.position, end: end))
        }
    }

    /// Writes the records into the durable file and then, each durable before the next, the header
    /// that says that recovery must reach their end. `lines` are of all records; from here on they
    /// are to be read where they stay.
    mutating func write(_ scanner: LogScanner, _ lines: inout LineIndex) throws(SystemError) {
        let log = scanner.sources[0]
        lines.ring = log.ring
        let summary = takeSummary(scanner, &lines)
        try writeRecords(scanner)
        if let (bytes, position) = summary {
            try log.file.writeRing(bytes, at: position, capacity: log.ring.capacity)
        }
        try scanner.requireNoFault()
        try log.file.sync()
        var header = scanner.logHeader
        header.sequence += 1
        header.requiredPosition = scanner.position
        try log.file.write(header.encoded(), at: LogLayout.headerOffsets[Int(header.sequence % 2)])
        try log.file.sync()
    }

    /// A summary of the last stretch, which needs no more to be written then. Only where the
    /// durable file has all that is before it and nothing of it, and no checkpoint has begun with
    /// it: what such a checkpoint has used for checksums is known from the records alone.
    private mutating func takeSummary(_ scanner: LogScanner, _ lines: inout LineIndex)
        -> (bytes: [UInt8], position: UInt64)?
    {
        guard let last = stretches.last, last.source != 0, stretches.count <= 2,
            last.end == scanner.position, last.start >= scanner.requiredPosition
        else { return nil }
        lines.laterRing = (scanner.sources[last.source].ring, last.start)
        guard
            let summary = LogSummary(
                of: lines, from: last.start, to: last.end,
                longest: min(Int(last.end - last.start) / 2, Self.longestSummary),
                durablePosition: min(durablePosition, last.start), epoch: scanner.epoch)
        else {
            lines.laterRing = nil
            return nil
        }
        stretches.removeLast()
        return (summary.bytes, last.start)
    }

    private func writeRecords(_ scanner: LogScanner) throws(SystemError) {
        let log = scanner.sources[0]
        let capacity = log.ring.capacity
        // By way of a buffer: what is written may be a mapping of the very file that it is written
        // to.
        let buffer = UnsafeMutableRawBufferPointer.allocate(
            byteCount: Self.pieceBytes, alignment: 16)
        defer { buffer.deallocate() }
        for stretch in stretches {
            var position = stretch.start
            while position < stretch.end {
                let place = Int(position % UInt64(capacity))
                let count = min(Int(stretch.end - position), capacity - place, buffer.count)
                let source = scanner.sources[stretch.source].ring.address(position)
                buffer.baseAddress!.copyMemory(from: source, byteCount: count)
                try log.file.write(
                    UnsafeRawBufferPointer(rebasing: buffer[..<count]),
                    at: LogLayout.ringOffset + place)
                position += UInt64(count)
            }
        }
    }
}
