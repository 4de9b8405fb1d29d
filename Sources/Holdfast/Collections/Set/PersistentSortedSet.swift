import HoldfastEngine

/// A set that lives in a heap and is sorted.
///
/// A `PersistentSortedSet` is a handle: copying it does not copy the elements, and a change through
/// one copy is seen through all, as with a class. It is valid inside its transaction; used later,
/// it traps with a sentence. In a read transaction it can only be read. Assigning it to a place in
/// a heap copies the elements.
///
///     let times = try tx.sortedSet("times", of: Date.self)
///     times.insert(.now)
///     for time in times[yesterday...] { … }
///     let next = times.element(after: .now)
///
/// Looking up, inserting and removing take O(log count) time. It is the tree of a
/// ``PersistentSortedMap`` without values.
@frozen
public struct PersistentSortedSet<Element: PersistableOrderedKey> {
    @usableFromInline package typealias Tree = PersistentSortedMap<Element, NoValue>

    @usableFromInline package let tree: Tree

    @inlinable
    init(tree: Tree) { self.tree = tree }
}

extension PersistentSortedSet: PersistentSetAlgebra {
    /// The number of elements. O(1).
    @inlinable
    public var count: Int { tree.count }

    /// Whether there are no elements. O(1).
    @inlinable
    public var isEmpty: Bool { tree.isEmpty }

    /// Whether `element` is in the set. O(log count).
    @inlinable
    public func contains(_ element: Element) -> Bool { tree.contains(element) }

    /// Adds `element`; returns whether it was new. An equal element that is there already stays as
    /// it is. O(log count).
    @inlinable @discardableResult
    public func insert(_ element: Element) -> Bool { tree.updateValue(NoValue(), forKey: element) }

    /// Removes `element` and frees what it owned; returns whether it was there. O(log count).
    @inlinable @discardableResult
    public func remove(_ element: Element) -> Bool { tree.removeValue(forKey: element) }

    /// Removes all elements and frees what they owned. O(count) if they own something, else
    /// O(nodes).
    @inlinable
    public func removeAll() { tree.removeAll() }

    /// Removes the elements that `shouldBeRemoved` says yes to. O(count). The set must not be
    /// changed inside.
    @inlinable
    public func removeAll(where shouldBeRemoved: (Element) throws -> Bool) rethrows {
        try tree.removeAll { try shouldBeRemoved($0.key) }
    }

    /// Adds elements that ascend and come after all that are there, packed without gaps; traps with
    /// a sentence at one that does not. Amortised O(1) an element.
    @inlinable
    public func append(sorted elements: some Sequence<Element>) {
        tree.append(sorted: elements.lazy.map { (key: $0, value: NoValue()) })
    }
}

// MARK: Order

extension PersistentSortedSet {
    /// The smallest element that is `element` or comes after it. O(log count).
    @inlinable
    public func element(atOrAfter element: Element) -> Element? {
        tree.entry(atOrAfter: element)?.key
    }

    /// The smallest element after `element`. O(log count).
    @inlinable
    public func element(after element: Element) -> Element? { tree.entry(after: element)?.key }

    /// The greatest element that is `element` or comes before it. O(log count).
    @inlinable
    public func element(atOrBefore element: Element) -> Element? {
        tree.entry(atOrBefore: element)?.key
    }

    /// The greatest element before `element`. O(log count).
    @inlinable
    public func element(before element: Element) -> Element? { tree.entry(before: element)?.key }

    /// The place of the first element that is `element` or comes after it; `endIndex` if there is
    /// none. O(log count).
    @inlinable
    public func index(atOrAfter element: Element) -> Index { tree.index(atOrAfter: element) }

    /// The place of `element`, or nil. O(log count).
    @inlinable
    public func index(of element: Element) -> Index? { tree.index(forKey: element) }

    /// Removes and returns the smallest element, or nil if there is none. O(log count).
    @inlinable
    public func popFirst() -> Element? { tree.popFirst()?.key }

    /// Removes and returns the greatest element, or nil if there is none. O(log count).
    @inlinable
    public func popLast() -> Element? { tree.popLast()?.key }
}

extension PersistentSortedSet where Element: Comparable {
    /// The elements in `range`: a view of them in place. O(log count).
    @inlinable
    public subscript(range: Range<Element>) -> SubSequence { SubSequence(tree[range]) }

    /// The elements in `range`, both bounds among them. O(log count).
    @inlinable
    public subscript(range: ClosedRange<Element>) -> SubSequence { SubSequence(tree[range]) }

    /// The elements from one on. O(log count).
    @inlinable
    public subscript(range: PartialRangeFrom<Element>) -> SubSequence { SubSequence(tree[range]) }

    /// The elements before one. O(log count).
    @inlinable
    public subscript(range: PartialRangeUpTo<Element>) -> SubSequence { SubSequence(tree[range]) }

