import HoldfastEngine

/// A stored property of a record, as ``HeapRecord/storedFields`` lists it.
public struct RecordField: Sendable {
    /// Completes the stored form of a field, whose bytes are zeros.
    typealias Default = @Sendable (UnsafeMutableRawPointer, HeapAccess) -> Void

    let name: String
    /// The record that the property belongs to.
    let recordType: ObjectIdentifier
    /// Nil if access to the property runs code of its own, such as observers.
    let memoryOffset: Int?
    let valueType: any Persistable.Type
    /// The field's type again, if it is an optional.
    let optionalType: (any OptionalField.Type)?
    let size: Int
    let alignment: Int
    /// Nil if there is none.
    private(set) var makeDefault: Default?

    /// Creates an entry for the property that `path` leads to.
    ///
    /// - Parameter name: The name of the field in the heap. It stays the same when the property is
    ///   renamed.
    public init<Record: HeapRecord, Value: Persistable>(
        _ name: String, _ path: KeyPath<Record, Value>
    ) {
        self.name = name
        recordType = ObjectIdentifier(Record.self)
        memoryOffset = MemoryLayout<Record>.offset(of: path)
        valueType = Value.self
        optionalType = Value.self as? any OptionalField.Type
        size = MemoryLayout<Value>.size
        alignment = MemoryLayout<Value>.alignment
    }

    /// Creates an entry for the property that `path` leads to, with the value that it has in
    /// records which were stored before the type had it. See ``SchemaChanges``.
    public init<Record: HeapRecord, Value: Persistable>(
        _ name: String, _ path: KeyPath<Record, Value>,
        default value: @autoclosure @escaping @Sendable () -> Value
    ) {
        self.init(name, path)
        makeDefault = { memory, access in
            memory.storeBytes(of: Value.store(value(), in: access), as: Value.Stored.self)
            Value.clearPadding(at: memory)
        }
    }

    /// Refuses a property whose type has no stored form, with a better message than that of a
    /// missing conformance.
    @available(
        *, unavailable,
        message: """
            this property cannot be stored in a heap, because its type is not Persistable; \
            use a @Persistable struct or enum, a HeapRef, or a persistent collection
            """
    )
    @_disfavoredOverload
    public init<Record: HeapRecord, Value>(
        _ name: String, _ path: KeyPath<Record, Value>, default value: Value? = nil
    ) {
        fatalError("Holdfast: not Persistable")
    }

    /// Returns the offsets of the fields in a struct that consists of them, or nil if the struct
    /// has others, too, or has them in another order.
    ///
    /// A struct has its stored properties in the order of their declaration, each at the next
    /// multiple of its alignment. So the offsets of properties with observers follow from the
    /// others' sizes.
    static func memoryOffsets(_ fields: [RecordField], in type: any HeapRecord.Type)
        -> [Int]?
    {
        var offsets: [Int] = []
        var end = 0
        for field in fields {
            let offset = end.roundedUp(to: field.alignment)
            guard field.recordType == ObjectIdentifier(type), offset == field.memoryOffset ?? offset
            else { return nil }
            offsets.append(offset)
            end = offset + field.size
        }
        return end == TypeFacts.size(of: type) ? offsets : nil
    }
}
