/// The set algebra of ``PersistentSet``, ``PersistentSortedSet`` and ``PersistentBitSet``, with the
/// names and results of the standard library's `SetAlgebra`.
///
/// The sets do not conform to `SetAlgebra` itself: a copy of a handle leads to the same set, and
/// generic code may rely on copies being independent. For the same reason, the operations that
/// return a new set (``union(_:)`` and so on) return a `Set` in memory.
///
/// The other operand is a sequence of elements, or another set of a heap. In each case, elements
/// are compared as this set compares its own.
public protocol PersistentSetAlgebra<Element>: Sequence, CustomStringConvertible {
    /// The number of elements.
    var count: Int { get }

    /// Returns whether `element` is in the set.
    func contains(_ element: Element) -> Bool

    /// Adds `newMember`. Returns whether it is new, and the equal element that is in the set now.
    @discardableResult
    func insert(_ newMember: Element) -> (inserted: Bool, memberAfterInsert: Element)

    /// Removes `element`. Returns the equal element that was in the set, or nil.
    @discardableResult func remove(_ element: Element) -> Element?

    /// Removes the elements that satisfy `shouldBeRemoved`.
    func removeAll(where shouldBeRemoved: (Element) throws -> Bool) rethrows
}

extension PersistentSetAlgebra {
    /// Whether there are no elements.
    ///
    /// - Complexity: O(1).
    @inlinable
    public var isEmpty: Bool { count == 0 }

    /// The elements in brackets, in the order of iteration.
    public var description: String { "[" + map { "\($0)" }.joined(separator: ", ") + "]" }

    // MARK: Changing

    /// Adds all elements of `other`.
    ///
    /// - Complexity: One insertion per element of `other`.
    @inlinable
    public func formUnion(_ other: some Sequence<Element>) {
        for element in other { insert(element) }
    }

    /// Removes all elements of `other`.
    ///
    /// - Complexity: One removal per element of `other`.
    @inlinable
    public func subtract(_ other: some Sequence<Element>) {
        for element in other { remove(element) }
    }

    /// Removes all elements of `other`, which can be this set itself.
    @inlinable
    public func subtract(_ other: some PersistentSetAlgebra<Element>) {
        removeAll { other.contains($0) }
    }

    /// Keeps only the elements that are in `other` too.
    ///
    /// - Complexity: One lookup in `other` per element of this set.
    @inlinable
    public func formIntersection(_ other: some PersistentSetAlgebra<Element>) {
        removeAll { !other.contains($0) }
    }

    // MARK: Comparing

    /// Returns whether all elements are in `other`.
    ///
    /// - Complexity: One lookup in `other` per element.
    @inlinable
    public func isSubset(of other: some PersistentSetAlgebra<Element>) -> Bool {
        count <= other.count && allSatisfy { other.contains($0) }
    }

    /// Returns whether all elements of `other` are in this set.
    ///
    /// - Complexity: One lookup per element of `other`.
    @inlinable
    public func isSuperset(of other: some Sequence<Element>) -> Bool {
        other.allSatisfy { contains($0) }
    }

    /// Returns whether all elements of `other` are in this set, and others too.
    ///
    /// - Complexity: One lookup per element of `other`.
    @inlinable
    public func isStrictSuperset(of other: some PersistentSetAlgebra<Element>) -> Bool {
        count > other.count && isSuperset(of: other)
    }

    /// Returns whether all elements are in `other`, which has others too.
    ///
    /// - Complexity: One lookup in `other` per element.
    @inlinable
    public func isStrictSubset(of other: some PersistentSetAlgebra<Element>) -> Bool {
        count < other.count && isSubset(of: other)
    }

    /// Returns whether no element of `other` is in this set.
    ///
    /// - Complexity: One lookup per element of `other`.
    @inlinable
    public func isDisjoint(with other: some Sequence<Element>) -> Bool {
        !other.contains { contains($0) }
    }

    /// Returns whether both sets hold the same elements.
    @inlinable
    public static func == (left: Self, right: some PersistentSetAlgebra<Element>) -> Bool {
        left.count == right.count && left.isSubset(of: right)
    }
}

extension PersistentSetAlgebra where Element: Hashable {
    /// Keeps only the elements that are in `other` too. Converts `other` to a `Set` first, unless
    /// it is one.
    @inlinable
    public func formIntersection(_ other: some Sequence<Element>) {
        let other = Set(other)
        removeAll { !other.contains($0) }
    }

    /// Keeps the elements that are in exactly one of this set and `other`. Converts `other` to a
    /// `Set` first, unless it is one.
    @inlinable
    public func formSymmetricDifference(_ other: some Sequence<Element>) {
        for element in Set(other) where !insert(element).inserted { remove(element) }
    }

    /// Returns whether all elements are in `other`. Converts `other` to a `Set` first, unless it is
    /// one.
    @inlinable
    public func isSubset(of other: some Sequence<Element>) -> Bool {
        let other = Set(other)
        return count <= other.count && allSatisfy { other.contains($0) }
    }

    /// Returns whether all elements of `other` are in this set, and others too.
    @inlinable
    public func isStrictSuperset(of other: some Sequence<Element>) -> Bool {
        let other = Set(other)
        return count > other.count && isSuperset(of: other)
    }

    /// Returns whether all elements are in `other`, which has others too.
    @inlinable
    public func isStrictSubset(of other: some Sequence<Element>) -> Bool {
        let other = Set(other)
        return count < other.count && isSubset(of: other)
    }

    // MARK: Sets in memory

    /// Returns the elements of both, as a set in memory.
    ///
    /// - Complexity: O(*n* + *m*), where *n* and *m* are the counts.
    @inlinable
    public func union(_ other: some Sequence<Element>) -> Set<Element> { Set(self).union(other) }

    /// Returns the elements that are in both, as a set in memory.
    ///
    /// - Complexity: One lookup per element of `other`.
    @inlinable
    public func intersection(_ other: some Sequence<Element>) -> Set<Element> {
        Set(other.lazy.filter { contains($0) })
    }

    /// Returns the elements that are not in `other`, as a set in memory.
    ///
    /// - Complexity: O(*n* + *m*), where *n* and *m* are the counts.
    @inlinable
    public func subtracting(_ other: some Sequence<Element>) -> Set<Element> {
        Set(self).subtracting(other)
    }

    /// Returns the elements that are in exactly one of both, as a set in memory.
    ///
    /// - Complexity: O(*n* + *m*), where *n* and *m* are the counts.
    @inlinable
    public func symmetricDifference(_ other: some Sequence<Element>) -> Set<Element> {
        Set(self).symmetricDifference(other)
    }

    /// Returns whether both sets hold the same elements.
    ///
    /// - Complexity: O(*n*) lookups, where *n* is the count.
    @inlinable
    public static func == (left: Self, right: Set<Element>) -> Bool {
        left.count == right.count && left.allSatisfy { right.contains($0) }
    }
}
