import HoldfastEngine
import HoldfastSystem

/// Frees everything that the stored form at an address owns.
typealias FormRemoval = (_ form: UnsafeRawPointer, _ access: HeapAccess) -> Void

// Types that this program does not have any more are known by their descriptions alone.
extension ConversionPlanner {
    /// Returns what frees a stored form, or nil if it owns nothing.
    mutating func removal(of shape: TypeShape, at place: String) throws -> FormRemoval? {
        removedRecords += shape.records
        if case .named(let name) = shape, let record = removing.last(where: { $0.name == name }) {
            return { form, access in record.removal?(form, access) }
        }
        if !mentionsEnclosing(shape),
            let type = TypeRegistry.shared.type(describedAs: shape.text)
        {
            return Self.removal(type)
        }
        return try DeepStack.run { try unknownRemoval(shape, place) }
    }

    private static func removal(_ type: any Persistable.Type) -> FormRemoval? {
        func removal<T: Persistable>(_: T.Type) -> FormRemoval? {
            guard T.ownsMemory else { return nil }
            return { form, access in T.destroy(form.load(as: T.Stored.self), in: access) }
        }
        return removal(type)
    }

    private mutating func unknownRemoval(_ shape: TypeShape, _ place: String) throws
        -> FormRemoval?
    {
        switch shape {
        case .structure, .opaque: return nil
        case .enumeration(_, let raw): return try removal(of: raw, at: place)
        case .optional(let wrapped):
            guard let removal = try removal(of: wrapped, at: place) else { return nil }
            guard let layout = FormLayout(stored: wrapped) else { break }
            return { form, access in
                if form.load(as: UInt8.self) != 0 { removal(form + layout.alignment, access) }
            }
        case .record(let name, let fields, let bytes):
            let record = RecordRemoval(name)
            removing.append(record)
            defer { removing.removeLast() }
            var parts: [FormRemoval] = []
            for field in fields {
                guard let part = try removal(of: field.type, at: place) else { continue }
                parts.append { part($0 + field.offset, $1) }
            }
            record.removal = { [parts] form, access in
                let block = form.load(as: UInt64.self)
                let address = UnsafeRawPointer(access.address(block, bytes))
                DeepStack.run { for part in parts { part(address, access) } }
                access.free(block, byteCount: bytes, alignment: RecordLayout.alignment)
            }
            return record.removal
        case .union(_, let cases): return try unionRemoval(cases, place)
        case .generic("Value", let values) where values.count == 1:
            guard let layout = FormLayout(stored: values[0]) else { break }
            let removal = try removal(of: values[0], at: place)
            return { form, access in
                let block = form.load(as: UInt64.self)
                removal?(access.address(block, layout.size), access)
                access.free(block, byteCount: layout.size, alignment: layout.alignment)
            }
        case .generic("Ref", _), .generic("InlineArray", _): return nil
        case .generic("Encoded", _): return Self.removal(String.self)
        case .generic("Shared", let targets) where targets.count == 1:
            return try sharedRemoval(targets[0], place)
        case .generic(let name, let parameters):
            if let removal = try collectionRemoval(name, parameters, place) { return removal }
        default: break
        }
        throw SchemaChangeRefusal(
            "\(place) is \(shape.name), which this program does not have any more and cannot free: "
                + "only a declared step can remove it")
    }

    /// The last reference frees the record.
    private mutating func sharedRemoval(_ target: TypeShape, _ place: String) throws
        -> FormRemoval?
    {
        guard case .record = target, let removal = try removal(of: target, at: place) else {
            throw SchemaChangeRefusal("\(place) refers to \(target.name), which is unknown")
        }
        return { form, access in
            let record = form.load(as: UInt64.self)
            var header = access.load(record, as: StoredRecord.self)
            guard header.owners > 1 else { return removal(form, access) }
            header.owners -= 1
            access.store(header, at: record)
        }
    }

    private mutating func unionRemoval(_ cases: [TypeShape.Case], _ place: String) throws
        -> FormRemoval?
    {
        var removals: [(parts: [FormRemoval], bytes: Int)] = []
        for entry in cases {
            var parts: [FormRemoval] = []
            var end = 0
            for value in entry.payload {
                guard let layout = FormLayout(stored: value) else {
                    throw SchemaChangeRefusal("\(place) contains \(value.name), which is unknown")
                }
                let offset = end.roundedUp(to: layout.alignment)
                end = offset + layout.size
                if let part = try removal(of: value, at: place) {
                    parts.append { part($0 + offset, $1) }
                }
            }
            removals.append((parts, end))
        }
        return { [removals] form, access in
            let stored = form.load(as: StoredUnion.self)
            guard stored.number < removals.count else {
                Misuse.damaged(access, "an enum has no case \(stored.number)")
            }
            let (parts, bytes) = removals[Int(stored.number)]
            guard bytes > 0 else { return }
            let payload = UnsafeRawPointer(access.address(stored.payload, bytes))
            DeepStack.run { for part in parts { part(payload, access) } }
            access.free(stored.payload, byteCount: bytes, alignment: 8)
        }
    }
}

/// What frees a record, which can contain itself.
final class RecordRemoval {
    let name: String
    var removal: FormRemoval?

    init(_ name: String) { self.name = name }
}

extension FormLayout {
    /// The layout of a stored form, from its description. Nil if that does not tell.
    init?(stored shape: TypeShape) {
        func layout<T: Persistable>(_: T.Type) -> FormLayout { FormLayout(of: T.self) }
        switch shape {
        case .record, .generic("Array", _), .generic("Deque", _), .generic("Map", _),
            .generic("SortedMap", _), .generic("Set", _), .generic("SortedSet", _),
            .generic("Value", _), .generic("Ref", _), .generic("Shared", _):
            self = .place
        case .union: self.init(size: MemoryLayout<StoredUnion>.size, alignment: 8)
        case .generic("Encoded", _): self = layout(String.self)
        case .enumeration(_, let raw): self.init(stored: raw)
        case .optional(let wrapped):
            guard let inner = FormLayout(stored: wrapped) else { return nil }
            self.init(size: inner.alignment + inner.size, alignment: inner.alignment)
        case .structure, .opaque, .generic("InlineArray", _): self.init(plain: shape)
        default:
            if let type = TypeRegistry.shared.type(describedAs: shape.text) {
                self = layout(type)
            } else if case .named = shape {
                // A record inside itself.
                self = .place
            } else {
                return nil
            }
        }
    }

    /// The layout of a plain struct, from its description.
    init?(plain shape: TypeShape) {
        let size: Int
        switch shape {
        case .structure(_, _, let bytes), .opaque(_, let bytes, _): size = bytes
        default: return nil
        }
        guard let alignment = Self.alignment(plain: shape) else { return nil }
        self.init(size: size, alignment: alignment)
    }

    private static func alignment(plain shape: TypeShape) -> Int? {
        switch shape {
        case .named(let name): return TypeMaker.plain(name).map { TypeFacts.alignment(of: $0) }
        case .opaque(_, _, let alignment): return alignment
        case .optional(let wrapped): return DeepStack.run { alignment(plain: wrapped) }
        case .generic("InlineArray", let parameters) where parameters.count == 2:
            return DeepStack.run { alignment(plain: parameters[1]) }
        case .structure(_, let fields, _):
            var most = 1
            for field in fields {
                guard let found = DeepStack.run({ alignment(plain: field.type) }) else {
                    return nil
                }
                most = max(most, found)
            }
            return most
        default: return nil
        }
    }
}
