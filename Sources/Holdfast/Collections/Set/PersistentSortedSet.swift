import HoldfastEngine

/// A sorted set in a heap.
///
/// A `PersistentSortedSet` is a handle. Copying it does not copy the elements, and a change through
/// one copy is visible through all, as with a class. It is valid inside its transaction; later use
/// traps with a message. In a read transaction it is read-only. Assigning it to a place in a heap
/// copies the elements.
///
///     let times = try tx.sortedSet("times", of: Date.self)
///     times.insert(.now)
///     for time in times[yesterday...] { … }
///     let next = times.element(after: .now)
///
/// Lookup, insertion and removal take O(log *n*) time, where *n* is the count. A sorted set is the
/// tree of a ``PersistentSortedMap`` without values.
@frozen
public struct PersistentSortedSet<Element: PersistableOrderedKey> {
    @usableFromInline package typealias Tree = PersistentSortedMap<Element, NoValue>

    @usableFromInline package let tree: Tree

    @inlinable
    init(tree: Tree) { self.tree = tree }
}

extension PersistentSortedSet: PersistentSetAlgebra {
    /// The number of elements.
    ///
    /// - Complexity: O(1).
    @inlinable
    public var count: Int { tree.count }

    /// Whether there are no elements.
    ///
    /// - Complexity: O(1).
    @inlinable
    public var isEmpty: Bool { tree.isEmpty }

    /// Returns whether `element` is in the set.
    ///
    /// - Complexity: O(log *n*), where *n* is the count.
    @inlinable
    public func contains(_ element: Element) -> Bool { tree.contains(element) }

    /// Adds `element`. If there is an equal element already, that one stays.
    ///
    /// - Returns: Whether the element is new, and the element that is in the set now.
    /// - Complexity: O(log *n*), where *n* is the count.
    @inlinable @discardableResult
    public func insert(_ newMember: Element) -> (inserted: Bool, memberAfterInsert: Element) {
        guard let found = tree.insertIfNew(newMember, NoValue()) else { return (true, newMember) }
        return (false, Element.load(found.pointee.key, from: tree.access))
    }

    /// Removes `element` and frees everything that it owned.
    ///
    /// - Returns: The element that was in the set, or nil.
    /// - Complexity: O(log *n*), where *n* is the count.
    @inlinable @discardableResult
    public func remove(_ element: Element) -> Element? {
        Element.withProbe(element) { probe in
            guard let removed = tree.remove(probe) else { return nil }
            let element = Element.load(removed.key, from: tree.access)
            tree.destroy(removed)
            return element
        }
    }

    /// Removes all elements and frees everything that they owned.
    ///
    /// - Complexity: O(*n*) if the elements own memory, where *n* is the count; otherwise O(number
    ///   of nodes).
    @inlinable
    public func removeAll() { tree.removeAll() }

    /// Removes the elements that satisfy `shouldBeRemoved`. The set must not be changed inside the
    /// closure.
    ///
    /// - Complexity: O(*n*), where *n* is the count.
    @inlinable
    public func removeAll(where shouldBeRemoved: (Element) throws -> Bool) rethrows {
        try tree.removeAll { try shouldBeRemoved($0.key) }
    }

    /// Adds elements that ascend and come after all existing ones, packed without gaps. Traps with
    /// a message at an element that does not.
    ///
    /// - Complexity: Amortised O(1) per element.
    @inlinable
    public func append(sorted elements: some Sequence<Element>) {
        tree.append(sorted: elements.lazy.map { (key: $0, value: NoValue()) })
    }
}

// MARK: Order

extension PersistentSortedSet {
    /// Returns the smallest element that is `element` or comes after it.
    ///
    /// - Complexity: O(log *n*), where *n* is the count.
    @inlinable
    public func element(atOrAfter element: Element) -> Element? {
        tree.entry(atOrAfter: element)?.key
    }

    /// Returns the smallest element after `element`.
    ///
    /// - Complexity: O(log *n*), where *n* is the count.
    @inlinable
    public func element(after element: Element) -> Element? { tree.entry(after: element)?.key }

    /// Returns the greatest element that is `element` or comes before it.
    ///
    /// - Complexity: O(log *n*), where *n* is the count.
    @inlinable
    public func element(atOrBefore element: Element) -> Element? {
        tree.entry(atOrBefore: element)?.key
    }

    /// Returns the greatest element before `element`.
    ///
    /// - Complexity: O(log *n*), where *n* is the count.
    @inlinable
    public func element(before element: Element) -> Element? { tree.entry(before: element)?.key }

    /// Returns the index of the first element that is `element` or comes after it, or `endIndex` if
    /// there is none.
    ///
    /// - Complexity: O(log *n*), where *n* is the count.
    @inlinable
    public func index(atOrAfter element: Element) -> Index { tree.index(atOrAfter: element) }

    /// Returns the index of `element`, or nil if it is not in the set.
    ///
    /// - Complexity: O(log *n*), where *n* is the count.
    @inlinable
    public func index(of element: Element) -> Index? { tree.index(forKey: element) }

    /// Removes and returns the smallest element, or nil if there is none.
    ///
    /// - Complexity: O(log *n*), where *n* is the count.
    @inlinable
    public func popFirst() -> Element? { tree.popFirst()?.key }

