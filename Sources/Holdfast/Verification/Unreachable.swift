import HoldfastEngine
import HoldfastFormat

/// A record that no root leads to.
public struct UnreachableRecord: Hashable, Sendable {
    /// The name of its type.
    public let type: String
    /// Where it lies, in bytes from the heap's start.
    public let place: UInt64
}

extension HeapTransaction where Self: ~Copyable {
    /// The records that no root leads to: made by `tx.new` or `tx.share` and never linked, or cut
    /// off since, circles of them too.
    ///
    /// What a record owns is not listed beside it. Every type of the heap's roots must be known to
    /// the program: used by it before, made of Holdfast's own types, or named in `types`; so must
    /// the types of the records themselves. Blocks that `tx.allocate` made are left out: nothing in
    /// the heap tells who uses them.
    ///
    /// O(heap). Throws ``HeapError/cannotCollect(path:reason:)`` if a root's type is not known or
    /// something contradicts itself.
    public func unreachable(knowing types: [any Persistable.Type] = []) throws(HeapError)
        -> [UnreachableRecord]
    {
        try Unreachable.find(access, knowing: types).records
    }
}

extension WriteTransaction {
    /// Frees the records that no root leads to, with all that they own; returns how many bytes that
    /// gave back. References to them must not be used any more, nor handles of what they own. See
    /// ``HeapTransaction/unreachable(knowing:)`` for what is found, and what it throws.
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
            // Whoever still refers to a record finds out.
            access.store(UInt32(0), at: block.offset)
            access.free(
                block.offset, byteCount: block.byteCount,
                alignment: block.byteCount.alignmentOfBlock)
        }
        return found.blocks.reduce(0) { $0 + $1.byteCount }
    }
}

/// A walk from all roots, and what it has not come by.
private enum Unreachable {
    struct Found {
        var records: [UnreachableRecord]
        /// All blocks of those records and of what they own.
        var blocks: [BlockLedger.Block]
        /// How many references there are to shared records that the roots lead to.
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
    /// An alignment with which a block of as many bytes is freed as what it is: whole pages are
    /// aligned to a page.
    fileprivate var alignmentOfBlock: Int {
        self > SizeClass.maximumBytes ? HeapLayout.lineBytes : 8
    }
}
