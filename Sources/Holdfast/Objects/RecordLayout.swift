#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif
@_spi(Reflection) import Swift

import HoldfastEngine
import HoldfastFormat
import HoldfastSystem
import Synchronization

/// The layout of a record's fields, in the struct and in the heap. Created once for each type, from
/// the list of its fields or by reflection, and never freed.
///
/// A block consists of the header (`StoredRecord`, 8 bytes) and the fields' stored forms in the
/// order of their declaration, each at the next multiple of its alignment.
@usableFromInline
package final class RecordLayout: Sendable {
    /// One field. Its type's own code does the work.
    package struct Field: Sendable {
        package let name: String
        /// The offset in bytes from the start of the struct in memory.
        let memoryOffset: Int
        /// The offset in bytes from the start of the block in the heap.
        package let offset: Int
        package let valueType: any Persistable.Type
        /// The field's type again, if it is an optional.
        let optionalType: (any OptionalField.Type)?
        /// Stores the value of a field that a record did not have, if the program declares one.
        let makeDefault: RecordField.Default?

        /// Whether every bit pattern is valid, and leads nowhere.
        let isAlwaysValid: Bool

        var ownsMemory: Bool { valueType.ownsMemory }
    }

    package static let alignment = RecordBlock.alignment

    package let type: any HeapRecord.Type
    package let fields: [Field]
    package let byteCount: Int
    let tag: UInt32
    package let typeName: String
    /// The plan that field access uses.
    nonisolated(unsafe) let plan: UnsafePointer<RecordPlan>

    private init(
        _ type: any HeapRecord.Type, fields: [Field], byteCount: Int, memoryBytes: Int
    ) {
        self.type = type
        self.fields = fields
        self.byteCount = byteCount
        typeName = type.storedName
        tag = Self.tag(typeName, fields.map { ($0.name, $0.offset) }, byteCount)
        let places = UnsafeMutablePointer<RecordPlan.Place>.allocate(capacity: max(memoryBytes, 1))
        places.initialize(
            repeating: RecordPlan.Place(offset: 0, type: 0), count: max(memoryBytes, 1))
        for field in fields {
            places[field.memoryOffset] = RecordPlan.Place(
                offset: UInt32(field.offset),
                type: UInt(bitPattern: ObjectIdentifier(field.valueType)))
        }
        let plan = UnsafeMutablePointer<RecordPlan>.allocate(capacity: 1)
        self.plan = UnsafePointer(plan)
        plan.initialize(
            to: RecordPlan(
                tag: tag, placeCount: max(memoryBytes, 1), places: UnsafePointer(places),
                layout: .passRetained(self)))
    }

    /// Returns the tag of a record type with these fields at these offsets. Names of the fields'
    /// types are left out, since the program may rename those.
    static func tag(_ name: String, _ fields: [(name: String, offset: Int)], _ byteCount: Int)
        -> UInt32
    {
        var text = text(name, fields.map { "\($0.name):  @\($0.offset)" }, byteCount)
        // Fixed seeds, because the tag is stored in the file. Tags only have to differ between
        // types, and from 0.
        let seed = HeapIdentity(high: 0x5265_636f_7264_5461, low: 0x6754_6167_5461_6754)
        let hash = text.withUTF8 { StableHash.hash(UnsafeRawBufferPointer($0), seed: seed) }
        return UInt32(truncatingIfNeeded: hash) | 1
    }

    // MARK: Making

    /// Returns the layout of `type`. Throws `notStorable` if one of its fields cannot be stored.
    static func make(_ type: any HeapRecord.Type) throws(HeapError) -> RecordLayout {
        if let described = type as? any DescribedRecord.Type { return make(described) }
        let found =
            if let list = type.storedFields { try listed(list, of: type) } else {
                try reflected(type)
            }
        var fields: [Field] = []
        var end = MemoryLayout<StoredRecord>.size
        for field in found {
            let (size, alignment) = storedLayout(field.valueType)
            guard TypeFacts.size(of: field.valueType) > 0, size > 0 else {
                throw HeapError.notStorable(
                    type: "\(type)", reason: "its field \(field.name) has no bytes")
            }
            let offset = end.roundedUp(to: alignment)
            fields.append(
                Field(
                    name: field.name, memoryOffset: field.memoryOffset, offset: offset,
                    valueType: field.valueType, optionalType: field.optionalType,
                    makeDefault: field.makeDefault,
                    isAlwaysValid: Self.isAlwaysValid(field.valueType)))
            end = offset + size
        }
        guard end < Int(Int32.max) else {
            throw HeapError.notStorable(type: "\(type)", reason: "it is too large")
        }
        return RecordLayout(
            type, fields: fields, byteCount: end, memoryBytes: TypeFacts.size(of: type))
    }

    /// A field in the struct, whose place in the heap is not known yet.
    private struct MemoryField {
        let name: String
        let memoryOffset: Int
        let valueType: any Persistable.Type
        let optionalType: (any OptionalField.Type)?
        var makeDefault: RecordField.Default?
    }

    private static func listed(
        _ list: [RecordField], of type: any HeapRecord.Type
    ) throws(HeapError) -> [MemoryField] {
        guard let offsets = RecordField.memoryOffsets(list, in: type) else {
            throw HeapError.notStorable(
                type: "\(type)",
                reason: "its storedFields are not all of its stored properties in their order")
        }
        return zip(list, offsets).map { field, offset in
            MemoryField(
                name: field.name, memoryOffset: offset, valueType: field.valueType,
                optionalType: field.optionalType, makeDefault: field.makeDefault)
        }
    }

    private static func reflected(
        _ type: any HeapRecord.Type
    ) throws(HeapError) -> [MemoryField] {
        var found: [(name: String, offset: Int, type: Any.Type)] = []
        let isInspectable = _forEachField(of: type) { name, offset, fieldType, _ in
            found.append((String(cString: name), offset, fieldType))
            return true
        }
        guard isInspectable, !(type is AnyClass) else {
            throw HeapError.notStorable(
                type: "\(type)",
                reason: "a record must be a struct, and reflection finds no fields in this type")
        }
        var fields: [MemoryField] = []
        for (name, offset, fieldType) in found {
            guard let persistable = fieldType as? any Persistable.Type else {
                throw HeapError.notStorable(
                    type: "\(type)",
                    reason:
                        "its field \(name) is of the type \(fieldType), which is not "
                        + "Persistable\(advice(fieldType))"
                )
            }
            fields.append(
                MemoryField(
                    name: name, memoryOffset: offset, valueType: persistable,
                    optionalType: fieldType as? any OptionalField.Type))
        }
        return fields
    }

    /// Returns the layout of a type that is not a struct of this program. Its fields exist only in
    /// the heap; in memory they merely need to be distinct.
    private static func make(_ type: any DescribedRecord.Type) -> RecordLayout {
        let (parts, byteCount) = type.parts
        let fields = parts.enumerated().map { number, part in
            Field(
                name: part.name, memoryOffset: number, offset: part.offset,
                valueType: part.valueType, optionalType: nil, makeDefault: nil,
                isAlwaysValid: isAlwaysValid(part.valueType))
        }
        return RecordLayout(type, fields: fields, byteCount: byteCount, memoryBytes: fields.count)
    }

    private static func advice(_ type: Any.Type) -> String {
        let name = "\(type)"
        if ["Array<", "Dictionary<", "Set<"].contains(where: name.hasPrefix) {
            return ", and what it contains cannot be stored"
        }
        return type is AnyClass ? "; an object of a class has no meaning in another process" : ""
    }

    private static func storedLayout<T: Persistable>(_ type: T.Type) -> (size: Int, alignment: Int)
    {
        (MemoryLayout<T.Stored>.size, MemoryLayout<T.Stored>.alignment)
    }

    private static func isAlwaysValid(_ type: any Persistable.Type) -> Bool {
        type is any PersistableInteger.Type || type is any PersistableFloat.Type
            || type == Date.self || type == UUID.self || type is any StorableWideInteger.Type
            || type == Duration.self
    }

    // MARK: Describing

    static func describe(_ type: any HeapRecord.Type) throws(HeapError) -> TypeDescription {
        let identifier = ObjectIdentifier(type)
        let enclosing = TypeDescription.enclosingRecords
        if enclosing.contains(identifier) { return TypeDescription(type.storedName) }
        let layout = try found(type)
        return try TypeDescription.$enclosingRecords.withValue(enclosing + [identifier]) {
            Result { () throws(HeapError) in
                var problem: HeapError?
                let text = text(type, layout.fields, layout.byteCount) { type in
                    do throws(HeapError) { return try TypeDescription.text(of: type) } catch {
                        problem = error
                        return ""
                    }
                }
                if let problem { throw problem }
                return TypeDescription(text)
            }
        }.get()
    }

    private static func text(
        _ type: any HeapRecord.Type, _ fields: [Field], _ byteCount: Int,
        describing describe: (any Persistable.Type) -> String
    ) -> String {
        text(
            type.storedName,
            fields.map { "\($0.name): \(describe($0.valueType)) @\($0.offset)" }, byteCount)
    }

    private static func text(_ name: String, _ fields: [String], _ byteCount: Int) -> String {
        "record \(name){\(fields.joined(separator: ", ")); \(byteCount) bytes}"
    }

    // MARK: Finding

    private static let known = Mutex<[ObjectIdentifier: RecordLayout]>([:])

    /// The layouts of all record types that this process has used, by their tags.
    static var all: [UInt32: RecordLayout] {
        known.withLock { Dictionary($0.values.map { ($0.tag, $0) }) { first, _ in first } }
    }

    /// Returns the layout of `type`, created on first use.
    package static func found(_ type: any HeapRecord.Type) throws(HeapError) -> RecordLayout {
        let identifier = ObjectIdentifier(type)
        if let layout = known.withLock({ $0[identifier] }) { return layout }
        let layout = try make(type)
        return known.withLock { known in
            if let first = known[identifier] { return first }
            known[identifier] = layout
            RecordPlan.known.add(type, layout.plan)
            return layout
        }
    }

    /// Returns the layout of a type that a root's check has found to be storable.
    package static func of<T: HeapRecord>(_ type: T.Type) -> RecordLayout {
        RecordPlan.of(type).pointee.layout.takeUnretainedValue()
    }

    /// Frees everything that the fields own, and the block.
    func destroyFields(at block: UInt64, _ access: HeapAccess) {
        DeepStack.run {
            for field in fields where field.ownsMemory { field.destroy(at: block, access) }
        }
        access.free(block, byteCount: byteCount, alignment: Self.alignment)
    }

    /// Traps unless a record of this type is at `offset`.
    package func require(_ offset: UInt64, _ access: HeapAccess) {
        plan.pointee.require(offset, access)
    }
}

