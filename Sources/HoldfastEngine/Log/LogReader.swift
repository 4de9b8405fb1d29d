import HoldfastFormat

/// Reads records from the shared ring while others append to it and recycle it.
///
/// A record is first copied and then verified. So whatever another process does to its place
/// meanwhile, the result is the requested record, complete, or nothing. Nothing needs to be pinned
/// for that.
///
/// The buffer is the reader's own; one thread at a time.
final class LogReader {
    private var buffer: UnsafeMutableRawPointer
    private var capacity = 64 * 1024

    init() { buffer = .allocate(byteCount: capacity, alignment: 8) }

    deinit { buffer.deallocate() }

    /// The record at `position`, if it is there, valid, of this epoch, and follows the record with
    /// checksum `chain`. The bytes are valid until the next call.
    func record(
        at position: UInt64, in ring: RingMapping, epoch: UInt64, chain: UInt64
    ) -> (record: LogRecord, bytes: UnsafeRawBufferPointer)? {
        let start = UnsafeRawPointer(ring.address(position))
        ring.step(.reads, at: position, byteCount: LogRecord.headerBytes)
        guard
            let claimed = LogRecord.decodeHeader(
                UnsafeRawBufferPointer(start: start, count: LogRecord.headerBytes)),
            claimed.position == position, claimed.byteCount <= UInt64(ring.capacity),
            claimed.previousChecksum == chain
        else { return nil }
        let count = Int(claimed.byteCount)
        if count > capacity || (capacity > 1 << 22 && count < 1 << 16) {
            buffer.deallocate()
            capacity = max(count, 64 * 1024)
            buffer = .allocate(byteCount: capacity, alignment: 8)
        }
        ring.step(.reads, at: position, byteCount: count)
        buffer.copyMemory(from: start, byteCount: count)
        let bytes = UnsafeRawBufferPointer(start: buffer, count: count)
        guard let record = LogRecord.decodeHeader(bytes), record == claimed,
            record.verifies(bytes, epoch: epoch)
        else {
            return nil
        }
        return (record, bytes)
    }
}
