import Holdfast
import HoldfastEngine

extension PersistentHeap {
    /// An account of every page of the heap: what it is used for and which roots own bytes in it,
    /// for tools and pictures.
    ///
    /// Follows the roots as ``check(knowing:progress:)`` does: those whose type this program has
    /// used, that are made of Holdfast's own types only, or whose types, or those of the structs
    /// and enums in them, are among `types`. What belongs to others is told as unreached. With
    /// `comparingChecksums`, every page of the file is compared with its checksum too.
    ///
    /// Never traps, whatever the file holds. Shows one commit: readers and writers of all processes
    /// go on. O(heap); memory in proportion to runs and slabs, about 100 bytes for each. Throws the
    /// error of opening the heap once more, if the file cannot be opened, and
    /// `HeapError.notStorable(type:reason:)` if one of `types` cannot be kept in a heap.
    public func pageUse(
        knowing types: [any Persistable.Type] = [], comparingChecksums: Bool = false
    ) throws(HeapError) -> HeapPages {
        try requireOpen()
        try RunTimeTypes.install(knowing: types)
        // What has been changed in memory has no checksums, and no file from which it could be
        // opened again.
        if engine.mode == .inMemory || engine.mode == .privateCopy {
            return try Self.pageUse(engine, damagedPages: nil)
        }
        let snapshot = try makeSnapshotEngine()
        defer { try? snapshot.close() }
        let damaged = comparingChecksums ? try snapshot.scrub(progress: nil).damagedPages : nil
        return try Self.pageUse(snapshot, damagedPages: damaged)
    }

    private static func pageUse(_ engine: HeapEngine, damagedPages: [Int]?) throws(HeapError)
        -> HeapPages
    {
        let context = try engine.beginRead()
        defer { engine.endRead(context) }
        let audit = try engine.audit()
        var verification = Verification(HeapAccess(context: context, epoch: context.pointee.epoch))
        verification.recordOwners()
        verification.run()
        try engine.requireReadable()
        return HeapPages(
            verification, damagedPages: damagedPages,
            problems: audit.problems + verification.problems)
    }
}
