import HoldfastEngine
import HoldfastSystem

extension PersistentSortedMap: BidirectionalCollection {
    public typealias Element = (key: Key, value: Value)

    /// The position of an entry, valid until the next insertion or removal. Later use traps with a
    /// message.
    @frozen
    public struct Index: Hashable, Comparable, Sendable {
        @usableFromInline let path: SortedPath
        /// The leaf, or 0 for the end.
        @usableFromInline let leaf: UInt64
        @usableFromInline let position: Int
        /// The map's count of changes, and the identity of the map.
        @usableFromInline let changes: UInt64
        @usableFromInline let map: UInt64

        @inlinable
        init(path: SortedPath, leaf: UInt64, position: Int, changes: UInt64, map: UInt64) {
            self.path = path
            self.leaf = leaf
            self.position = position
            self.changes = changes
            self.map = map
        }

        @inlinable
        public static func < (left: Index, right: Index) -> Bool {
            (left.path, left.position) < (right.path, right.position)
        }
    }

    /// The index of the first entry.
    ///
    /// - Complexity: O(log *n*), where *n* is the count.
    @inlinable
    public var startIndex: Index { index(place { _ in 0 }, 0) }

    /// The index after the last entry.
    ///
    /// - Complexity: O(1).
    @inlinable
    public var endIndex: Index { index(nil, 0) }

    /// Returns the index of a position in a leaf. A position after the last entry becomes the first
    /// of the next leaf.
    @inlinable
    func index(_ place: Place?, _ position: Int) -> Index {
        let changes = opened("index").pointee.changes
        var place = place
        var position = position
        while let here = place {
            if position < leaf(here).count {
                return Index(
                    path: here.path, leaf: here.offset, position: position, changes: changes,
                    map: offset)
            }
            place = self.place(after: here)
            position = 0
        }
        return Index(
            path: SortedPath(word: .max), leaf: 0, position: 0, changes: changes, map: offset)
    }

    @inlinable @inline(__always)
    func check(_ index: Index) {
        guard index.map == offset, opened("index").pointee.changes == index.changes else {
            trap(.staleIndex, "index")
        }
    }

    /// Returns the leaf of an index that is not the end.
    @inlinable
    func place(_ index: Index) -> Place {
        check(index)
        guard index.leaf != 0 else { trap(.behindTheEnd) }
        return Place(path: index.path, offset: index.leaf)
    }

    /// The entry at `index`.
    ///
    /// - Complexity: O(1).
    @inlinable
    public subscript(index: Index) -> (key: Key, value: Value) {
        element(leaf(place(index)), index.position)
    }

    @inlinable @inline(__always)
    func element(_ leaf: Leaf, _ position: Int) -> (key: Key, value: Value) {
        let slot = leaf.slot(position, access)
        return (
            Key.load(slot.pointee.key, from: access), Value.load(slot.pointee.value, from: access)
        )
    }

    /// The entries between two indices, in place.
    ///
    /// - Complexity: O(1).
    @inlinable
    public subscript(bounds: Range<Index>) -> PersistentSortedSlice<Key, Value> {
        PersistentSortedSlice(
            base: self, startIndex: bounds.lowerBound, endIndex: bounds.upperBound)
    }

    /// Returns the next index.
    ///
    /// - Complexity: Amortised O(1).
    @inlinable
    public func index(after index: Index) -> Index { self.index(place(index), index.position + 1) }

    /// Returns the previous index.
    ///
    /// - Complexity: Amortised O(1).
    @inlinable
    public func index(before index: Index) -> Index {
        check(index)
        if index.leaf != 0 && index.position > 0 {
            return Index(
                path: index.path, leaf: index.leaf, position: index.position - 1,
                changes: index.changes, map: offset)
        }
        var here =
            index.leaf == 0
            ? place { $0.count - 1 } : place(before: Place(path: index.path, offset: index.leaf))
        while let place = here {
            let count = leaf(place).count
            if count > 0 { return self.index(place, count - 1) }
            here = self.place(before: place)
        }
        trap(.behindTheEnd)
    }

