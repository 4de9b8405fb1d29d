import HoldfastEngine

/// Moves blocks of a heap to lower places, within one write transaction, as a part of a walk that
/// several transactions share.
///
/// A block moves on its own: it is copied to free space below, the one word that owns it is pointed
/// there, and it is freed. So a walk can stop at any block, and goes on from a path in the next
/// transaction. Others may change the collections between the two. Then the path leads somewhere
/// else, and some blocks are not looked at, or twice.
///
/// A record that references lead to is not owned by one word. It stays where it is, unless
/// `movesReferenced` is set; then the one transaction has to visit all references.
final class BlockRelocation {
    /// What one transaction may do.
    struct Budget {
        var movedBytes: Int
        /// Values and blocks that are looked at.
        var visits: Int
    }

    let access: HeapAccess
    private var relocator: BlockRelocator
    /// The names of record types that references lead to, or nil if that is not known.
    private let referenced: Set<String>?
    private let movesReferenced: Bool
    private let budget: Budget

    private(set) var movedBytes = 0
    private var visits = 0
    /// Whether something was left out because the budget was used up.
    private(set) var isCutShort = false
    /// Where the walk has to go on; nil if it was not cut short inside a collection.
    private(set) var next: RelocationPath?

    /// The new places of the records that references have led to, by their old ones.
    private var records: [UInt64: UInt64] = [:]

    private let start: RelocationPath
    private var path = RelocationPath()
    /// How many collections were met so far in each part of the path, and outside of them.
    private var collections = [0]
    /// Whether everything so far was on the way to the start.
    private var isAtStart = true

    init(
        _ access: HeapAccess, by plan: RelocationPlan, referenced: Set<String>?,
        movesReferenced: Bool = false, from start: RelocationPath = RelocationPath(),
        budget: Budget = Budget(movedBytes: .max, visits: .max)
    ) {
        self.access = access
        relocator = BlockRelocator(access, by: plan)
        self.referenced = referenced
        self.movesReferenced = movesReferenced
        self.start = start
        self.budget = budget
    }

    /// The rest of the plan, for the next transaction.
    var plan: RelocationPlan { relocator.plan }

    // MARK: The budget

    /// Counts a value or block. Returns false if the budget is used up.
    func visit() -> Bool {
        if movedBytes >= budget.movedBytes || visits >= budget.visits {
            isCutShort = true
            return false
        }
        visits += 1
        return true
    }

    // MARK: Blocks

    /// Moves the block that the word at `place` owns, if it lies too high and there is room.
    /// Returns its place.
    func moveBlock(at place: UInt64, byteCount: Int, alignment: Int) -> UInt64 {
        let old = access.load(place, as: UInt64.self)
        let new = newPlace(of: old, byteCount: byteCount, alignment: alignment)
        if new != old { access.store(new, at: place) }
        return new
    }

    /// Moves the block; the caller points its owner to the new place.
    func newPlace(of old: UInt64, byteCount: Int, alignment: Int) -> UInt64 {
        visits += 1
        guard access.errorToCome == nil,
            let new = relocator.move(old, byteCount: byteCount, alignment: alignment)
        else { return old }
        movedBytes += byteCount
        return new
    }

    // MARK: Records

    /// Moves the record that the word at `place` leads to, if it may move. Returns its place, or
    /// nil if its fields have been visited or there is no such record.
    func moveRecord<Target: ReferenceTarget>(
        _ type: Target.Type, at place: UInt64, isOwner: Bool
    ) -> UInt64? {
        let block = type.recordBlock
        if isOwner, referenced?.contains(type.storedName) == false {
            return moveBlock(
                at: place, byteCount: block.byteCount, alignment: RecordBlock.alignment)
        }
        let old = access.load(place, as: UInt64.self)
        if let known = records[old] {
            if known != old { access.store(known, at: place) }
            return nil
        }
        // A program may have left a reference to a record that it has freed.
        guard isOwner || isRecord(block, at: old) else { return nil }
        let new =
            movesReferenced
            ? moveBlock(
                at: place, byteCount: block.byteCount, alignment: RecordBlock.alignment) : old
        records[old] = new
        return new
    }

    private func isRecord(_ block: RecordBlock, at place: UInt64) -> Bool {
        place % UInt64(RecordBlock.alignment) == 0
            && relocator.isInHeap(place, byteCount: block.byteCount)
            && access.load(place, as: UInt32.self) == block.tag
    }

    // MARK: The walk

    /// Whether the walk is in a part of an outermost collection.
    var isInOutermost: Bool { path.steps.count == 1 }

    /// Calls `body` with the parts of a collection, each of which returns the next one, until the
    /// budget is used up: those that the walk has not been through yet.
    func goThrough(_ count: Int, _ body: (_ part: Int) -> Int) {
        let level = path.steps.count
        var step = RelocationPath.Step(collection: collections[level], part: 0)
        collections[level] += 1
        if isAtStart, level < start.steps.count, step.collection <= start.steps[level].collection {
            guard step.collection == start.steps[level].collection else { return }
            step.part = start.steps[level].part
        } else {
            isAtStart = false
        }
        while step.part < count, !isCutShort {
            path.steps.append(step)
            collections.append(0)
            let following = visit() ? body(step.part) : step.part
            if isCutShort, next == nil { next = path }
            collections.removeLast()
            path.steps.removeLast()
            isAtStart = false
            step.part = following
        }
        isAtStart = false
    }
}
