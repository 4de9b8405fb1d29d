import HoldfastEngine
import HoldfastSystem

/// Builds types from their descriptions. Generic types are instantiated at run time, with the code
/// that the program has for them.
///
/// Holdfast's own types and the program's types are used directly. Structs, records and enums that
/// the program does not have are built by an ``UnknownTypeMaker``, if there is one. A description
/// is untrusted input: one that makes no sense yields nil.
package struct TypeMaker {
    private let registry: TypeRegistry
    private let unknown: (any UnknownTypeMaker)?
    /// The records being built. They may contain themselves by their bare names.
    private var enclosing: [String: any HeapRecord.Type] = [:]
    /// The types built so far, so that a type that occurs twice in a description is built once.
    private var made: [TypeShape: any Persistable.Type] = [:]

    package init(_ registry: TypeRegistry, unknown: (any UnknownTypeMaker)? = nil) {
        self.registry = registry
        self.unknown = unknown
    }

    package mutating func type(of shape: TypeShape) -> (any Persistable.Type)? {
        if let found = registry.programType(describedAs: shape.text) { return found }
        if enclosing.isEmpty, let found = made[shape] { return found }
        guard let type = DeepStack.run({ newType(of: shape) }) else { return nil }
        if enclosing.isEmpty { made[shape] = type }
        return type
    }

    private mutating func newType(of shape: TypeShape) -> (any Persistable.Type)? {
        switch shape {
        case .named(let name):
            let record = enclosing[name]
            return Self.laterNames.contains(name)
                ? record ?? Self.plain(name)
                : Self.plain(name) ?? record
        case .optional(let wrapped): return type(of: wrapped).map { Generic.optional($0) }
        // An enum that this program does not have is stored as its raw value.
        case .enumeration(_, let raw):
            return type(of: raw).map { unknown?.enumeration(shape, raw: $0) ?? $0 }
        case .generic("Encoded", _): return unknown?.encoded(shape)
        case .generic("InlineArray", _), .structure, .opaque: return unknown?.structure(shape)
        // A table inside the rows of itself, by its bare name.
        case .generic where enclosing[shape.text] != nil: return enclosing[shape.text]
        case .generic(let name, let parameters):
            return types(of: parameters).flatMap { Generic.type(name, $0) }
        case .record(let name, let fields, let bytes): return record(shape, name, fields, bytes)
        case .union(_, let cases): return union(shape, cases)
        }
    }

    private mutating func types(of shapes: [TypeShape]) -> [any Persistable.Type]? {
        var types: [any Persistable.Type] = []
        for shape in shapes {
            guard let type = type(of: shape) else { return nil }
            types.append(type)
        }
        return types
    }

    private mutating func union(_ shape: TypeShape, _ cases: [TypeShape.Case]) -> (
        any Persistable.Type
    )? {
        guard let unknown else { return nil }
        var payloads: [[any Persistable.Type]] = []
        for entry in cases {
            guard let payload = types(of: entry.payload) else { return nil }
            payloads.append(payload)
        }
        return unknown.union(shape, cases: cases, payloads: payloads)
    }

    private mutating func record(
        _ shape: TypeShape, _ name: String, _ fields: [TypeShape.Field], _ byteCount: Int
    ) -> (any Persistable.Type)? {
        guard let unknown else { return nil }
        let outer = enclosing
        defer { enclosing = outer }
        return unknown.record(shape, fields: fields, byteCount: byteCount) { type in
            enclosing[name] = type
            return types(of: fields.map(\.type))
        }
    }

    /// Types that Holdfast has had only since programs could have records of these names.
    private static let laterNames: Set = ["Int128", "UInt128", "Duration", "URL", "Decimal"]

    /// One of Holdfast's own types without parameters.
    package static func plain(_ name: String) -> (any Persistable.Type)? {
        switch name {
        case "Bool": Bool.self
        case "String": String.self
        case "PersistentString": PersistentString.self
        case "PersistentBytes": PersistentBytes.self
        case "PersistentBitSet": PersistentBitSet.self
        case "Double": Double.self
        case "Float": Float.self
        case "Int": Int.self
        case "Int8": Int8.self
        case "Int16": Int16.self
        case "Int32": Int32.self
        case "Int64": Int64.self
        case "UInt": UInt.self
        case "UInt8": UInt8.self
        case "UInt16": UInt16.self
        case "UInt32": UInt32.self
        case "UInt64": UInt64.self
        case "Int128": Int128.self
        case "UInt128": UInt128.self
        case "Duration": Duration.self
        default: foundationType(name)
        }
    }
}

