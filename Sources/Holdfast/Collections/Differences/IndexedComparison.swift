import HoldfastEngine

/// What a comparison of arrays or deques says about elements.
struct IndexedChanges<Element, Change> {
    let inserted: (Int, Element) -> Change
    let removed: (Int, _ old: Element?) -> Change
    let updated: (Int, _ old: Element?, _ new: Element) -> Change
    let areEqual: (Element, Element) -> Bool
}

extension IndexedChanges {
    /// Says what `see` makes of the elements.
    static func elements<Seen: Equatable>(_ see: @escaping (Element) -> Seen) -> IndexedChanges
    where Change == IndexedChange<Seen> {
        IndexedChanges(
            inserted: { .inserted(at: $0, see($1)) },
            removed: { .removed(at: $0, old: $1.map(see)) },
            updated: { .updated(at: $0, old: $1.map(see), new: see($2)) },
            areEqual: { see($0) == see($1) })
    }
}

/// The comparison of two states of an array or a deque.
///
/// Elements that have the same place in both, on lines that have not changed, are equal and are not
/// read. What differs is described by an `IndexedAlignment`.
struct IndexedComparison<Handle: IndexedHandle, Change: Sendable>: StateComparison {
    typealias Key = Int
    typealias Element = Handle.Element

    private let make: IndexedChanges<Element, Change>
    private var alignment = IndexedAlignment()
    /// The progress: the steps of the alignment one after the other, and the elements of each.
    private var step = 0
    private var done = 0
    /// The newest state, to be compared with a later one without the elements.
    private var shape: IndexedShape?
    private var before: IndexedShape?

    init(_ make: IndexedChanges<Element, Change>) { self.make = make }

    func insertLines(of handle: Handle, into lines: inout LineSet) {
        handle.insertLines(into: &lines)
    }

    mutating func begin(from old: Handle?, to new: Handle?, changed: LineSet) {
        (step, done) = (0, 0)
        shape = new?.indexedShape
        before = old?.indexedShape
        guard let old, let new, let before, let shape else {
            alignment = IndexedAlignment(removed: before?.count ?? 0, inserted: shape?.count ?? 0)
            return
        }
        alignment = IndexedAligner(
            old: old, new: new, before: before, after: shape, changed: changed,
            areEqual: make.areEqual
        ).alignment()
    }

    mutating func beginWithoutOld(to new: Handle?, changed: LineSet?) -> LostRegion<Int>? {
        (step, done) = (0, 0)
        let earlier = shape
        shape = new?.indexedShape
        before = earlier
        guard let changed, let new, let earlier, let shape, shape.hasOnlyGrown(since: earlier)
        else {
            before = nil
            alignment = IndexedAlignment(removed: 0, inserted: shape?.count ?? 0)
            return .everything
        }
        let first = new.firstTouched(0 ..< earlier.count, shape, changed) ?? earlier.count
        alignment = IndexedAlignment(
            equal: first, compared: earlier.count - first, inserted: shape.count - earlier.count)
        return nil
    }

    mutating func advance(
        from old: Handle?, to new: Handle?, changed: LineSet, _ changes: inout [Change],
        limit: Int
    ) -> Bool {
        func oldElement(_ index: Int) -> Element? { old.map { $0.element(index, before!) } }
        func newElement(_ index: Int) -> Element { new!.element(index, shape!) }
        let plan = alignment
        while step < 5 {
            let total = [
                plan.frontRemoved, plan.frontInserted, plan.equal + plan.compared, plan.removed,
                plan.inserted,
            ][step]
            if step == 2, done < plan.equal { done = plan.equal }
            while done < total {
                if changes.count >= limit { return false }
                // Removals begin at the last, so that the indices of the others stay.
                let left = total - 1 - done
                let kept = plan.frontInserted + plan.equal + plan.compared
                switch step {
                case 0: changes.append(make.removed(left, oldElement(left)))
                case 1: changes.append(make.inserted(done, newElement(done)))
                case 2: compare(old, new!, changed, total, &changes)
                case 3:
                    changes.append(
                        make.removed(
                            kept + left,
                            oldElement(plan.frontRemoved + plan.equal + plan.compared + left)))
                default: changes.append(make.inserted(kept + done, newElement(kept + done)))
                }
                done += 1
            }
            (step, done) = (step + 1, 0)
        }
        return true
    }

    /// Compares the element number `done` of those that both states have, or the next one after it
    /// that can differ.
    private mutating func compare(
        _ old: Handle?, _ new: Handle, _ changed: LineSet, _ total: Int,
        _ changes: inout [Change]
    ) {
        let (before, shape) = (before!, shape!)
        let (oldStart, newStart) = (alignment.frontRemoved, alignment.frontInserted)
        if shape.isSamePlace(newStart + done, as: oldStart + done, of: before) {
            let range = newStart + done ..< newStart + total
            guard let next = new.firstTouched(range, shape, changed) else { return done = total }
            done = next - newStart
        }
        let after = new.element(newStart + done, shape)
        guard let old else {
            return changes.append(make.updated(newStart + done, nil, after))
        }
        let former = old.element(oldStart + done, before)
        if !make.areEqual(former, after) {
            changes.append(make.updated(newStart + done, former, after))
        }
    }
}
