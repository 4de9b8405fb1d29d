import Holdfast
import HoldfastEngine

/// Creates structs, records and enums that the program does not have. See ``RunTimeDefinition``.
package struct RunTimeTypes: UnknownTypeMaker {
    private static let installation: Void = TypeRegistry.shared.use { shape, registry in
        var maker = TypeMaker(registry, unknown: RunTimeTypes())
        return maker.type(of: shape)
    }

    /// Enables such types for the whole process: from now on they are found when a heap's types are
    /// looked up by their descriptions. Every inspection of a heap begins with this call.
    package static func install() { installation }

    /// Enables such types and registers the program's `types`. Throws `notStorable` if one of them
    /// cannot be stored in a heap.
    static func install(knowing types: [any Persistable.Type]) throws(HeapError) {
        install()
        for type in types { _ = try TypeRegistry.shared.fingerprint(of: type) }
    }

    /// The registry, which creates such types.
    static var registry: TypeRegistry {
        install()
        return .shared
    }

    package func structure(_ shape: TypeShape) -> (any Persistable.Type)? {
        guard let layout = PlainLayout.make(shape),
            let bytes = BytesMaker.type(size: layout.size, alignment: layout.alignment)
        else { return nil }
        return structure(bytes, define(shape, .plain(layout)))
    }

    package func enumeration(
        _ shape: TypeShape, raw: any Persistable.Type
    ) -> (any Persistable.Type)? {
        func make<Raw: Persistable, Number: RunTimeNumber>(_: Raw.Type, _: Number.Type)
            -> any Persistable.Type
        {
            RunTimeEnum<Raw, Number>.self
        }
        return make(raw, define(shape, .enumeration))
    }

    package func encoded(_ shape: TypeShape) -> (any Persistable.Type)? {
        func make<Number: RunTimeNumber>(_: Number.Type) -> any Persistable.Type {
            RunTimeEncoded<Number>.self
        }
        return make(define(shape, .encoded))
    }

    package func union(
        _ shape: TypeShape, cases: [TypeShape.Case], payloads: [[any Persistable.Type]]
    ) -> (any Persistable.Type)? {
        func make<Number: RunTimeNumber>(_: Number.Type) -> any Persistable.Type {
            RunTimeUnion<Number>.self
        }
        let parts = zip(cases, payloads).map {
            RunTimeDefinition.UnionPart(name: $0.name, payload: $1)
        }
        return make(define(shape, .union(parts)))
    }

    package func record(
        _ shape: TypeShape, fields: [TypeShape.Field], byteCount: Int,
        fieldTypes: (any HeapRecord.Type) -> [any Persistable.Type]?
    ) -> (any Persistable.Type)? {
        func make<Number: RunTimeNumber>(_: Number.Type) -> any HeapRecord.Type {
            RunTimeRecord<Number>.self
        }
        // Its number first, since its fields may refer to it.
        let number = RunTimeDefinition.reserve()
        let type = make(RunTimeDefinition.numberType(number))
        guard byteCount < Int(Int32.max), let types = fieldTypes(type) else { return nil }
        var parts: [RecordPart] = []
        var end = MemoryLayout<StoredRecord>.size
        for (field, fieldType) in zip(fields, types) {
            let (size, alignment) = Self.storedLayout(fieldType)
            guard field.offset == end.roundedUp(to: alignment) else { return nil }
            parts.append(
                RecordPart(name: field.name, offset: field.offset, valueType: fieldType))
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

    private func structure(_ bytes: any BytesOfSize.Type, _ number: any RunTimeNumber.Type)
        -> any Persistable.Type
    {
        func make<Bytes: BytesOfSize, Number: RunTimeNumber>(_: Bytes.Type, _: Number.Type)
            -> any Persistable.Type
        {
            RunTimeStruct<Bytes, Number>.self
        }
        return make(bytes, number)
    }

    private static func storedLayout<T: Persistable>(_: T.Type) -> (size: Int, alignment: Int) {
        (MemoryLayout<T.Stored>.size, MemoryLayout<T.Stored>.alignment)
    }
}
