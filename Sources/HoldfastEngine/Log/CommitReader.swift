import HoldfastFormat
import HoldfastSystem

/// The lines that commits have changed.
public struct ChangedLines: Sendable {
    public var lines = LineSet()
    /// The version of the catalogue of roots after the commits, if they may have changed it.
    public var catalogueVersion: UInt64?

    public init() {}

    /// Whether a transaction would read something else after the commits.
    public func concern(_ reads: RecordedReads) -> Bool {
        if let catalogueVersion, catalogueVersion != reads.catalogueVersion { return true }
        return lines.intersects(reads.lines)
    }

    /// Adds what later commits have changed.
    public mutating func formUnion(_ later: ChangedLines) {
        lines.formUnion(later.lines)
        catalogueVersion = later.catalogueVersion ?? catalogueVersion
    }

    mutating func add(firstLine: UInt64, _ bytes: UnsafeRawBufferPointer) {
        let count = UInt64(bytes.count / HeapLayout.lineBytes)
        lines.insert(firstLine, through: firstLine + count - 1)
        let field = AllocatorRoot.catalogueVersionField
        let start = firstLine << HeapLayout.lineShift
        if start <= field, field + 8 <= start + UInt64(bytes.count) {
            catalogueVersion = bytes.loadUnaligned(
                fromByteOffset: Int(field - start), as: UInt64.self)
        }
    }
}

/// Reads from the log which lines commits have changed, without an image of its own.
///
/// It holds nothing that a writer or a checkpoint would wait for. A reader that is too slow finds
/// that the ring has been recycled, and knows only that everything may have changed.
///
/// One thread at a time, any thread.
public final class CommitReader: @unchecked Sendable {
    private let log: JoinedLog?
    private let reader = LogReader()
    /// The commits up to here have been read; nil if there is no place to go on.
    private var place: LogPlace?

    /// Without a log, all changes are unknown.
    init(log: JoinedLog?) { self.log = log }

    /// Continues at `place`, the end of a snapshot's last record.
    public func begin(at place: LogPlace) { self.place = place }

    /// Returns what the commits up to `target` have changed; nil if their records cannot be read,
    /// or not any more. Then `begin` is due.
    public func changes(upTo target: UInt64) -> ChangedLines? {
        guard var next = place else { return nil }
        place = nil
        guard let joined = try? log?.joinForAll() else { return nil }
        var changes = ChangedLines()
        var ring = try? joined.shared.ring()
        while next.position < target {
            guard let current = ring else { return nil }
            if let (record, bytes) = reader.record(
                at: next.position, in: current, epoch: joined.epoch, chain: next.chain)
            {
                guard
                    LogRecord.forEachRun(
                        in: bytes, record: record, { changes.add(firstLine: $0, $1) })
                else { return nil }
                next = LogPlace(position: next.position + record.span, chain: record.checksum)
            } else {
                ring = try? joined.shared.ring()
                guard let new = ring, new.capacity != current.capacity else { return nil }
            }
        }
        place = next
        return changes
    }
}
