/// The set algebra, in place, of ``PersistentSet`` and ``PersistentSortedSet``.
///
/// The other operand is a sequence of elements, or another set of a heap. In each case, elements
/// are compared as this set compares its own.
public protocol PersistentSetAlgebra<Element>: Sequence, CustomStringConvertible {
    /// The number of elements.
    var count: Int { get }

    /// Returns whether `element` is in the set.
    func contains(_ element: Element) -> Bool

    /// Adds `element`. Returns whether it is new.
    @discardableResult func insert(_ element: Element) -> Bool

    /// Removes `element`. Returns whether it was in the set.
    @discardableResult func remove(_ element: Element) -> Bool

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
        for element in Set(other) where !insert(element) { remove(element) }
    }

    /// Returns whether all elements are in `other`. Converts `other` to a `Set` first, unless it is
    /// one.
    @inlinable
    public func isSubset(of other: some Sequence<Element>) -> Bool {
        let other = Set(other)
        return count <= other.count && allSatisfy { other.contains($0) }
    }

    /// Returns whether both sets hold the same elements.
    ///
    /// - Complexity: O(*n*) lookups, where *n* is the count.
    @inlinable
    public static func == (left: Self, right: Set<Element>) -> Bool {
        left.count == right.count && left.allSatisfy { right.contains($0) }
    }
}
