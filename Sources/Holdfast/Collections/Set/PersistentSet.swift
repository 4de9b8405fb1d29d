import HoldfastEngine

/// A set that lives in a heap: its elements in no particular order.
///
/// A `PersistentSet` is a handle: copying it does not copy the elements, and a change through one
/// copy is seen through all, as with a class. It is valid inside its transaction; used later, it
/// traps with a sentence. In a read transaction it can only be read. Assigning it to a place in a
/// heap copies the elements.
///
///     let seen = try tx.set("seen", of: String.self)
///     if seen.insert(url) { … }
///     seen.subtract(["a", "b"])
///
/// Looking up, inserting and removing take O(1) expected time. It is the table of a
/// ``PersistentMap`` without values.
@frozen
public struct PersistentSet<Element: PersistableKey> {
    @usableFromInline package typealias Table = PersistentMap<Element, NoValue>

    @usableFromInline package let table: Table

    @inlinable
    init(table: Table) { self.table = table }
}

/// The value of a set's elements: no bytes.
@frozen
public struct NoValue: PersistableStruct {
    @inlinable
    init() {}
}

extension PersistentSet: PersistentSetAlgebra {
    /// The number of elements. O(1).
    @inlinable
    public var count: Int { table.count }

    /// Whether `element` is in the set. O(1) expected.
    @inlinable
    public func contains(_ element: Element) -> Bool { table.contains(element) }

    /// Adds `element`; returns whether it was new. An equal element that is there already stays as
    /// it is. O(1) expected.
    @inlinable @discardableResult
    public func insert(_ element: Element) -> Bool { table.updateValue(NoValue(), forKey: element) }

    /// Removes `element` and frees what it owned; returns whether it was there. O(1) expected.
    @inlinable @discardableResult
    public func remove(_ element: Element) -> Bool { table.removeValue(forKey: element) }

    /// Removes all elements and frees what they owned. O(capacity).
    @inlinable
    public func removeAll() { table.removeAll() }

    /// Removes the elements that `shouldBeRemoved` says yes to. O(count), with a copy of them in
    /// memory.
    @inlinable
    public func removeAll(where shouldBeRemoved: (Element) throws -> Bool) rethrows {
        for element in try filter(shouldBeRemoved) { remove(element) }
    }
}

extension PersistentSet: Sequence {
    /// Walks the elements in the table's order, which is the same in every process but changes as
    /// the set grows.
    ///
    /// Inserting or removing while iterating traps at the next step.
    @frozen
    public struct Iterator: IteratorProtocol {
        @usableFromInline var entries: PersistentMap<Element, NoValue>.Iterator

        @inlinable
        init(_ entries: PersistentMap<Element, NoValue>.Iterator) { self.entries = entries }

        /// The next element, or nil. Amortised O(1).
        @inlinable
        public mutating func next() -> Element? { entries.next()?.key }
    }

    @inlinable
    public func makeIterator() -> Iterator { Iterator(table.makeIterator()) }

    @inlinable
    public var underestimatedCount: Int { count }
}

extension PersistentSet: PersistableContainer {
    /// Where the header lies.
    public typealias Stored = RelativePointer<StoredMap>

    @inlinable
    public static func load(_ stored: Stored, from access: HeapAccess) -> PersistentSet {
        PersistentSet(table: Table.load(stored, from: access))
    }

    /// Copies `value` with all its elements.
    @inlinable
    public static func store(_ value: PersistentSet, in access: HeapAccess) -> Stored {
        Table.store(value.table, in: access)
    }

    @inlinable
    public static func storeEmpty(in access: HeapAccess) -> Stored { Table.storeEmpty(in: access) }

    @inlinable
    public static func destroy(_ stored: Stored, in access: HeapAccess) {
        Table.destroy(stored, in: access)
    }

    public static func verify(at place: UInt64, in verification: inout some BlockVerifier) {
        Table.verify(at: place, in: &verification)
    }

    @inlinable
    public static var ownsMemory: Bool { true }

    public static func describe() throws(HeapError) -> TypeDescription {
        TypeDescription("Set<\(try TypeDescription.text(of: Element.self))>")
    }
}

extension PersistentSet {
    /// An empty set for a field of a new record: it is made in the heap when the record is stored.
    /// Until then it must not be used.
    @inlinable
    public init() { table = Table() }
}
