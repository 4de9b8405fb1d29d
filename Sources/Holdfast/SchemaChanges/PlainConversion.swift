@_spi(Reflection) import Swift

import HoldfastEngine
import HoldfastSystem

/// Converts the bytes of plain structs, which have Swift's layout, and numbers.
enum PlainConversion {
    /// Reads the old bytes and completes the new ones, which are zeros.
    private typealias Step = (UnsafeRawPointer, UnsafeMutableRawPointer) -> Void

    static func structure(_ old: TypeShape, _ new: any HeapStruct.Type) throws
        -> FormConversion
    {
        func layout<T: HeapStruct>(_: T.Type) -> FormLayout { FormLayout(of: T.self) }
        guard let shape = try new.describe().shape, let oldLayout = FormLayout(plain: old) else {
            throw SchemaChangeRefusal(old, new, old.name)
        }
        let step = try step(old, shape, new, "the type")
        return FormConversion(from: oldLayout, to: layout(new), isRepeatable: true) {
            old, new, _ in step(old, new)
        }
    }

    private static func step(
        _ old: TypeShape, _ new: TypeShape, _ type: Any.Type, _ place: String
    ) throws -> Step {
        if old == new {
            let size = TypeFacts.size(of: type)
            return { old, new in new.copyMemory(from: old, byteCount: size) }
        }
        if case .named(let name) = old, let known = TypeMaker.plain(name),
            let widening = widening(known, type)
        {
            return widening
        }
        if let optional = type as? any PlainOptional.Type, case .optional(let wrapped) = new {
            return try step(old, wrapped, optional, place)
        }
        guard case .structure(let name, let oldFields, _) = old,
            case .structure(name, let newFields, _) = new
        else {
            throw SchemaChangeRefusal(
                "\(place) is \(old.name) in the file and \(new.name) in this program, which only a "
                    + "declared step can convert")
        }
        return try DeepStack.run { try fields(name, oldFields, newFields, type) }
    }

    private static func fields(
        _ name: String, _ old: [TypeShape.Field], _ new: [TypeShape.Field], _ type: Any.Type
    ) throws -> Step {
        var types: [Any.Type] = []
        _forEachField(of: type) { _, _, fieldType, _ in
            types.append(fieldType)
            return true
        }
        // The description lists the fields in the order in which reflection finds them.
        guard types.count == new.count else {
            throw SchemaChangeRefusal("reflection does not find the fields of \(name)")
        }
        let declared = (type as? any HeapStruct.Type)?.plainFields ?? []
        var steps: [Step] = []
        for (field, fieldType) in zip(new, types) {
            let place = "the field \(name).\(field.name)"
            if let source = old.first(where: { $0.name == field.name }) {
                let step = try step(source.type, field.type, fieldType, place)
                steps.append { step($0 + source.offset, $1 + field.offset) }
            } else if let makeDefault = declared.first(where: { $0.offset == field.offset })?
                .makeDefault
            {
                steps.append { _, new in makeDefault(new + field.offset) }
            } else if let optional = fieldType as? any PlainOptional.Type {
                steps.append { _, new in optional.storeNil(at: new + field.offset) }
            } else {
                throw SchemaChangeRefusal(
                    "\(place) is in this program but not in the file, and has no default: declare "
                        + "it with a literal as its initial value, or as an optional")
            }
        }
        return { [steps] old, new in for step in steps { step(old, new) } }
    }

    // MARK: Optionals

    private static func step(
        _ old: TypeShape, _ wrapped: TypeShape, _ type: any PlainOptional.Type, _ place: String
    ) throws -> Step {
        guard case .optional(let oldWrapped) = old else {
            let step = try step(old, wrapped, type.plainWrapped, place)
            return { old, new in type.store(at: new) { step(old, $0) } }
        }
        // Only the optional of a known type tells from its bytes whether it is nil.
        guard case .named(let name) = oldWrapped, let known = TypeMaker.plain(name) else {
            throw SchemaChangeRefusal(
                "\(place) is an optional of \(oldWrapped.name), which has changed: only a declared "
                    + "step can convert it")
        }
        let step = try step(oldWrapped, wrapped, type.plainWrapped, place)
        func reading<T: Persistable>(_: T.Type) -> Step {
            { old, new in
                guard let value = old.assumingMemoryBound(to: T?.self).pointee else {
                    return type.storeNil(at: new)
                }
                withUnsafeBytes(of: value) { bytes in
                    type.store(at: new) { step(bytes.baseAddress!, $0) }
                }
            }
        }
        return reading(known)
    }

    // MARK: Numbers

    /// Returns the conversion of a number that becomes another type with all of its values, or nil
    /// if it is no such change.
    static func number(_ old: TypeShape, _ new: any Persistable.Type) -> FormConversion? {
        func layout<T: Persistable>(_: T.Type) -> FormLayout { FormLayout(of: T.self) }
        guard case .named(let name) = old, let known = TypeMaker.plain(name),
            known is any HeapStruct.Type,
            new is any HeapStruct.Type || new == Int128.self || new == UInt128.self,
            let step = widening(known, new)
        else { return nil }
        return FormConversion(from: layout(known), to: layout(new), isRepeatable: true) {
            old, new, _ in step(old, new)
        }
    }

    private static func widening(_ old: Any.Type, _ new: Any.Type) -> Step? {
        if old == Float.self, new == Double.self {
            return { old, new in
                new.storeBytes(of: Double(old.load(as: Float.self)), as: Double.self)
            }
        }
        guard let old = old as? any FixedWidthInteger.Type,
            let new = new as? any FixedWidthInteger.Type
        else { return nil }
        func step<Old: FixedWidthInteger, New: FixedWidthInteger>(_: Old.Type, _: New.Type) -> Step?
        {
            guard New.min <= Old.min, New.max >= Old.max else { return nil }
            return { old, new in
                // The form of 128 bits is aligned to 8 bytes only.
                new.storeBytes(
                    of: New(truncatingIfNeeded: old.assumingMemoryBound(to: Old.self).pointee),
                    as: New.self)
            }
        }
        return step(old, new)
    }
}

/// An optional with Swift's layout.
private protocol PlainOptional {
    static var plainWrapped: Any.Type { get }
    static func storeNil(at memory: UnsafeMutableRawPointer)
    /// Stores the value whose bytes `complete` writes into zeros.
    static func store(
        at memory: UnsafeMutableRawPointer, _ complete: (UnsafeMutableRawPointer) -> Void)
}

extension Optional: PlainOptional {
    fileprivate static var plainWrapped: Any.Type { Wrapped.self }

    fileprivate static func storeNil(at memory: UnsafeMutableRawPointer) {
        memory.initializeMemory(as: Wrapped?.self, to: nil)
    }

    fileprivate static func store(
        at memory: UnsafeMutableRawPointer, _ complete: (UnsafeMutableRawPointer) -> Void
    ) {
        withUnsafeTemporaryAllocation(
            byteCount: Swift.max(MemoryLayout<Wrapped>.size, 1),
            alignment: MemoryLayout<Wrapped>.alignment
        ) { buffer in
            buffer.initializeMemory(as: UInt8.self, repeating: 0)
            complete(buffer.baseAddress!)
            memory.initializeMemory(
                as: Wrapped?.self,
                to: buffer.baseAddress!.assumingMemoryBound(to: Wrapped.self).pointee)
        }
    }
}
