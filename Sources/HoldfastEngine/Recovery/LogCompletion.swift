import HoldfastFormat
import HoldfastSystem

/// Recovery's first writes: completes the durable log, so that it can repeat everything that
/// recovery then writes to the data file.
///
/// Every replayed record is written, even if the durable file already shows it. After a failed
/// sync, the system's page cache may show bytes, marked clean, that are not on the disk; no later
/// sync would write them. The bytes are identical, so a power cut in the middle changes nothing on
/// the disk.
///
/// A killed process's last commits are often in the shared file alone. If their changed lines are
/// much shorter than their records, a summary is written instead, as in a checkpoint: no sync has
/// promised anything at its place.
struct LogCompletion {
    /// Consecutive records in one source, as a range of positions.
    private struct Stretch {
        var source: Int
        var start: UInt64
        var end: UInt64
    }

    private var stretches: [Stretch] = []
    /// The log was durable below this position, according to its records.
    private var durablePosition: UInt64 = 0
    private static let pieceBytes = 1 << 20
    /// A summary is built in memory; beyond this many bytes the records are written instead.
    private static let longestSummary = 32 << 20

    /// Adds a record that `scanner` has found.
    mutating func add(_ record: LogRecord, from source: Int) {
        durablePosition = max(durablePosition, record.durablePosition)
        let end = record.position + record.byteCount
        if let last = stretches.last, last.source == source, last.end == record.position {
            stretches[stretches.count - 1].end = end
        } else {
            stretches.append(Stretch(source: source, start: record.position, end: end))
        }
    }

    /// Writes the records to the durable file, syncs, and then durably writes the header with their
    /// end as the required position. `lines` covers all records; afterwards it reads them at their
    /// final places.
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

    /// Replaces the last stretch by a summary, so that its records need not be written. Only if the
    /// durable file has everything before the stretch and nothing of it, and no checkpoint has
    /// begun with it: only the records show which pages such a checkpoint used for checksums.
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
        // Through a buffer, because the source may be a mapping of the destination file.
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
