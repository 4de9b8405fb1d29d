import Holdfast
import HoldfastEngine

/// What a comparison of maps and sets asks of them.
protocol ComparableEntries: InspectableEntries {
    func makePlaceIterator() -> AnyIterator<EntryPlace>
    /// Returns the entry for the key at a place in another heap, which has the same type.
    func find(keyAt place: UInt64, in source: HeapAccess) -> EntryPlace?
}

/// The same of sorted ones.
protocol ComparableOrder: ComparableEntries {
    /// The order of the key at a place and of a key of the same type in another heap.
    func order(ofKeyAt place: UInt64, andKeyAt other: UInt64, in source: HeapAccess) -> SortedOrder
}

extension PersistentMap: ComparableEntries {
    func find(keyAt place: UInt64, in source: HeapAccess) -> EntryPlace? {
        self.place(of: Key.load(source.load(place, as: Key.Stored.self), from: source))
    }
}

extension PersistentSortedMap: ComparableOrder {
    func find(keyAt place: UInt64, in source: HeapAccess) -> EntryPlace? {
        self.place(of: Key.load(source.load(place, as: Key.Stored.self), from: source))
    }
}

extension PersistentSet: ComparableEntries {
    func makePlaceIterator() -> AnyIterator<EntryPlace> { table.makePlaceIterator() }
    func find(keyAt place: UInt64, in source: HeapAccess) -> EntryPlace? {
        table.find(keyAt: place, in: source)
    }
}

extension PersistentSortedSet: ComparableOrder {
    func makePlaceIterator() -> AnyIterator<EntryPlace> { tree.makePlaceIterator() }
    func find(keyAt place: UInt64, in source: HeapAccess) -> EntryPlace? {
        tree.find(keyAt: place, in: source)
    }
    func order(ofKeyAt place: UInt64, andKeyAt other: UInt64, in source: HeapAccess) -> SortedOrder
    {
        tree.order(ofKeyAt: place, andKeyAt: other, in: source)
    }
}

/// The comparison of two maps or sets by their keys.
///
/// Sorted ones are merged. Of others, the old keys are looked up in the new table, and then the new
/// keys in the old one. Keys of different types are different keys.
final class EntriesComparison: PartComparison {
    /// The entries of one of the two.
    struct Entries {
        let heap: ComparedHeap
        let form: LineForm.EntriesForm
        let entries: any ComparableEntries
        let places: AnyIterator<EntryPlace>

        /// Nil for a type that has no entries.
        init?(_ form: LineForm.EntriesForm, at place: UInt64, of heap: ComparedHeap) {
            guard let entries = form.load(heap.access, place) as? any ComparableEntries else {
                return nil
            }
            self.heap = heap
            self.form = form
            self.entries = entries
            places = entries.makePlaceIterator()
        }

        var count: Int { entries.count }

        func step(_ entry: EntryPlace) -> Trail.Step {
            .key(ComparedValue(form.key, entry.key), heap.side)
        }

        /// The value; the element itself, of a set.
        func value(_ entry: EntryPlace) -> ComparedValue {
            form.value.map { ComparedValue($0, entry.value) } ?? ComparedValue(form.key, entry.key)
        }
    }

    private let old: Entries?
    private let new: Entries?
    private let haveSameKeys: Bool
    /// The old entries, if both are sorted.
    private let order: (any ComparableOrder)?
    /// The next entries of both, for a merge.
    private var oldNext: EntryPlace?
    private var newNext: EntryPlace?
    private var oldIsOver = false

    /// Nil for one of them if only the other one is to be followed.
    init(_ old: Entries?, _ new: Entries?) {
        (self.old, self.new) = (old, new)
        haveSameKeys =
            if let old, let new { old.entries.keyType == new.entries.keyType } else { false }
        let areSorted = haveSameKeys && new?.entries is any ComparableOrder
        order = areSorted ? old?.entries as? any ComparableOrder : nil
        if order != nil { (oldNext, newNext) = (old?.places.next(), new?.places.next()) }
    }

    func next() -> ComparedPart? {
        if let old, let new, let order { return merge(old, new, order) }
        if let old, !oldIsOver {
            if let entry = old.places.next() { return part(entry, find(entry, of: old, in: new)) }
            oldIsOver = true
        }
        while let new, let entry = new.places.next() {
            if find(entry, of: new, in: old) == nil { return part(nil, entry) }
        }
        return nil
    }

    private func find(_ entry: EntryPlace, of one: Entries, in other: Entries?) -> EntryPlace? {
        haveSameKeys ? other?.entries.find(keyAt: entry.key, in: one.heap.access) : nil
    }

    private func merge(_ old: Entries, _ new: Entries, _ order: any ComparableOrder)
        -> ComparedPart?
    {
        let found: SortedOrder
        switch (oldNext, newNext) {
        case (nil, nil): return nil
        case (_?, nil): found = .before
        case (nil, _?): found = .after
        case (let left?, let right?):
            found = order.order(ofKeyAt: left.key, andKeyAt: right.key, in: new.heap.access)
        }
        let (left, right) = (found == .after ? nil : oldNext, found == .before ? nil : newNext)
        if left != nil { oldNext = old.places.next() }
        if right != nil { newNext = new.places.next() }
        return part(left, right)
    }

    /// Nil if both are nil.
    private func part(_ left: EntryPlace?, _ right: EntryPlace?) -> ComparedPart? {
        guard let step = right.flatMap({ new?.step($0) }) ?? left.flatMap({ old?.step($0) }) else {
            return nil
        }
        let isMember = (new ?? old)?.form.value == nil
        return ComparedPart(
            step, left.flatMap { old?.value($0) }, right.flatMap { new?.value($0) },
            isMember: isMember)
    }
}
