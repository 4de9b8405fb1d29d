/// A stored property of a plain struct about which the heap needs to know more than reflection
/// finds. See ``HeapStruct/plainFields``.
public struct PlainField: Sendable {
    /// The name of the field in the heap.
    let name: String
    /// The offset in bytes from the start of the struct. Nil for a computed property.
    let offset: Int?
    /// Writes the value of a field that a stored struct did not have.
    let makeDefault: (@Sendable (UnsafeMutableRawPointer) -> Void)?

    /// Creates an entry for the property that `path` leads to.
    ///
    /// - Parameter name: The name of the field in the heap. It stays the same when the property is
    ///   renamed.
    public init<Struct: HeapStruct, Value>(_ name: String, _ path: KeyPath<Struct, Value>) {
        self.name = name
        offset = MemoryLayout<Struct>.offset(of: path)
        makeDefault = nil
    }

    /// Creates an entry for the property that `path` leads to, with the value that it has in
    /// structs which were stored before the type had it. See ``SchemaChanges``.
    public init<Struct: HeapStruct, Value>(
        _ name: String, _ path: KeyPath<Struct, Value>,
        default value: @autoclosure @escaping @Sendable () -> Value
    ) {
        self.name = name
        offset = MemoryLayout<Struct>.offset(of: path)
        makeDefault = { $0.initializeMemory(as: Value.self, to: value()) }
    }

    /// Returns the names that fields of a type have in the heap, by their offsets.
    static func names(of type: Any.Type) -> [Int: String] {
        let fields = (type as? any HeapStruct.Type)?.plainFields ?? []
        var names: [Int: String] = [:]
        for field in fields { if let offset = field.offset { names[offset] = field.name } }
        return names
    }
}
