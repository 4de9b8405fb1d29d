import HoldfastEngine

/// Moves the blocks of a heap in use closer together, so that it needs less space.
///
/// The heap is verified first, in a snapshot, because the walks trust what they read. Each pass
/// plans from the page map which blocks have to move, and then goes through the roots, each in as
/// many write transactions as its budget makes necessary. The moves of one pass free the runs of
/// pages that the next one needs.
struct Defragmenter {
    private let engine: HeapEngine
    private let isCancelled: () -> Bool
    private let progress: ((_ done: Int, _ of: Int) -> Void)?

    private var report = Defragmentation()
    /// The names of record types that references lead to, for one version of the catalogue.
    private var references: (version: UInt64, types: Set<String>?)?

    /// The most passes. After the first, only what lacked room before is left.
    private static let mostPasses = 6
    /// What one transaction may do: some milliseconds, in which other writers wait.
    var budget = BlockRelocation.Budget(movedBytes: 1 << 20, visits: 50_000)

    init(
        _ engine: HeapEngine, isCancelled: @escaping () -> Bool,
        progress: ((_ done: Int, _ of: Int) -> Void)?
    ) {
        self.engine = engine
        self.isCancelled = isCancelled
        self.progress = progress
    }

    mutating func run(movingReferenced: Bool) throws(HeapError) -> Defragmentation {
        try verify()
        let before = try engine.statistics()
        // Empty slabs that were kept for the next allocation would be in the way.
        try engine.checkpoint()
        report.fileBytesBefore = before.fileBytes
        report.diskBytesBefore = before.diskBytes
        var plan = try makePlan()
        for _ in 0 ..< Self.mostPasses where plan.bytesToMove > 0 {
            let moved = try runPass(plan)
            // The runs that have become free are found by the next plan.
            try engine.checkpoint()
            if moved == 0 { break }
            plan = try makePlan()
        }
        if movingReferenced, plan.bytesToMove > 0 { try moveReferenced() }
        try engine.compact()
        let after = try engine.statistics()
        report.fileBytesAfter = after.fileBytes
        report.diskBytesAfter = after.diskBytes
        report.olderViews = engine.openViews().filter { $0.isOpen && $0.commitsBehind > 0 }
        return report
    }

    private func requireGoingOn() throws(HeapError) {
        if isCancelled() { throw HeapError.cancelled(path: engine.path) }
    }

    // MARK: Reading

    /// Verifies the heap, and finds out which roots can be moved.
    private mutating func verify() throws(HeapError) {
        let isCancelled = isCancelled
        let snapshot = try engine.openSnapshot()
        defer { try? snapshot.close() }
        try snapshot.requireSoundForCopy()
        let context = try snapshot.beginRead()
        defer { snapshot.endRead(context) }
        let access = HeapAccess(context: context, epoch: context.pointee.epoch)
        report.unknownRoots = try Self.verify(access, of: engine.path, isCancelled)
        try snapshot.requireReadable()
    }

    /// Returns the roots of types that this program does not know.
    private static func verify(
        _ access: HeapAccess, of path: String, _ isCancelled: @escaping () -> Bool
    ) throws(HeapError) -> [Root] {
        var verification = Verification(access)
        try verification.run(unless: isCancelled)
        if let problem = verification.problems.first {
            throw HeapError.damaged(path: path, what: problem)
        }
        return verification.unknownRoots
    }

    private func makePlan() throws(HeapError) -> RelocationPlan {
        try reading { $0.relocationPlan }
    }

    private func reading<R>(_ body: (HeapAccess) -> R) throws(HeapError) -> R {
        let context = try engine.beginRead()
        defer { engine.endRead(context) }
        let result = body(HeapAccess(context: context, epoch: context.pointee.epoch))
        try engine.requireReadable()
        return result
    }

    // MARK: Moving in short transactions

    /// Goes through the catalogue and all roots. Returns the bytes moved.
    private mutating func runPass(_ start: RelocationPlan) throws(HeapError) -> Int {
        var plan = start
        let names = try reading { RootCatalogue($0).names }
        let before = report.movedBytes
        for name in [nil] + names {
            var path = RelocationPath()
            var budget = budget
            // Others may put blocks where they have to move again.
            while report.movedBytes - before < 2 * plan.bytesToMove {
                try requireGoingOn()
                let step = try relocate(name, by: plan, from: path, budget)
                plan = step.plan
                report.movedBytes += step.movedBytes
                progress?(min(report.movedBytes - before, plan.bytesToMove), plan.bytesToMove)
                guard step.isCutShort else { break }
                let next = step.next ?? RelocationPath()
                if step.movedBytes == 0, next <= path {
                    budget.movedBytes *= 2
                    budget.visits *= 2
                }
                path = next
            }
        }
        return report.movedBytes - before
    }

    /// Moves blocks of the root with this name, or of the catalogue, in one transaction.
    private mutating func relocate(
        _ name: String?, by plan: RelocationPlan, from path: RelocationPath,
        _ budget: BlockRelocation.Budget
    ) throws(HeapError) -> BlockRelocation {
        let context = try engine.beginWrite()
        let access = HeapAccess(context: context, epoch: context.pointee.epoch)
        let types = referencedTypes(access)
        let relocation = BlockRelocation(
            access, by: plan, referenced: types, from: path, budget: budget)
        let mover = BlockMover(relocation)
        if let name {
            Self.relocate(name, by: mover, in: access)
        } else {
            mover.moveCatalogue { RootCatalogue.moveAll(at: $0, by: mover) }
        }
        guard relocation.movedBytes > 0 else {
            engine.abort(context)
            return relocation
        }
        references?.version = access.catalogueVersion
        try engine.commit(context)
        return relocation
    }

    private static func relocate(_ name: String, by mover: BlockMover, in access: HeapAccess) {
        guard let entry = RootCatalogue(access).entry(name),
            let type = TypeRegistry.shared.type(describedAs: entry.description)
        else { return }
        mover.relocateAll(type, at: entry.place)
        if access.load(entry.place, as: UInt64.self) != entry.offset {
            access.catalogueWillChange()
        }
    }

    /// The names of the record types that references in this heap may lead to; nil if not all are
    /// known.
    private mutating func referencedTypes(_ access: HeapAccess) -> Set<String>? {
        if let references, references.version == access.catalogueVersion {
            return references.types
        }
        let types = RootCatalogue(access).referencedTypes
        references = (access.catalogueVersion, types)
        report.fixedRecords = types?.sorted() ?? []
        return types
    }

    // MARK: Moving referenced records

    /// Moves what is left, with all references, in one transaction.
    private mutating func moveReferenced() throws(HeapError) {
        try requireGoingOn()
        let context = try engine.beginWrite()
        let access = HeapAccess(context: context, epoch: context.pointee.epoch)
        do throws(HeapError) {
            // All references have to be found, and there may be new ones since the first time.
            report.unknownRoots = try Self.verify(access, of: engine.path, isCancelled)
        } catch {
            engine.abort(context)
            throw error
        }
        guard report.unknownRoots.isEmpty else { return engine.abort(context) }
        let relocation = BlockRelocation(
            access, by: access.relocationPlan, referenced: RootCatalogue(access).referencedTypes,
            movesReferenced: true)
        let mover = BlockMover(relocation)
        for name in RootCatalogue(access).names { Self.relocate(name, by: mover, in: access) }
        guard !mover.cannotGoOn else { return engine.abort(context) }
        try engine.commit(context)
        report.movedBytes += relocation.movedBytes
        report.fixedRecords = []
    }
}
