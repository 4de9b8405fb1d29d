import HoldfastFormat
import HoldfastSystem

/// Recovery's first writes: the durable log is made whole, so that it can repeat everything that is
/// written to the data file from then on.
///
/// Every replayed record is written, also those that the durable file shows already. Where a sync
/// has failed, the system's page cache may show bytes and count them as written that the disk does
/// not have; no later sync would write them. The bytes are the same, so a power cut in the middle
/// changes nothing that the disk had.
struct LogCompletion {
    /// Records that follow each other in one source, as a stretch of positions.
    private struct Stretch {
        var source: Int
        var start: UInt64
        var end: UInt64
    }

    private var stretches: [Stretch] = []
    private static let pieceBytes = 1 << 20

    /// Notes a record that `scanner` has found.
    mutating func add(_ record: LogRecord, from source: Int) {
        let end = record.position + record.byteCount
        if let last = stretches.last, last.source == source, last.end == record.position {
            stretches[stretches.count - 1].end = end
        } else {
            stretches.append(Stretch(source: source, start: record.position, end: end))
        }
    }

    /// Writes the records into the durable file and then, each durable before the next, the header
    /// that says that recovery must reach their end.
    func write(_ scanner: LogScanner) throws(SystemError) {
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
        try scanner.requireNoFault()
        try log.file.sync()
        var header = scanner.logHeader
        header.sequence += 1
        header.requiredPosition = scanner.position
        try log.file.write(header.encoded(), at: LogLayout.headerOffsets[Int(header.sequence % 2)])
        try log.file.sync()
    }
}
