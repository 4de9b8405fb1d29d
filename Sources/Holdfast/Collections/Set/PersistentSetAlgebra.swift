/// What ``PersistentSet`` and ``PersistentSortedSet`` have in common: the algebra of sets, in
/// place.
///
/// The other side is a sequence of elements, or another set of a heap. Whatever the other side is,
/// elements are compared as the set compares its own.
public protocol PersistentSetAlgebra<Element>: Sequence, CustomStringConvertible {
    /// The number of elements.
    var count: Int { get }

    /// Whether `element` is in the set.
    func contains(_ element: Element) -> Bool

    /// Adds `element`; returns whether it was new.
    @discardableResult func insert(_ element: Element) -> Bool

    /// Removes `element`; returns whether it was there.
    @discardableResult func remove(_ element: Element) -> Bool

    /// Removes the elements that `shouldBeRemoved` says yes to.
    func removeAll(where shouldBeRemoved: (Element) throws -> Bool) rethrows
}

extension PersistentSetAlgebra {
    /// Whether there are no elements. O(1).
    @inlinable
    public var isEmpty: Bool { count == 0 }

    /// The elements in brackets, in the order of iteration.
    public var description: String { "[" + map { "\($0)" }.joined(separator: ", ") + "]" }

    // MARK: Changing

    /// Adds all elements of `other`. One insertion for each.
    @inlinable
    public func formUnion(_ other: some Sequence<Element>) {
        for element in other { insert(element) }
    }

    /// Removes all elements of `other`. One removal for each.
    @inlinable
    public func subtract(_ other: some Sequence<Element>) {
        for element in other { remove(element) }
    }

    /// Removes all elements of `other`, which can be the set itself.
    @inlinable
    public func subtract(_ other: some PersistentSetAlgebra<Element>) {
        removeAll { other.contains($0) }
    }

    /// Keeps only what is in `other` too. One look-up in `other` for each element of the set.
    @inlinable
    public func formIntersection(_ other: some PersistentSetAlgebra<Element>) {
        removeAll { !other.contains($0) }
    }

    // MARK: Comparing

    /// Whether all elements are in `other`. One look-up in `other` for each.
    @inlinable
    public func isSubset(of other: some PersistentSetAlgebra<Element>) -> Bool {
        count <= other.count && allSatisfy { other.contains($0) }
    }

    /// Whether all elements of `other` are in the set. One look-up for each.
    @inlinable
    public func isSuperset(of other: some Sequence<Element>) -> Bool {
        other.allSatisfy { contains($0) }
    }

    /// Whether no element of `other` is in the set. One look-up for each.
    @inlinable
    public func isDisjoint(with other: some Sequence<Element>) -> Bool {
        !other.contains { contains($0) }
    }

    /// Whether both hold the same elements.
    @inlinable
    public static func == (left: Self, right: some PersistentSetAlgebra<Element>) -> Bool {
        left.count == right.count && left.isSubset(of: right)
    }
}

extension PersistentSetAlgebra where Element: Hashable {
    /// Keeps only what is in `other` too. `other` is made a `Set` first, unless it is one.
    @inlinable
    public func formIntersection(_ other: some Sequence<Element>) {
        let other = Set(other)
        removeAll { !other.contains($0) }
    }

    /// Keeps what is either in the set or in `other`, but not in both. `other` is made a `Set`
    /// first, unless it is one.
    @inlinable
    public func formSymmetricDifference(_ other: some Sequence<Element>) {
        for element in Set(other) where !insert(element) { remove(element) }
    }

    /// Whether all elements are in `other`, which is made a `Set` first, unless it is one.
    @inlinable
    public func isSubset(of other: some Sequence<Element>) -> Bool {
        let other = Set(other)
        return count <= other.count && allSatisfy { other.contains($0) }
    }

    /// Whether both hold the same elements. O(count) look-ups.
    @inlinable
    public static func == (left: Self, right: Set<Element>) -> Bool {
        left.count == right.count && left.allSatisfy { right.contains($0) }
    }
}
