import Foundation
import Holdfast
import HoldfastEngine
import HoldfastSystem

extension ValuePlace {
    /// Returns the value, with at most `limit` elements of every collection in it, and `depth`
    /// levels of nesting. References are not followed.
    package func plain(limit: Int = .max, depth: Int = 100) -> PlainValue {
        guard depth > 0 else { return .text("…") }
        return DeepStack.run {
            switch content {
            case .plain(let layout): plain(layout, limit, depth)
            case .persistable(let type): plain(type, limit, depth)
            }
        }
    }

    private func plain(_ layout: PlainLayout, _ limit: Int, _ depth: Int) -> PlainValue {
        switch layout.content {
        case .native(let type): return native(type)
        case .fields(let fields):
            return .object(
                type: layout.shape.name,
                fields.map { field in
                    let value = ValuePlace(
                        access, field.layout, at: place + UInt64(field.offset), notes
                    )
                    .plain(
                        limit: limit, depth: depth - 1)
                    return PlainValue.Member(name: field.name, value: value)
                })
        case .elements(let element, let count, let stride):
            let shown = (0 ..< min(count, limit)).map { index in
                ValuePlace(access, element, at: place + UInt64(index * stride), notes).plain(
                    limit: limit, depth: depth - 1)
            }
            return .list(shown, total: count)
        case .optional: return unwrapped?.plain(limit: limit, depth: depth - 1) ?? .null
        case .opaque:
            let bytes = data(layout.size)
            let names = notes.plainNames(of: layout.shape.name)
            if bytes.count == 1, Int(bytes[0]) < names.count {
                return .enumeration(
                    type: layout.shape.name, name: names[Int(bytes[0])],
                    raw: .opaque(type: layout.shape.name, bytes))
            }
            return .opaque(type: layout.shape.name, bytes)
        }
    }

    private func data(_ count: Int) -> Data {
        unsafe Data(bytes: access.address(place, count), count: count)
    }

    /// Returns a value of a type of Swift's or Foundation's from its bytes in memory.
    private func native(_ type: Any.Type) -> PlainValue {
        func load<T>(_ type: T.Type) -> Any {
            let value = UnsafeMutablePointer<T>.allocate(capacity: 1)
            defer { unsafe value.deallocate() }
            let size = MemoryLayout<T>.size
            unsafe UnsafeMutableRawPointer(value).copyMemory(
                from: access.address(place, size), byteCount: size)
            return unsafe value.pointee
        }
        return Self.plain(_openExistential(type, do: load))
            ?? .opaque(type: "\(type)", data(TypeFacts.size(of: type)))
    }

    /// Returns a value of a type that is not decomposed.
    static func plain(_ value: Any) -> PlainValue? {
        switch value {
        case let value as Bool: .bool(value)
        case let value as Double: .number(value)
        case let value as Float: .number(Double("\(value)") ?? Double(value))
        case let value as any FixedWidthInteger: integer(value)
        case let value as String: .text(value)
        case let value as Date: .date(value)
        case let value as UUID: .uuid(value)
        case let value as Data: .bytes(value)
        case let value as Decimal: .digits("\(value)")
        case let value as Duration: .duration(value)
        case let value as URL: .text(value.absoluteString)
        case let value as any StorableRange: value.plainRange
        case let value as any AnyOptionalValue:
            value.wrappedValue.map { plain($0) ?? .text("\($0)") } ?? .null
        default: nil
        }
    }

    private static func integer(_ value: some FixedWidthInteger) -> PlainValue { .integer(value) }

    private func plain(_ type: any Persistable.Type, _ limit: Int, _ depth: Int) -> PlainValue {
        switch type {
        case is any InspectableBox.Type: return inside.plain(limit: limit, depth: depth)
        case is any InspectableOptional.Type:
            return unwrapped?.plain(limit: limit, depth: depth - 1) ?? .null
        case let reference as any InspectableReference.Type:
            return .reference(
                type: ShapeCache.shared.shape(of: reference.targetType).name,
                place: access.load(place, as: UInt64.self))
        case let record as any HeapRecord.Type: return fields(of: record, limit, depth)
        case let union as any HeapUnion.Type: return payload(of: union, limit, depth)
        case let type as any HeapEnum.Type: return raw(type, limit, depth)
        default: break
        }
        if case .generic("Encoded", _) = shape { return encoded }
        switch loaded {
        case let list as any InspectableList:
            let shown = (0 ..< min(list.count, limit)).map { index in
                ValuePlace(access, list.elementType, at: list.elementPlace(index), notes).plain(
                    limit: limit, depth: depth - 1)
            }
            return .list(shown, total: list.count)
        case let entries as any InspectableEntries: return content(of: entries, limit, depth)
        case let bits as PersistentBitSet:
            return .set(bits.prefix(limit).map { .integer($0) }, total: bits.count)
        case let text as PersistentString: return .text(text.string)
        case let bytes as PersistentBytes: return .bytes(bytes.data)
        case let value?: return Self.plain(value) ?? .opaque(type: shape.name, Data())
        case nil: return .null
        }
    }

