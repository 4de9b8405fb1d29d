/// Recording what a read transaction reads; see `ReadRecord`.
extension HeapAccess {
    /// From now on, records in `record` what the transaction reads, nested transactions included,
    /// until it calls `endRecording`. For read transactions.
    public func beginRecording(_ record: ReadRecord) {
        record.reads.catalogueVersion = catalogueVersion
        record.reads.position = position
        record.reads.logPlace = logPlace
        context.pointee.record(in: .passUnretained(record))
    }

    /// The end of the last record that the transaction's snapshot has; nil for an opening that sees
    /// no log.
    public var logPlace: LogPlace? {
        context.pointee.view._withUnsafeGuaranteedRef {
            $0.observedSequence == nil
                ? LogPlace(position: $0.applied, chain: $0.previousChecksum) : nil
        }
    }

    /// Ends recording; the caller has kept the record alive until now.
    public func endRecording(_ record: ReadRecord) {
        context.pointee.endRecording()
        withExtendedLifetime(record) {}
    }

    /// The address of bytes that are not below the transaction's limit: those of a recorded
    /// transaction. Traps for any other.
    @usableFromInline @inline(never)
    func addressBeyondLimit(_ offset: UInt64, _ count: Int) -> UnsafeMutableRawPointer {
        let end = context.pointee.byteCount
        guard let reads = context.pointee.reads, offset <= end,
            UInt64(truncatingIfNeeded: count) <= end - offset
        else { Misuse.outOfBounds(offset, count, self) }
        reads._withUnsafeGuaranteedRef { $0.add(offset, count) }
        return context.pointee.base + Int(truncatingIfNeeded: offset)
    }
}