    /// Returns the number of steps from one index to the other.
    ///
    /// - Complexity: O(number of leaves between them).
    @inlinable
    public func distance(from start: Index, to end: Index) -> Int {
        check(start)
        check(end)
        if end < start { return -distance(from: end, to: start) }
        if start.leaf == end.leaf { return end.position - start.position }
        var place = self.place(start)
        var distance = leaf(place).count - start.position
        while let next = self.place(after: place), next.offset != end.leaf {
            distance += leaf(next).count
            place = next
        }
        return distance + end.position
    }

    @inlinable
    public var underestimatedCount: Int { count }

    @inlinable
    public func makeIterator() -> Iterator { Iterator(self, place { _ in 0 }, 0, end: nil) }

    /// The keys, in ascending order.
    public var keys: some BidirectionalCollection<Key> { lazy.map(\.key) }

    /// The values, in the order of their keys.
    public var values: some BidirectionalCollection<Value> { lazy.map(\.value) }
}

extension PersistentSortedMap {
    /// An iterator over the entries in ascending order of their keys.
    ///
    /// Values of existing keys may be changed during iteration. Inserting or removing traps at the
    /// next step.
    @frozen
    public struct Iterator: IteratorProtocol {
        @usableFromInline let map: PersistentSortedMap
        /// The map's count of changes, and its value when iteration began. The address is valid
        /// while the transaction is open.
        @usableFromInline let header: UnsafeMutablePointer<SortedHeader>
        @usableFromInline let changes: UInt64
        /// The current leaf, the next position in it, and the position to stop before.
        @usableFromInline var place: Place?
        @usableFromInline var leaf: Leaf
        @usableFromInline var position: Int
        @usableFromInline var limit = 0
        /// The end of the iteration: the leaf (0 for the map's last) and the position in it.
        @usableFromInline let end: UInt64
        @usableFromInline let endPosition: Int
        /// The index of the leaf among its parent's children, and the place of the following ones.
        @usableFromInline var child = 0
        @usableFromInline var children: UnsafeMutableBufferPointer<UInt64>
        @usableFromInline var ahead = ReadAhead()

        @inlinable
        init(_ map: PersistentSortedMap, _ place: Place?, _ position: Int, end: Index?) {
            self.map = map
            self.place = place
            self.position = position
            self.end = end?.leaf ?? 0
            endPosition = end?.position ?? 0
            header = map.opened("makeIterator()")
            changes = header.pointee.changes
            leaf = Leaf(base: UnsafeMutableRawPointer(header))
            children = UnsafeMutableBufferPointer(start: nil, count: 0)
            if let place {
                enter(place)
                findSiblings(place)
            }
        }

        @inlinable @inline(__always)
        mutating func enter(_ place: Place) {
            self.place = place
            leaf = map.leaf(place)
            limit = place.offset == end ? endPosition : leaf.count
        }

        /// Finds the leaves that follow the given one, and starts fetching them.
        @inlinable
        mutating func findSiblings(_ place: Place) {
            guard
                let (level, parent) = map.lowestNode(
                    on: place.path, header, map.height(header), where: { _, _ in true })
            else {
                return
            }
            child = place.path[level]
            children = UnsafeMutableBufferPointer(start: parent.children, count: parent.count)
            for ahead in 1 ... Self.leavesAhead { prefetch(child &+ ahead) }
        }

        /// The number of leaves that are fetched ahead. Fetching a single leaf takes as long as
        /// reading several.
        @inlinable @inline(__always)
        static var leavesAhead: Int { 3 }

        @inlinable @inline(__always)
        func prefetch(_ child: Int) {
            guard child < children.count else { return }
            Leaf.prefetch(map.access, children[child])
        }

        /// Returns the next entry, or nil at the end.
        ///
        /// - Complexity: Amortised O(1).
        @inlinable
        public mutating func next() -> (key: Key, value: Value)? {
            guard let slot = nextSlot() else { return nil }
            return (
                Key.load(slot.pointee.key, from: map.access),
                Value.load(slot.pointee.value, from: map.access)
            )
        }