    /// The elements up to one, and it. O(log count).
    @inlinable
    public subscript(range: PartialRangeThrough<Element>) -> SubSequence {
        SubSequence(tree[range])
    }
}

extension PersistentSortedSet where Element == String {
    /// The elements that begin with `prefix`; see ``PersistentSortedMap/entries(withPrefix:)``.
    /// O(log count).
    public func elements(withPrefix prefix: String) -> SubSequence {
        SubSequence(tree.entries(withPrefix: prefix))
    }
}

// MARK: Collection

extension PersistentSortedSet: BidirectionalCollection {
    /// The place of an element, good until the next insertion or removal; used after that, it traps
    /// with a sentence.
    public typealias Index = PersistentSortedMap<Element, NoValue>.Index

    @inlinable
    public var startIndex: Index { tree.startIndex }

    @inlinable
    public var endIndex: Index { tree.endIndex }

    /// The element at `index`. O(1).
    @inlinable
    public subscript(index: Index) -> Element { tree[index].key }

    /// The elements between two indices, in place. O(1).
    @inlinable
    public subscript(bounds: Range<Index>) -> SubSequence { SubSequence(tree[bounds]) }

    @inlinable
    public func index(after index: Index) -> Index { tree.index(after: index) }

    @inlinable
    public func index(before index: Index) -> Index { tree.index(before: index) }

    /// How many steps lead from one index to the other. O(leaves between them).
    @inlinable
    public func distance(from start: Index, to end: Index) -> Int {
        tree.distance(from: start, to: end)
    }

    @inlinable
    public var underestimatedCount: Int { count }

    @inlinable
    public func makeIterator() -> Iterator { Iterator(tree.makeIterator()) }

    /// Walks elements in ascending order. Inserting or removing while iterating traps at the next
    /// step.
    @frozen
    public struct Iterator: IteratorProtocol {
        @usableFromInline var entries: PersistentSortedMap<Element, NoValue>.Iterator

        @inlinable
        init(_ entries: PersistentSortedMap<Element, NoValue>.Iterator) { self.entries = entries }

        /// The next element, or nil. Amortised O(1).
        @inlinable
        public mutating func next() -> Element? { entries.next()?.key }
    }

    /// Elements that follow one another, in place: what `set[3 ..< 9]` is. Good until the next
    /// insertion or removal. Its `count` takes O(leaves).
    @frozen
    public struct SubSequence: BidirectionalCollection {
        public typealias Index = PersistentSortedSet.Index

        @usableFromInline let entries: PersistentSortedSlice<Element, NoValue>

        @inlinable
        init(_ entries: PersistentSortedSlice<Element, NoValue>) { self.entries = entries }

        @inlinable
        public var startIndex: Index { entries.startIndex }

        @inlinable
        public var endIndex: Index { entries.endIndex }

        /// The element at `index`. O(1).
        @inlinable
        public subscript(index: Index) -> Element { entries[index].key }

        @inlinable
        public subscript(bounds: Range<Index>) -> SubSequence { SubSequence(entries[bounds]) }

        @inlinable
        public func index(after index: Index) -> Index { entries.index(after: index) }

        @inlinable
        public func index(before index: Index) -> Index { entries.index(before: index) }

        @inlinable
        public func distance(from start: Index, to end: Index) -> Int {
            entries.distance(from: start, to: end)
        }

        @inlinable
        public var underestimatedCount: Int { 0 }

        @inlinable
        public func makeIterator() -> Iterator { Iterator(entries.makeIterator()) }
    }
}

// MARK: Stored form

extension PersistentSortedSet: PersistableContainer {
    /// Where the header lies.
    public typealias Stored = RelativePointer<StoredSortedMap>

    @inlinable
    public static func load(_ stored: Stored, from access: HeapAccess) -> PersistentSortedSet {
        PersistentSortedSet(tree: Tree.load(stored, from: access))
    }

    /// Copies `value` with all its elements, densely packed.
    @inlinable
    public static func store(_ value: PersistentSortedSet, in access: HeapAccess) -> Stored {
        Tree.store(value.tree, in: access)
    }

    @inlinable
    public static func storeEmpty(in access: HeapAccess) -> Stored { Tree.storeEmpty(in: access) }

    @inlinable
    public static func destroy(_ stored: Stored, in access: HeapAccess) {
        Tree.destroy(stored, in: access)
    }

    public static func verify(at place: UInt64, in verification: inout some BlockVerifier) {
        Tree.verify(at: place, in: &verification)
    }

    @inlinable
    public static var ownsMemory: Bool { true }

    public static func describe() throws(HeapError) -> TypeDescription {
        TypeDescription("SortedSet<\(try TypeDescription.text(of: Element.self))>")
    }
}

extension PersistentSortedSet {
    /// An empty set for a field of a new record: it is made in the heap when the record is stored.
    /// Until then it must not be used.
    @inlinable
    public init() { tree = Tree() }
}
