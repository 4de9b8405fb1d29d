import HoldfastEngine
import HoldfastFormat

/// A record that no root leads to.
public struct UnreachableRecord: Hashable, Sendable {
    /// The name of its type.
    public let type: String
    /// The offset of the record in bytes from the start of the heap.
    public let place: UInt64
}

extension HeapTransaction where Self: ~Copyable {
    /// Returns the records that no root leads to. They were created by `tx.new` or `tx.share` and
    /// never linked, or have been unlinked since; cycles are found too.
    ///
    /// Data that a record owns is not listed separately. Every type of the heap's roots must be
    /// known to the program: used before, composed of Holdfast's own types, or named in `types`.
    /// The same is true of the types of the records themselves. Blocks that `tx.allocate` created
    /// are not included, because the heap does not record their users.
    ///
    /// - Throws: ``HeapError/cannotCollect(path:reason:)`` if a root's type is unknown or the heap
    ///   contains a contradiction.
    /// - Complexity: O(size of the heap).
    public func unreachable(knowing types: [any Persistable.Type] = []) throws(HeapError)
        -> [UnreachableRecord]
    {
        try Unreachable.find(access, knowing: types).records
    }
}

extension WriteTransaction {
    /// Frees the records that no root leads to, with everything that they own.
    ///
    /// References to them must not be used after this, nor handles of anything that they own. See
    /// ``HeapTransaction/unreachable(knowing:)`` for the records that are found, and for the
    /// errors.
    ///
    /// - Returns: The number of bytes freed.
    @discardableResult
    public func collectGarbage(knowing types: [any Persistable.Type] = []) throws(HeapError) -> Int
    {
        let found = try Unreachable.find(access, knowing: types)
        for (offset, owners) in found.owners {
            var header = access.load(offset, as: StoredRecord.self)
            guard header.owners != owners else { continue }
            header.owners = owners
            access.store(header, at: offset)
        }
        for block in found.blocks {
            // A remaining reference to the record then traps.
            access.store(UInt32(0), at: block.offset)
            access.free(
                block.offset, byteCount: block.byteCount,
                alignment: block.byteCount.alignmentOfBlock)
        }
        return found.blocks.reduce(0) { $0 + $1.byteCount }
    }
}

/// A walk from all roots, and the records that it has not reached.
private enum Unreachable {
    struct Found {
        var records: [UnreachableRecord]
        /// All blocks of those records and of the data that they own.
        var blocks: [BlockLedger.Block]
        /// The number of references from the roots to each shared record.
        var owners: [UInt64: UInt32]
    }

    static func find(_ access: HeapAccess, knowing types: [any Persistable.Type]) throws(HeapError)
        -> Found
    {
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
        let owners = verification.sharedOwners
        let (records, blocks) = verification.claimUnreachableRecords()
        if let problem = verification.problems.first {
            throw HeapError.cannotCollect(path: access.heapPath, reason: problem)
        }
        return Found(
            records: records.map { UnreachableRecord(type: $0.layout.typeName, place: $0.offset) },
            blocks: blocks, owners: owners
        )
    }
}

extension Int {
    /// An alignment with which a block of this size can be freed. Whole pages are aligned to a
    /// page.
    fileprivate var alignmentOfBlock: Int {
        self > SizeClass.maximumBytes ? HeapLayout.lineBytes : 8
    }
}