    /// Removes and returns the greatest element, or nil if there is none.
    ///
    /// - Complexity: O(log *n*), where *n* is the count.
    @inlinable
    public func popLast() -> Element? { tree.popLast()?.key }

    /// Removes and returns the smallest element. Traps if there is none.
    ///
    /// - Complexity: O(log *n*), where *n* is the count.
    @inlinable @discardableResult
    public func removeFirst() -> Element { tree.removeFirst().key }

    /// Removes and returns the greatest element. Traps if there is none.
    ///
    /// - Complexity: O(log *n*), where *n* is the count.
    @inlinable @discardableResult
    public func removeLast() -> Element { tree.removeLast().key }
}

extension PersistentSortedSet where Element: Comparable {
    /// The elements in `range`: a view of them in place.
    ///
    /// - Complexity: O(log *n*), where *n* is the count.
    @inlinable
    public subscript(range: Range<Element>) -> SubSequence { SubSequence(tree[range]) }

    /// The elements in `range`, including both bounds.
    ///
    /// - Complexity: O(log *n*), where *n* is the count.
    @inlinable
    public subscript(range: ClosedRange<Element>) -> SubSequence { SubSequence(tree[range]) }

    /// The elements from a lower bound on, including the bound.
    ///
    /// - Complexity: O(log *n*), where *n* is the count.
    @inlinable
    public subscript(range: PartialRangeFrom<Element>) -> SubSequence { SubSequence(tree[range]) }

    /// The elements before an upper bound.
    ///
    /// - Complexity: O(log *n*), where *n* is the count.
    @inlinable
    public subscript(range: PartialRangeUpTo<Element>) -> SubSequence { SubSequence(tree[range]) }

    /// The elements up to an upper bound, including the bound.
    ///
    /// - Complexity: O(log *n*), where *n* is the count.
    @inlinable
    public subscript(range: PartialRangeThrough<Element>) -> SubSequence {
        SubSequence(tree[range])
    }
}

extension PersistentSortedSet where Element == String {
    /// Returns the elements that begin with `prefix`. See
    /// ``PersistentSortedMap/entries(withPrefix:)``.
    ///
    /// - Complexity: O(log *n*), where *n* is the count.
    public func elements(withPrefix prefix: String) -> SubSequence {
        SubSequence(tree.entries(withPrefix: prefix))
    }
}

// MARK: Collection

extension PersistentSortedSet: BidirectionalCollection {
    /// The position of an element, valid until the next insertion or removal. Later use traps with
    /// a message.
    public typealias Index = PersistentSortedMap<Element, NoValue>.Index

    @inlinable
    public var startIndex: Index { tree.startIndex }

    @inlinable
    public var endIndex: Index { tree.endIndex }

    /// The element at `index`.
    ///
    /// - Complexity: O(1).
    @inlinable
    public subscript(index: Index) -> Element { tree[index].key }

    /// The elements between two indices, in place.
    ///
    /// - Complexity: O(1).
    @inlinable
    public subscript(bounds: Range<Index>) -> SubSequence { SubSequence(tree[bounds]) }

    @inlinable
    public func index(after index: Index) -> Index { tree.index(after: index) }

    @inlinable
    public func index(before index: Index) -> Index { tree.index(before: index) }

    /// Returns the number of steps from one index to the other.
    ///
    /// - Complexity: O(number of leaves between them).
    @inlinable
    public func distance(from start: Index, to end: Index) -> Int {
        tree.distance(from: start, to: end)
    }

    @inlinable
    public var underestimatedCount: Int { count }

    @inlinable
    public func makeIterator() -> Iterator { Iterator(tree.makeIterator()) }

    /// An iterator over the elements in ascending order. Inserting or removing during iteration
    /// traps at the next step.
    @frozen
    public struct Iterator: IteratorProtocol {
        @usableFromInline var entries: PersistentSortedMap<Element, NoValue>.Iterator

        @inlinable
        init(_ entries: PersistentSortedMap<Element, NoValue>.Iterator) { self.entries = entries }

        /// Returns the next element, or nil at the end.
        ///
        /// - Complexity: Amortised O(1).
        @inlinable
        public mutating func next() -> Element? { entries.next()?.key }
    }

    /// Consecutive elements of a sorted set, in place, such as `set[3 ..< 9]`.
    ///
    /// Valid until the next insertion or removal. Computing its `count` takes O(number of leaves).
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

        /// The element at `index`.
        ///
        /// - Complexity: O(1).
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

extension PersistentSortedSet: WrappingHandle {
    /// The place of the header.
    public typealias Stored = RelativePointer<StoredSortedMap>
    @usableFromInline package typealias Base = PersistentSortedMap<Element, NoValue>

    @inlinable
    var base: Base { tree }

    @inlinable
    init(base: PersistentSortedMap<Element, NoValue>) { self.init(tree: base) }

    public static func describe() throws(HeapError) -> TypeDescription {
        TypeDescription("SortedSet<\(try TypeDescription.text(of: Element.self))>")
    }
}

extension PersistentSortedSet {
    /// Creates an empty set for a field of a new record. It is created in the heap when the record
    /// is stored, and must not be used before that.
    @inlinable
    public init() { tree = Tree() }
}
