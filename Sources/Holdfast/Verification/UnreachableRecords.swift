import HoldfastEngine
import HoldfastFormat

/// A record that no root leads to.
public struct UnreachableRecord: Hashable, Sendable {
    /// The name of its type.
    public let type: String
    /// The offset of the record in bytes from the start of the heap.
    public let place: UInt64
}

/// The records that a walk from all roots does not reach.
struct UnreachableRecords {
    let records: [UnreachableRecord]
    /// All blocks of those records and of the data that they own.
    private let blocks: [BlockLedger.Block]
    /// The walk from the roots, which has counted the references to each shared record.
    private let reached: Verification

    /// Walks the heap. Throws `cannotCollect` if a root's type is not known or something
    /// contradicts itself.
    init(in access: HeapAccess, knowing types: [any Persistable.Type]) throws(HeapError) {
        for type in types { _ = try TypeRegistry.shared.fingerprint(of: type) }
        var verification = Verification(access)
        verification.followRoots()
        if let root = verification.unknownRoots.first {
            throw HeapError.cannotCollect(
                path: access.heapPath,
                reason:
                    "this program does not know the type of the root \"\(root.name)\", \(root.type)"
            )
        }
        if let problem = verification.problems.first {
            throw HeapError.cannotCollect(path: access.heapPath, reason: problem)
        }
        reached = verification
        let (found, blocks) = verification.claimUnreachableRecords()
        if let problem = verification.problems.first {
            throw HeapError.cannotCollect(path: access.heapPath, reason: problem)
        }
        records = found.map { UnreachableRecord(type: $0.layout.typeName, place: $0.offset) }
        self.blocks = blocks
    }

    /// Frees the records with all that they own, and corrects the owner counts of the shared
    /// records that they referred to. Returns the bytes freed.
    func free(in access: HeapAccess) -> Int {
        reached.forEachSharedRecord { offset, owners in
            var header = access.load(offset, as: StoredRecord.self)
            guard header.owners != owners else { return }
            header.owners = owners
            access.store(header, at: offset)
        }
        for block in blocks {
            // A remaining reference to the record then traps.
            access.store(UInt32(0), at: block.offset)
            access.free(
                block.offset, byteCount: block.byteCount,
                alignment: Self.alignment(ofBlock: block.byteCount))
        }
        return blocks.reduce(0) { $0 + $1.byteCount }
    }

    /// An alignment with which a block of this size can be freed. Whole pages are aligned to a
    /// page.
    private static func alignment(ofBlock byteCount: Int) -> Int {
        byteCount > SizeClass.maximumBytes ? HeapLayout.lineBytes : 8
    }
}
