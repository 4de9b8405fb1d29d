import HoldfastEngine

/// Which elements of two states of an array belong together. From the front on:
struct IndexedAlignment {
    /// Elements that only the old state has.
    var frontRemoved = 0
    /// Elements that only the new state has.
    var frontInserted = 0
    /// Elements that are equal.
    var equal = 0
    /// Elements that are compared one with the other.
    var compared = 0
    /// Elements that only the old state has; then those that only the new one has. All that follow
    /// are equal.
    var removed = 0
    var inserted = 0
}

/// Aligns two states of an array or a deque.
///
/// Any alignment is right, because the elements are compared; a good one says little. Elements that
/// have stayed at their places in memory show how many were removed or added at the front. Of the
/// rest, the longest equal start and the longest equal end are set aside, so that one insertion or
/// removal in the middle is that alone.
struct IndexedAligner<Handle: IndexedHandle> {
    let old: Handle
    let new: Handle
    let before: IndexedShape
    let after: IndexedShape
    let changed: LineSet
    let areEqual: (Handle.Element, Handle.Element) -> Bool

    func alignment() -> IndexedAlignment {
        var result = IndexedAlignment()
        (result.frontRemoved, result.frontInserted) = front()
        let (oldStart, newStart) = (result.frontRemoved, result.frontInserted)
        let (oldCount, newCount) = (before.count - oldStart, after.count - newStart)
        let common = min(oldCount, newCount)
        result.equal = firstDifference(common, oldStart, newStart)
        var end = 0
        // Otherwise only the end has grown, and elements were set.
        if !after.hasOnlyGrown(since: before) {
            while end < common - result.equal,
                isSame(before.count - 1 - end, after.count - 1 - end)
            {
                end += 1
            }
        }
        result.compared = common - result.equal - end
        result.removed = oldCount - common
        result.inserted = newCount - common
        return result
    }

    private func isSame(_ index: Int, _ newIndex: Int) -> Bool {
        if after.isSamePlace(newIndex, as: index, of: before),
            !new.isTouched(newIndex, after, changed)
        {
            return true
        }
        return areEqual(old.element(index, before), new.element(newIndex, after))
    }

    /// Returns the number of leading pairs that are equal, of `count` pairs from two indices on.
    private func firstDifference(_ count: Int, _ oldStart: Int, _ newStart: Int) -> Int {
        guard count > 0 else { return 0 }
        let isAligned = after.isSamePlace(newStart, as: oldStart, of: before)
        var done = 0
        while done < count {
            if isAligned {
                let range = newStart + done ..< newStart + count
                guard let next = new.firstTouched(range, after, changed) else { return count }
                done = next - newStart
            }
            let former = old.element(oldStart + done, before)
            if !areEqual(former, new.element(newStart + done, after)) { return done }
            done += 1
        }
        return count
    }

    /// Returns how many elements were removed from the front, and how many inserted there; one of
    /// the two is zero.
    private func front() -> (removed: Int, inserted: Int) {
        guard before.count > 0, after.count > 0, after.capacity != .max else { return (0, 0) }
        guard before.buffer == after.buffer, before.capacity == after.capacity else {
            return frontByContent()
        }
        let capacity = after.capacity
        let moved = (after.head - before.head + capacity) % capacity
        if moved == 0 { return (0, 0) }
        // The first element may have become another one by removals before it, or by insertions.
        if moved < before.count, !new.isTouched(0, after, changed) { return (moved, 0) }
        let grown = capacity - moved
        if grown < after.count, !new.isTouched(grown, after, changed) { return (0, grown) }
        if moved <= before.count { return (moved, 0) }
        return grown <= after.count ? (0, grown) : (0, 0)
    }

    /// After a ring has moved: looks for the first element of one state in the other, nearby.
    private func frontByContent() -> (removed: Int, inserted: Int) {
        let nearby = 4096
        let first = new.element(0, after)
        for index in 0 ..< min(before.count, nearby)
        where areEqual(old.element(index, before), first) { return (index, 0) }
        let former = old.element(0, before)
        for index in 0 ..< min(after.count, nearby)
        where areEqual(former, new.element(index, after)) { return (0, index) }
        return (0, 0)
    }
}
