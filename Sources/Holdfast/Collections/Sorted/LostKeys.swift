import HoldfastEngine

/// The ranges of keys of which the former state is not known.
///
/// `@unchecked Sendable`: the bounds are plain bytes, and lead to nothing in a heap.
struct LostKeys<Key: PersistableOrderedKey>: @unchecked Sendable {
    /// From a key on, up to another key; nil for the start and the end.
    struct Bounds {
        var lower: Key.Stored?
        var upper: Key.Stored?
    }

    /// Ascending.
    private(set) var ranges: [Bounds] = []
    /// The numbers of the leaves that hold the entries.
    private(set) var leaves: [Range<Int>] = []

    mutating func append(_ bounds: Bounds, _ numbers: Range<Int>) {
        if let last = leaves.last, last.upperBound == numbers.lowerBound {
            ranges[ranges.count - 1].upper = bounds.upper
            leaves[leaves.count - 1] = last.lowerBound ..< numbers.upperBound
        } else {
            ranges.append(bounds)
            leaves.append(numbers)
        }
    }

    /// The bounds are plain, so comparing a key with them reads no heap.
    func contains(_ key: Key) -> Bool {
        Key.withProbe(key) { probe in
            let probe = Key.orderedProbe(probe)
            var low = 0
            var high = ranges.count
            while low < high {
                let middle = (low + high) / 2
                let isBehind =
                    ranges[middle].upper.map { !Key.isProbe(probe, before: $0, in: .detached) }
                    ?? false
                if isBehind { low = middle + 1 } else { high = middle }
            }
            guard low < ranges.count else { return false }
            return ranges[low].lower.map { !Key.isProbe(probe, before: $0, in: .detached) } ?? true
        }
    }
}

/// Finds the keys whose entries may differ from a state that is gone, by the lines that have
/// changed since.
///
/// A key that was inserted, removed or updated has changed its leaf. If the leaf that the key
/// belongs to now has not changed, then the other leaf has been removed, and this one, its
/// neighbour, has got its range without being written. But then their parent has been written, or,
/// if whole subtrees were removed, an inner node above it. So after a change of an inner node, all
/// leaves next to each other below it count as changed.
private struct LostKeysFinder<Key: PersistableOrderedKey, Value: Persistable> {
    let map: PersistentSortedMap<Key, Value>
    let changed: LineSet
    var lost = LostKeys<Key>()
    private var number = 0
    /// The leaves since the last plain separator.
    private var first = 0
    private var lower: Key.Stored?
    private var isLost = false

    init(_ map: PersistentSortedMap<Key, Value>, _ changed: LineSet) {
        self.map = map
        self.changed = changed
    }

    private func isTouched(_ offset: UInt64, _ byteCount: Int) -> Bool {
        changed.intersects(bytesAt: offset, count: byteCount)
    }

    /// `first` and `last` say that the first or last leaf of the node counts as changed.
    mutating func visit(
        _ node: UInt64, level: Int, isWritten: Bool, first: Bool, last: Bool
    ) {
        guard level > 0 else {
            isLost = isLost || first || last || isLeafTouched(node)
            number += 1
            return
        }
        let inner = SortedInner<Key>(map.access, node)
        let isWritten = isWritten || isTouched(node, SortedInner<Key>.byteCount)
        for child in 0 ..< inner.count {
            if child > 0 { passSeparator(inner.keys[child - 1]) }
            visit(
                inner.children[child], level: level - 1, isWritten: false,
                first: isWritten || (first && child == 0),
                last: isWritten || (last && child == inner.count - 1))
        }
    }

    private func isLeafTouched(_ offset: UInt64) -> Bool {
        if isTouched(offset, SortedLeaf<Key, Value>.byteCount) { return true }
        guard Value.changesInPlace, MemoryLayout<Value.Stored>.size > 0 else { return false }
        let leaf = SortedLeaf<Key, Value>(map.access, offset)
        for position in 0 ..< leaf.count {
            let place = map.valueOffset(leaf.slot(position, map.access))
            if OwnedLines.areTouched(Value.self, at: place, changed, in: map.access) {
                return true
            }
        }
        return false
    }

    /// Only plain separators are bounds, because others have their content in the heap.
    private mutating func passSeparator(_ separator: Key.Stored) {
        if Key.isPlain(separator) { end(at: separator) }
    }

    private mutating func end(at upper: Key.Stored?) {
        if isLost {
            lost.append(LostKeys<Key>.Bounds(lower: lower, upper: upper), first ..< number)
        }
        first = number
        lower = upper
        isLost = false
    }

    mutating func finish() { end(at: nil) }
}

extension PersistentSortedMap {
    /// The keys whose entries may differ from a state with the tree `shape`; nil if all may.
    func lostKeys(since shape: SortedShape, _ changed: LineSet) -> LostKeys<Key>? {
        let now = treeShape
        guard now.header == shape.header, now.root != 0, shape.root != 0 else { return nil }
        var finder = LostKeysFinder(self, changed)
        let isWritten = now != shape
        // The last leaf may have lost its last entries without a neighbour.
        finder.visit(
            now.root, level: now.height, isWritten: isWritten, first: isWritten, last: true)
        finder.finish()
        // Bounded, whatever the size of the map.
        return finder.lost.ranges.count > 4096 ? nil : finder.lost
    }
}
