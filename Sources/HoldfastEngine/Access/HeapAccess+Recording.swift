/// Recording what a read transaction reads; see `ReadRecord`.
extension HeapAccess {
    /// Runs `body` and returns what the transaction has read meanwhile, nested transactions
    /// included. For read transactions.
    public func recordingReads<Value>(
        _ body: () throws -> Value
    ) rethrows -> (value: Value, reads: RecordedReads) {
        let record = ReadRecord(
            reads: RecordedReads(
                catalogueVersion: catalogueVersion, position: position, logPlace: logPlace))
        context.pointee.record(in: .passUnretained(record))
        do {
            let value = try body()
            return (value, endRecording(record))
        } catch {
            _ = endRecording(record)
            throw error
        }
    }

    /// The end of the last record that the transaction's snapshot has; nil for an opening that sees
    /// no log.
    public var logPlace: LogPlace? {
        context.pointee.view._withUnsafeGuaranteedRef {
            $0.observedSequence == nil
                ? LogPlace(position: $0.applied, chain: $0.previousChecksum) : nil
        }
    }

    /// The only way to what was recorded; never inlined, see `addressBeyondLimit`.
    @inline(never)
    private func endRecording(_ record: ReadRecord) -> RecordedReads {
        context.pointee.endRecording()
        return record.reads
    }

    /// The address of bytes that are not below the transaction's limit: those of a recorded
    /// transaction. Traps for any other.
    ///
    /// The attribute hides from callers that the record changes, so that they keep the context's
    /// words in registers from one access to the next. Nothing that they can see changes: the
    /// context stays the same, and the record is read by `endRecording` only. A call whose address
    /// nobody uses may be left out, and then nothing has been read.
    @_effects(readonly) @usableFromInline @inline(never)
    func addressBeyondLimit(_ offset: UInt64, _ count: Int) -> UnsafeMutableRawPointer {
        let end = context.pointee.byteCount
        guard let reads = context.pointee.reads, offset <= end,
            UInt64(truncatingIfNeeded: count) <= end - offset
        else { Misuse.outOfBounds(offset, count, self) }
        reads._withUnsafeGuaranteedRef { $0.add(offset, count) }
        return context.pointee.base + Int(truncatingIfNeeded: offset)
    }
}
