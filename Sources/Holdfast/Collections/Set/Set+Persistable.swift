import HoldfastEngine

/// A `Set` is stored as a ``PersistentSet`` is, in the same form and under the same name, so
/// that a field can change from one to the other without a migration.
///
/// It is a value: reading it copies all elements out of the heap, and storing it copies all of them
/// in. Use a `PersistentSet` to look up or change a few of many elements.
extension Set: StoredAsOther, CollectionValue, Persistable where Element: PersistableKey {
    public typealias Stored = PersistentSet<Element>.Stored
    @usableFromInline package typealias Base = PersistentSet<Element>

    /// - Complexity: O(*n*), where *n* is the count.
    public static func load(_ stored: Stored, from access: HeapAccess) -> Set<Element> {
        let elements = Base.load(stored, from: access)
        return Set(elements)
    }

    /// - Complexity: O(*n*), where *n* is the count.
    public static func store(_ value: Set<Element>, in access: HeapAccess) -> Stored {
        let stored = Base.storeEmpty(in: access)
        if !value.isEmpty {
            let elements = Base.load(stored, from: access)
            for element in value { elements.insert(element) }
        }
        return stored
    }
}

extension Set: PersistableValue where Element: PersistableKey & PersistableValue {}
