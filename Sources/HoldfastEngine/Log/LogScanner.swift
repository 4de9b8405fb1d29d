/// Reads a log back at recovery: the longest unbroken chain of whole records from the checkpoint on.
///
/// Trusts nothing but checksums. A record may come from either of the log's files: after `kill -9` the shared one has
/// everything that was committed; after a power cut the durable one has what was synced, and the shared one whatever the
/// kernel happened to write. A record that fits the chain is the right one wherever it was found.
struct LogScanner {
    struct Source {
        var file: any DiskFile
        var capacity: UInt64
        var fileBytes: UInt64
    }

    /// The durable file first.
    let sources: [Source]
    let logHeader: LogHeader
    /// What a checkpoint that had begun needs recovery to reach.
    var requiredPosition: UInt64 { logHeader.requiredPosition }
    let epoch: UInt64
    private(set) var position: UInt64
    private(set) var chain: UInt64
    private(set) var commitNumber: UInt64

    init(sources: [Source], header: HeapHeader, logHeader: LogHeader) {
        self.sources = sources
        self.logHeader = logHeader
        epoch = header.logEpoch
        position = header.checkpointPosition
        chain = header.checkpointChain
        commitNumber = header.commitNumber
    }

    /// The next record of the chain, verified, with all of its bytes and the index of its source; nil where the chain ends.
    mutating func next() throws(DiskError) -> (record: LogRecord, bytes: [UInt8], source: Int)? {
        for (index, source) in sources.enumerated() {
            guard let (record, bytes) = try read(from: source, at: position), record.previousChecksum == chain,
                record.commitNumber > commitNumber
            else { continue }
            position += record.span
            chain = bytes.withUnsafeBytes { record.chain($0) }
            commitNumber = record.commitNumber
            return (record, bytes, index)
        }
        return nil
    }

    /// Whether a later record proves that the log was durable beyond the end of the chain: then it is not a torn tail that
    /// ends the chain, but damage, and replaying only up to there would lose commits that were promised.
    func findsDurableRecordBeyondEnd() throws(DiskError) -> Bool {
        for source in sources {
            // Records begin at multiples of 8; read the ring in pieces and look at every place.
            let pieceBytes = 1 << 20
            var offset = position
            while offset < position + min(source.capacity, source.fileBytes) {
                let piece = try readRing(source, at: offset, count: min(pieceBytes, Int(source.capacity)))
                for candidate in Self.placesOfMagic(in: piece, at: offset) where candidate > position {
                    if let (record, _) = try read(from: source, at: candidate), record.durablePosition > position {
                        return true
                    }
                }
                offset += UInt64(pieceBytes)
            }
        }
        return false
    }

    private static func placesOfMagic(in piece: [UInt8], at start: UInt64) -> [UInt64] {
        piece.withUnsafeBytes { raw in
            var places: [UInt64] = []
            var at = 0
            while at + 8 <= raw.count {
                if raw.load(fromByteOffset: at, as: UInt32.self) == LogRecord.magic { places.append(start + UInt64(at)) }
                at += 8
            }
            return places
        }
    }

    /// A record that is whole and says of itself that it belongs at `position` of this epoch.
    private func read(from source: Source, at position: UInt64) throws(DiskError) -> (LogRecord, [UInt8])? {
        let header = try readRing(source, at: position, count: LogRecord.headerBytes)
        guard let record = header.withUnsafeBytes({ LogRecord.decodeHeader($0) }), record.position == position,
            record.byteCount <= min(source.capacity, source.fileBytes)
        else { return nil }
        let bytes = try readRing(source, at: position, count: Int(record.byteCount))
        let isWhole = bytes.withUnsafeBytes { raw in
            record.verifies(raw, epoch: epoch) && LogRecord.forEachRun(in: raw, record: record) { _, _ in }
        }
        return isWhole ? (record, bytes) : nil
    }

    private func readRing(_ source: Source, at position: UInt64, count: Int) throws(DiskError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        let start = Int(position % source.capacity)
        let first = min(count, Int(source.capacity) - start)
        var failure: DiskError?
        bytes.withUnsafeMutableBytes { raw in
            do throws(DiskError) {
                _ = try source.file.read(
                    into: UnsafeMutableRawBufferPointer(rebasing: raw[..<first]), at: LogLayout.ringOffset + start)
                if first < count {
                    _ = try source.file.read(
                        into: UnsafeMutableRawBufferPointer(rebasing: raw[first...]), at: LogLayout.ringOffset)
                }
            } catch { failure = error }
        }
        if let failure { throw failure }
        return bytes
    }
}
