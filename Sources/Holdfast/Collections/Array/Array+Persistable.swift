import HoldfastEngine
import HoldfastSystem

/// An `Array` is stored as a ``PersistentArray`` is, in the same form and under the same name, so
/// that a field can change from one to the other without a migration.
///
/// It is a value: reading it copies all elements out of the heap, and storing it copies all of them
/// in. Use a `PersistentArray` to read or change a few of many elements.
extension Array: StoredAsOther, CollectionValue, Persistable where Element: Persistable {
    public typealias Stored = RelativePointer<StoredArray>
    @usableFromInline package typealias Base = PersistentArray<Element>

    /// - Complexity: O(*n*), where *n* is the count.
    public static func load(_ stored: Stored, from access: HeapAccess) -> [Element] {
        let elements = Base.load(stored, from: access)
        return DeepStack.run { [Element](elements) }
    }

    /// - Complexity: O(*n*), where *n* is the count.
    public static func store(_ value: [Element], in access: HeapAccess) -> Stored {
        let stored = Base.storeEmpty(in: access)
        if !value.isEmpty {
            let elements = Base.load(stored, from: access)
            elements.reserveCapacity(value.count)
            DeepStack.run { elements.append(contentsOf: value) }
        }
        return stored
    }
}

extension Array: PersistableValue where Element: PersistableValue {}