extension RecordLayout.Field {
    func load(from block: UInt64, into memory: UnsafeMutableRawPointer, _ access: HeapAccess) {
        load(valueType, block, memory, access)
    }

    /// Writes the field's stored form into a block that does not hold one yet.
    func store(from memory: UnsafeRawPointer, at block: UInt64, _ access: HeapAccess) {
        store(valueType, memory, block, access)
    }

    /// Returns whether the field is an optional without a value, whose stored form is zeros. Much
    /// cheaper than creating that form for a type that is only known at run time.
    func isNil(in memory: UnsafeRawPointer) -> Bool {
        optionalType?.isNil(memory + memoryOffset) ?? false
    }

    func replace(from memory: UnsafeRawPointer, at block: UInt64, _ access: HeapAccess) {
        replace(valueType, memory, block, access)
    }

    func destroy(at block: UInt64, _ access: HeapAccess) { destroy(valueType, block, access) }

    private func load<T: Persistable>(
        _ type: T.Type, _ block: UInt64, _ memory: UnsafeMutableRawPointer, _ access: HeapAccess
    ) {
        let stored = access.load(block + UInt64(offset), as: T.Stored.self)
        (memory + memoryOffset).initializeMemory(as: T.self, to: T.load(stored, from: access))
    }

    private func store<T: Persistable>(
        _ type: T.Type, _ memory: UnsafeRawPointer, _ block: UInt64, _ access: HeapAccess
    ) {
        let value = (memory + memoryOffset).assumingMemoryBound(to: T.self).pointee
        access.store(T.store(value, in: access), of: type, at: block + UInt64(offset))
    }

    private func replace<T: Persistable>(
        _ type: T.Type, _ memory: UnsafeRawPointer, _ block: UInt64, _ access: HeapAccess
    ) {
        let old = access.load(block + UInt64(offset), as: T.Stored.self)
        store(type, memory, block, access)
        if T.ownsMemory { T.destroy(old, in: access) }
    }

    private func destroy<T: Persistable>(_ type: T.Type, _ block: UInt64, _ access: HeapAccess) {
        T.destroy(access.load(block + UInt64(offset), as: T.Stored.self), in: access)
    }
}

protocol OptionalField: SendableMetatype {
    static func isNil(_ memory: UnsafeRawPointer) -> Bool
}

extension Optional: OptionalField {
    static func isNil(_ memory: UnsafeRawPointer) -> Bool {
        memory.assumingMemoryBound(to: Self.self).pointee == nil
    }
}
