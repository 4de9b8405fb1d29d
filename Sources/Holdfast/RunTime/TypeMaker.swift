import HoldfastEngine
import HoldfastSystem

/// Makes types of what is said of them: generic types are made at run time, with the code that the
/// program has for them.
///
/// Holdfast's own types and those that the program has are taken as they are; structs, records and
/// enums that it does not have are made, see ``RunTimeDefinition``. What is said may be anybody's
/// words: nil is the answer to what makes no sense.
struct TypeMaker {
    private let registry: TypeRegistry
    /// The records that are being made, which may stand inside themselves by their bare names.
    private var enclosing: [String: any PersistableRecord.Type] = [:]
    /// What has been made, so that a type that is used twice in a description is one.
    private var made: [TypeShape: any Persistable.Type] = [:]

    init(_ registry: TypeRegistry) { self.registry = registry }

    mutating func type(of shape: TypeShape) -> (any Persistable.Type)? {
        if let found = registry.programType(describedAs: shape.text) { return found }
        if enclosing.isEmpty, let found = made[shape] { return found }
        guard let type = DeepStack.run({ newType(of: shape) }) else { return nil }
        if enclosing.isEmpty { made[shape] = type }
        return type
    }

    private mutating func newType(of shape: TypeShape) -> (any Persistable.Type)? {
        switch shape {
        case .named(let name): return TypeRegistry.plain(name) ?? enclosing[name]
        case .optional(let wrapped): return type(of: wrapped).map { Generic.optional($0) }
        // An enum that this program does not have is stored as its raw value.
        case .enumeration(_, let raw): return type(of: raw)
        case .generic("Encoded", _): return encoded(shape)
        case .generic("InlineArray", _), .structure, .opaque: return structure(shape)
        case .generic(let name, let parameters):
            var types: [any Persistable.Type] = []
            for parameter in parameters {
                guard let type = type(of: parameter) else { return nil }
                types.append(type)
            }
            return Generic.type(name, types)
        case .record(let name, let fields, let bytes): return record(shape, name, fields, bytes)
        case .union(_, let cases): return union(shape, cases)
        }
    }

    // MARK: Types of the program's own

    private func structure(_ shape: TypeShape) -> (any Persistable.Type)? {
        guard let layout = PlainLayout.make(shape),
            let bytes = RunTimeDefinition.bytesType(size: layout.size, alignment: layout.alignment)
        else { return nil }
        return Generic.structure(bytes, define(shape, .plain(layout)))
    }

    private func encoded(_ shape: TypeShape) -> any Persistable.Type {
        Generic.encoded(define(shape, .encoded))
    }

    private mutating func union(_ shape: TypeShape, _ cases: [TypeShape.Case]) -> (
        any Persistable.Type
    )? {
        var parts: [RunTimeDefinition.UnionPart] = []
        for entry in cases {
            var payload: [any Persistable.Type] = []
            for part in entry.payload {
                guard let type = type(of: part) else { return nil }
                payload.append(type)
            }
            parts.append(RunTimeDefinition.UnionPart(name: entry.name, payload: payload))
        }
        return Generic.union(define(shape, .union(parts)))
    }

    private mutating func record(
        _ shape: TypeShape, _ name: String, _ fields: [TypeShape.Field], _ byteCount: Int
    ) -> (any Persistable.Type)? {
        // Its number first, since its fields may refer to it.
        let number = RunTimeDefinition.reserve()
        guard byteCount < Int(Int32.max),
            let type = Generic.record(RunTimeDefinition.numberType(number))
                as? any PersistableRecord.Type
        else { return nil }
        let outer = enclosing
        enclosing[name] = type
        defer { enclosing = outer }
        var parts: [RunTimeDefinition.RecordPart] = []
        var end = MemoryLayout<StoredRecord>.size
        for field in fields {
            guard let fieldType = self.type(of: field.type),
                case let (size, alignment) = Generic.storedLayout(fieldType),
                field.offset == end.roundedUp(to: alignment)
            else { return nil }
            parts.append(
                RunTimeDefinition.RecordPart(
                    name: field.name, offset: field.offset, valueType: fieldType))
            end = field.offset + size
        }
        guard end == byteCount else { return nil }
        RunTimeDefinition.define(
            number, RunTimeDefinition(shape: shape, content: .record(parts, byteCount: byteCount)))
        return (try? RecordLayout.found(type)) == nil ? nil : type
    }

    private func define(_ shape: TypeShape, _ content: RunTimeDefinition.Content)
        -> any RunTimeNumber.Type
    {
        let number = RunTimeDefinition.reserve()
        RunTimeDefinition.define(number, RunTimeDefinition(shape: shape, content: content))
        return RunTimeDefinition.numberType(number)
    }
}

/// Generic types, made of types that are only known at run time.
private enum Generic {
    static func type(_ name: String, _ parameters: [any Persistable.Type]) -> (
        any Persistable.Type
    )? {
        switch (name, parameters.count) {
        case ("Array", 1): return array(parameters[0])
        case ("Deque", 1): return deque(parameters[0])
        case ("Value", 1): return value(parameters[0])
        case ("Set", 1): return (parameters[0] as? any PersistableKey.Type).map { set($0) }
        case ("SortedSet", 1):
            return (parameters[0] as? any PersistableOrderedKey.Type).map { sortedSet($0) }
        case ("Map", 2):
            return (parameters[0] as? any PersistableKey.Type).map { map($0, parameters[1]) }
        case ("SortedMap", 2):
            return (parameters[0] as? any PersistableOrderedKey.Type).map {
                sortedMap($0, parameters[1])
            }
        case ("Ref", 1): return (parameters[0] as? any PersistableRecord.Type).map { ref($0) }
        case ("Shared", 1): return (parameters[0] as? any PersistableRecord.Type).map { shared($0) }
        default: return nil
        }
    }

    static func storedLayout<T: Persistable>(_: T.Type) -> (size: Int, alignment: Int) {
        (MemoryLayout<T.Stored>.size, MemoryLayout<T.Stored>.alignment)
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
    static func ref<Target: PersistableRecord>(_: Target.Type) -> any Persistable.Type {
        Ref<Target>.self
    }
    static func shared<Target: PersistableRecord>(_: Target.Type) -> any Persistable.Type {
        Shared<Target>.self
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

    static func structure(_ bytes: any RunTimeBytes.Type, _ number: any RunTimeNumber.Type)
        -> any Persistable.Type
    {
        func make<Bytes: RunTimeBytes, Number: RunTimeNumber>(_: Bytes.Type, _: Number.Type)
            -> any Persistable.Type
        {
            RunTimeStruct<Bytes, Number>.self
        }
        return make(bytes, number)
    }

    static func record<Number: RunTimeNumber>(_: Number.Type) -> any Persistable.Type {
        RunTimeRecord<Number>.self
    }
    static func union<Number: RunTimeNumber>(_: Number.Type) -> any Persistable.Type {
        RunTimeUnion<Number>.self
    }
    static func encoded<Number: RunTimeNumber>(_: Number.Type) -> any Persistable.Type {
        RunTimeEncoded<Number>.self
    }
}
