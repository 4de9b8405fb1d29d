import Holdfast
import HoldfastEngine

extension PersistentHeap {
    /// Returns the use of every page of the heap and the roots that own data in it, for tools and
    /// pictures.
    ///
    /// Follows the same roots as ``check(knowing:progress:)``: those whose type this program has
    /// used, that consist only of Holdfast's own types, or whose type, or the structs and enums in
    /// it, are among `types`. Data of other roots is reported as unreached. With
    /// `comparingChecksums`, every page of the file is also compared with its checksum.
    ///
    /// Never traps, whatever the file contains. The result is from one commit; readers and writers
    /// of all processes continue.
    ///
    /// - Throws: The error of opening the heap again, if the file cannot be opened;
    ///   `HeapError.notStorable(type:reason:)` if one of `types` cannot be stored in a heap.
    /// - Complexity: O(size of the heap). Takes memory in proportion to runs and slabs, about 100
    ///   bytes each.
    public func pageUse(
        knowing types: [any Persistable.Type] = [], comparingChecksums: Bool = false
    ) throws(HeapError) -> HeapPages {
        try requireOpen()
        try RunTimeTypes.install(knowing: types)
        // Its changes have no checksums, and no file from which it could be opened again.
        if engine.mode == .privateCopy {
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
        let context = unsafe try engine.beginRead()
        defer { unsafe engine.endRead(context) }
        let audit = try engine.audit()
        var verification = unsafe Verification(
            HeapAccess(context: context, epoch: context.pointee.epoch))
        verification.recordOwners()
        verification.run()
        try engine.requireReadable()
        return HeapPages(
            verification, damagedPages: damagedPages,
            problems: audit.problems + verification.problems)
    }
}
