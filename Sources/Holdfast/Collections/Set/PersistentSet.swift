import HoldfastEngine

/// A set in a heap, in no particular order.
///
/// A `PersistentSet` is a handle. Copying it does not copy the elements, and a change through one
/// copy is visible through all, as with a class. It is valid inside its transaction; later use
/// traps with a message. In a read transaction it is read-only. Assigning it to a place in a heap
/// copies the elements.
///
///     let seen = try tx.set("seen", of: String.self)
///     if seen.insert(url) { … }
///     seen.subtract(["a", "b"])
///
/// Lookup, insertion and removal take O(1) expected time. A set is the table of a ``PersistentMap``
/// without values.
@frozen
public struct PersistentSet<Element: PersistableKey> {
    @usableFromInline package typealias Table = PersistentMap<Element, NoValue>

    @usableFromInline package let table: Table

    @inlinable
    init(table: Table) { self.table = table }
}

/// The value type of a set's table. It has no bytes.
@frozen
public struct NoValue: HeapStruct {
    @inlinable
    init() {}
}

extension PersistentSet: PersistentSetAlgebra {
    /// The number of elements.
    ///
    /// - Complexity: O(1).
    @inlinable
    public var count: Int { table.count }

    /// Returns whether `element` is in the set.
    ///
    /// - Complexity: O(1) expected.
    @inlinable
    public func contains(_ element: Element) -> Bool { table.contains(element) }

    /// Adds `element`. If there is an equal element already, that one stays.
    ///
    /// - Returns: Whether the element is new, and the element that is in the set now.
    /// - Complexity: O(1) expected.
    @inlinable @discardableResult
    public func insert(_ newMember: Element) -> (inserted: Bool, memberAfterInsert: Element) {
        guard let found = table.insertIfNew(newMember, NoValue()) else { return (true, newMember) }
        return (false, Element.load(found.pointee.key, from: table.access))
    }

    /// Removes `element` and frees everything that it owned.
    ///
    /// - Returns: The element that was in the set, or nil.
    /// - Complexity: O(1) expected.
    @inlinable @discardableResult
    public func remove(_ element: Element) -> Element? {
        Element.withProbe(element) { probe in
            guard
                let removed = table.remove(
                    probe, Element.hash(probe, seed: table.access.hashSeed))
            else { return nil }
            let element = Element.load(removed.key, from: table.access)
            table.destroy(removed)
            return element
        }
    }

    /// Removes all elements and frees everything that they owned.
    ///
    /// - Complexity: O(*c*), where *c* is the capacity.
    @inlinable
    public func removeAll() { table.removeAll() }

    /// Removes the elements that satisfy `shouldBeRemoved`. Copies the elements in memory.
    ///
    /// - Complexity: O(*n*), where *n* is the count.
    @inlinable
    public func removeAll(where shouldBeRemoved: (Element) throws -> Bool) rethrows {
        for element in try filter(shouldBeRemoved) { remove(element) }
    }
}

extension PersistentSet: Sequence {
    /// An iterator over the elements in the order of the table, which is the same in every process
    /// but changes as the set grows.
    ///
    /// Inserting or removing during iteration traps at the next step.
    @frozen
    public struct Iterator: IteratorProtocol {
        @usableFromInline var entries: PersistentMap<Element, NoValue>.Iterator

        @inlinable
        init(_ entries: PersistentMap<Element, NoValue>.Iterator) { self.entries = entries }

        /// Returns the next element, or nil at the end.
        ///
        /// - Complexity: Amortised O(1).
        @inlinable
        public mutating func next() -> Element? { entries.next()?.key }
    }

    @inlinable
    public func makeIterator() -> Iterator { Iterator(table.makeIterator()) }

    @inlinable
    public var underestimatedCount: Int { count }
}

extension PersistentSet: WrappingHandle {
    /// The place of the header.
    public typealias Stored = RelativePointer<StoredMap>
    @usableFromInline package typealias Base = PersistentMap<Element, NoValue>

    @inlinable
    var base: Base { table }

    @inlinable
    init(base: PersistentMap<Element, NoValue>) { self.init(table: base) }

    public static func describe() throws(HeapError) -> TypeDescription {
        TypeDescription("Set<\(try TypeDescription.text(of: Element.self))>")
    }
}

extension PersistentSet {
    /// Creates an empty set for a field of a new record. It is created in the heap when the record
    /// is stored, and must not be used before that.
    @inlinable
    public init() { table = Table() }
}
