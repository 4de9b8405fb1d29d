import HoldfastFormat

/// What a transaction has read, and of which state of the heap.
///
/// The allocator's root page is left out, because almost every commit changes it. Of its words, a
/// read transaction uses only the catalogue's, and their changes show in `catalogueVersion`.
public struct RecordedReads: Sendable {
    public var lines = LineSet()
    /// The version of the catalogue of roots.
    public let catalogueVersion: UInt64
    /// The log position of the transaction's snapshot.
    public let position: UInt64
    /// The end of the snapshot's last record; nil for an opening that sees no log.
    public let logPlace: LogPlace?
}

/// A place in the log where a record begins.
public struct LogPlace: Sendable {
    let position: UInt64
    /// The checksum of the record before it.
    let chain: UInt64
}

/// The record of a read transaction, which is written while it runs.
///
/// Every access to the heap's bytes by handles goes through `HeapAccess.address`, which compares it
/// with the limit of its transaction. A recorded transaction has the limit zero, so each of its
/// accesses takes the path of those beyond the limit, and is recorded there. Other transactions pay
/// nothing.
///
/// Belongs to the thread of the transaction.
@usableFromInline
final class ReadRecord {
    var reads: RecordedReads

    init(reads: RecordedReads) {
        self.reads = reads
    }

    func add(_ offset: UInt64, _ count: Int) {
        let rootPage = AllocatorRoot.offset &>> HeapLayout.pageShift
        guard offset &>> HeapLayout.pageShift != rootPage else { return }
        reads.lines.insert(bytesAt: offset, count: count)
    }
}

extension TransactionContext {
    mutating func record(in reads: Unmanaged<ReadRecord>) {
        self.reads = reads
        limit = 0
    }

    mutating func endRecording() {
        reads = nil
        limit = byteCount
    }
}