    private func content(of entries: any InspectableEntries, _ limit: Int, _ depth: Int)
        -> PlainValue
    {
        let places = entries.places(from: 0, limit: limit)
        let keys = places.map {
            ValuePlace(access, entries.keyType, at: $0.key, notes).plain(
                limit: limit, depth: depth - 1)
        }
        if entries.isSet { return .set(keys, total: entries.count) }
        let values = places.map {
            ValuePlace(access, entries.valueType, at: $0.value, notes).plain(
                limit: limit, depth: depth - 1)
        }
        return .pairs(
            zip(keys, values).map { PlainValue.Entry(key: $0, value: $1) }, total: entries.count)
    }

    /// Of a table, the rows are on the level of the table, and the indexes are empty: they follow
    /// from the rows, also where a table is made from the result.
    private func fields<Record: HeapRecord>(of type: Record.Type, _ limit: Int, _ depth: Int)
        -> PlainValue
    {
        let layout = RecordLayout.of(type)
        let block = access.load(place, as: UInt64.self)
        layout.require(block, access)
        let isTable = shape.isTable
        return .object(
            type: layout.typeName,
            layout.fields.map { field in
                if isTable, IndexField(named: field.name) != nil {
                    return PlainValue.Member(name: field.name, value: .set([], total: 0))
                }
                let value = ValuePlace(
                    access, field.valueType, at: block + UInt64(field.offset), notes)
                return PlainValue.Member(
                    name: field.name,
                    value: value.plain(limit: limit, depth: isTable ? depth : depth - 1))
            })
    }

    private func payload<Union: HeapUnion>(of type: Union.Type, _ limit: Int, _ depth: Int)
        -> PlainValue
    {
        let stored = access.load(place, as: StoredUnion.self)
        let cases = type.cases
        guard stored.number < cases.count else {
            Misuse.damaged(
                access,
                "\(type.storedName) has no case \(stored.number): \(cases.count) cases are "
                    + "described"
            )
        }
        let entry = cases[Int(stored.number)]
        let values = entry.payload.map { part in
            ValuePlace(access, part.valueType, at: stored.payload + UInt64(part.offset), notes)
                .plain(
                    limit: limit, depth: depth - 1)
        }
        return .union(
            type: type.storedName, name: entry.name, values,
            labels: notes.labels(of: type.storedName, name: entry.name))
    }

    private func raw<T: HeapEnum>(_: T.Type, _ limit: Int, _ depth: Int) -> PlainValue {
        let raw = ValuePlace(access, T.RawValue.self, at: place, notes).plain(
            limit: limit, depth: depth)
        let text = if case .text(let text) = raw { text } else { raw.description }
        return .enumeration(
            type: T.storedName, name: notes.name(of: T.storedName, raw: text), raw: raw)
    }

    private var encoded: PlainValue {
        let json = unsafe access.load(place, as: StoredBytes.self).withBytes(access) {
            unsafe Data($0)
        }
        guard let value = try? JSONValue.only(in: json) else {
            return .opaque(type: shape.name, json)
        }
        return PlainValue(value)
    }
}

protocol AnyOptionalValue {
    var wrappedValue: Any? { get }
}

extension Optional: AnyOptionalValue {
    var wrappedValue: Any? { map { $0 } }
}

extension PlainValue {
    init(_ json: JSONValue) {
        self =
            switch json {
            case .null: .null
            case .bool(let value): .bool(value)
            case .integer(let value): .integer(value)
            case .unsigned(let value): .unsigned(value)
            case .number(let value): .number(value)
            case .text(let value): .text(value)
            case .list(let elements): .list(elements.map { PlainValue($0) })
            case .object(let members):
                .pairs(
                    members.sorted { $0.key < $1.key }.map {
                        Entry(key: .text($0.key), value: PlainValue($0.value))
                    })
            }
    }
}
