import HoldfastEngine

/// Moves the contents of a collection to an empty one with another type of elements.
///
/// Every part of the work leaves two sound collections, of which each element is in one.
protocol ContentMover {
    /// The number of elements or entries.
    func count(of source: UInt64, in access: HeapAccess) -> Int

    /// Moves all contents at once. The source is empty afterwards, or has forgotten its contents
    /// and is freed without them.
    func moveAll(from source: UInt64, to target: UInt64, in access: HeapAccess)

    /// Moves some contents in a transaction of their own. `cursor` is kept between the
    /// transactions, beginning with 0. Returns whether this was the last part.
    func moveSome(
        from source: UInt64, to target: UInt64, upTo limit: Int, cursor: inout Int,
        in access: HeapAccess
    ) -> Bool

    /// Frees the source without the contents that have been moved.
    func freeSource(_ source: UInt64, in access: HeapAccess)
}

/// A stored form of another type, which a ``FormConversion`` takes over. It owns nothing, so that a
/// collection which it is removed from frees nothing.
struct Unconverted<Bytes: BytesOfSize>: PersistableStruct {
    var bytes: Bytes
}

/// A collection whose elements can have been of another type.
protocol ConvertibleCollection: ConvertibleForm, HeapHandle {
    /// The name of the collection in descriptions.
    static var shapeName: String { get }

    /// Returns nil if its keys are of another type.
    static func mover(
        from parameters: [TypeShape], _ planner: inout ConversionPlanner, at place: String
    ) throws -> (any ContentMover)?
}

extension ConvertibleCollection {
    static func mover(
        from old: TypeShape, _ planner: inout ConversionPlanner, at place: String
    ) throws -> (any ContentMover)? {
        guard case .generic(shapeName, let parameters) = old else { return nil }
        return try mover(from: parameters, &planner, at: place)
    }

    static func conversion(
        from old: TypeShape, _ planner: inout ConversionPlanner, at place: String
    ) throws -> FormConversion? {
        try mover(from: old, &planner, at: place).map(conversion)
    }

    static func conversion(_ mover: any ContentMover) -> FormConversion {
        FormConversion(from: .place, to: .place, isRepeatable: false) { old, new, access in
            let source = old.load(as: UInt64.self)
            let target = storeEmpty(in: access).offset
            mover.moveAll(from: source, to: target, in: access)
            mover.freeSource(source, in: access)
            new.storeBytes(of: target, as: UInt64.self)
        }
    }

    /// Returns the conversion of the elements or values, and bytes with the old form's layout.
    static func contents<Content: Persistable>(
        from old: TypeShape, to new: Content.Type, _ planner: inout ConversionPlanner,
        at place: String
    ) throws -> (FormConversion, any BytesOfSize.Type) {
        let form = try planner.conversion(from: old, to: new, at: place)
        guard let bytes = BytesMaker.type(size: form.old.size, alignment: form.old.alignment) else {
            throw SchemaChangeRefusal(old, new, place)
        }
        return (form, bytes)
    }
}