/// Builds types that the program does not have from a heap's description.
package protocol UnknownTypeMaker: Sendable {
    /// Builds a plain struct, or opaque bytes.
    func structure(_ shape: TypeShape) -> (any Persistable.Type)?

    /// Builds an enum that is stored as a raw value of a known type.
    func enumeration(_ shape: TypeShape, raw: any Persistable.Type) -> (any Persistable.Type)?

    /// Builds an ``Encoded`` value of a type that the program does not have.
    func encoded(_ shape: TypeShape) -> (any Persistable.Type)?

    /// Builds an enum with payloads of known types.
    func union(_ shape: TypeShape, cases: [TypeShape.Case], payloads: [[any Persistable.Type]])
        -> (any Persistable.Type)?

    /// Builds a record. `fieldTypes` builds the types of its fields, which may refer to the new
    /// type.
    func record(
        _ shape: TypeShape, fields: [TypeShape.Field], byteCount: Int,
        fieldTypes: (any HeapRecord.Type) -> [any Persistable.Type]?
    ) -> (any Persistable.Type)?
}

/// Generic types instantiated with types that are only known at run time.
private enum Generic {
    private typealias Bound = Persistable & Comparable

    static func type(_ name: String, _ parameters: [any Persistable.Type]) -> (
        any Persistable.Type
    )? {
        switch (name, parameters.count) {
        case ("Array", 1): return array(parameters[0])
        case ("Deque", 1): return deque(parameters[0])
        case ("Value", 1): return value(parameters[0])
        case ("Range", 1): return (parameters[0] as? any Bound.Type).map { range($0) }
        case ("ClosedRange", 1): return (parameters[0] as? any Bound.Type).map { closedRange($0) }
        case ("Set", 1): return (parameters[0] as? any PersistableKey.Type).map { set($0) }
        case ("SortedSet", 1):
            return (parameters[0] as? any PersistableOrderedKey.Type).map { sortedSet($0) }
        case ("Map", 2):
            return (parameters[0] as? any PersistableKey.Type).map { map($0, parameters[1]) }
        case ("SortedMap", 2):
            return (parameters[0] as? any PersistableOrderedKey.Type).map {
                sortedMap($0, parameters[1])
            }
        case ("IndexKey", 1):
            return (parameters[0] as? any PersistableOrderedKey.Type).map { indexKey($0) }
        case ("Ref", 1): return (parameters[0] as? any HeapRecord.Type).map { ref($0) }
        case ("Shared", 1): return (parameters[0] as? any HeapRecord.Type).map { shared($0) }
        default: return nil
        }
    }

    static func optional<Wrapped: Persistable>(_: Wrapped.Type) -> any Persistable.Type {
        Wrapped?.self
    }
    static func array<Element: Persistable>(_: Element.Type) -> any Persistable.Type {
        PersistentArray<Element>.self
    }
    static func deque<Element: Persistable>(_: Element.Type) -> any Persistable.Type {
        PersistentDeque<Element>.self
    }
    static func value<Value: Persistable>(_: Value.Type) -> any Persistable.Type {
        PersistentValue<Value>.self
    }
    static func set<Element: PersistableKey>(_: Element.Type) -> any Persistable.Type {
        PersistentSet<Element>.self
    }
    static func indexKey<Value: PersistableOrderedKey>(_: Value.Type) -> any Persistable.Type {
        IndexKey<Value>.self
    }
    static func ref<Target: HeapRecord>(_: Target.Type) -> any Persistable.Type {
        HeapRef<Target>.self
    }
    static func shared<Target: HeapRecord>(_: Target.Type) -> any Persistable.Type {
        SharedRef<Target>.self
    }

    static func range<Bound: Persistable & Comparable>(_: Bound.Type) -> any Persistable.Type {
        Range<Bound>.self
    }
    static func closedRange<Bound: Persistable & Comparable>(_: Bound.Type)
        -> any Persistable.Type
    {
        ClosedRange<Bound>.self
    }

    static func sortedSet<Element: PersistableOrderedKey>(_: Element.Type) -> any Persistable.Type {
        PersistentSortedSet<Element>.self
    }

    static func map<Key: PersistableKey, Value: Persistable>(_: Key.Type, _: Value.Type)
        -> any Persistable.Type
    {
        PersistentMap<Key, Value>.self
    }

    static func sortedMap<Key: PersistableOrderedKey, Value: Persistable>(
        _: Key.Type, _: Value.Type
    ) -> any Persistable.Type {
        PersistentSortedMap<Key, Value>.self
    }
}