        @inlinable @inline(__always)
        mutating func nextSlot() -> UnsafeMutablePointer<Slot>? {
            guard map.access.isOpen else { map.trap(.iteratorOutlived, "next()") }
            guard header.pointee.changes == changes else {
                map.trap(.changedWhileIterating, "next()")
            }
            while position >= limit {
                guard nextLeaf() else { return nil }
            }
            let slot = leaf.slot(position, map.access)
            position &+= 1
            return slot
        }

        @inlinable
        mutating func nextLeaf() -> Bool {
            guard let here = place, here.offset != end else { return false }
            if child &+ 1 < children.count {
                child &+= 1
                let path = here.path.taking(child, at: Int(header.pointee.height) &- 1)
                prefetch(child &+ Self.leavesAhead)
                ahead.pass(children[child], Leaf.byteCount, map.access)
                enter(Place(path: path, offset: children[child]))
            } else {
                // After the last entry the iterator stays where it is, and ends again.
                guard let next = map.place(after: here) else { return false }
                enter(next)
                findSiblings(next)
            }
            position = 0
            return true
        }
    }
}

extension PersistentSortedMap: CustomStringConvertible {
    /// The entries as a dictionary literal, in ascending order.
    public var description: String {
        if isEmpty { return "[:]" }
        return access.text { "[" + map { "\($0.key): \($0.value)" }.joined(separator: ", ") + "]" }
    }
}

extension PersistentSortedMap where Key: Hashable, Value: Equatable {
    /// Returns whether both hold the same keys with equal values.
    ///
    /// - Complexity: O(*n* log *n*) expected, where *n* is the count.
    @inlinable
    public static func == (left: PersistentSortedMap, right: [Key: Value]) -> Bool {
        left.count == right.count
            && DeepStack.run { left.allSatisfy { right[$0.key] == $0.value } }
    }
}

/// Consecutive entries of a ``PersistentSortedMap``, in place, such as `map["a" ..< "f"]`.
///
/// A slice is a view: it copies nothing, and is valid until the next insertion or removal.
/// Computing its `count` takes O(number of leaves).
@frozen
public struct PersistentSortedSlice<Key: PersistableOrderedKey, Value: Persistable>:
    BidirectionalCollection
{
    public typealias Index = PersistentSortedMap<Key, Value>.Index

    /// The map that the slice is a part of.
    public let base: PersistentSortedMap<Key, Value>
    public let startIndex: Index
    public let endIndex: Index

    @inlinable
    init(base: PersistentSortedMap<Key, Value>, startIndex: Index, endIndex: Index) {
        self.base = base
        self.startIndex = startIndex
        self.endIndex = endIndex
    }

    /// The entry at `index`.
    ///
    /// - Complexity: O(1).
    @inlinable
    public subscript(index: Index) -> (key: Key, value: Value) { base[index] }

    @inlinable
    public subscript(bounds: Range<Index>) -> PersistentSortedSlice {
        PersistentSortedSlice(
            base: base, startIndex: bounds.lowerBound, endIndex: bounds.upperBound)
    }

    @inlinable
    public func index(after index: Index) -> Index { base.index(after: index) }

    @inlinable
    public func index(before index: Index) -> Index { base.index(before: index) }

    @inlinable
    public func distance(from start: Index, to end: Index) -> Int {
        base.distance(from: start, to: end)
    }

    /// 0, because counting would take longer than a single lookup.
    @inlinable
    public var underestimatedCount: Int { 0 }

    @inlinable
    public func makeIterator() -> PersistentSortedMap<Key, Value>.Iterator {
        base.check(startIndex)
        if startIndex == endIndex { return .init(base, nil, 0, end: nil) }
        return .init(base, base.place(startIndex), startIndex.position, end: endIndex)
    }

    /// The keys, in ascending order.
    public var keys: some BidirectionalCollection<Key> { lazy.map(\.key) }

    /// The values, in the order of their keys.
    public var values: some BidirectionalCollection<Value> { lazy.map(\.value) }
}
