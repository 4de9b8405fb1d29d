import HoldfastEngine

/// Moves the contents of a collection to an empty one with another type of elements.
///
/// Every part of the work leaves two sound collections, of which each element is in one.
protocol ContentMover {
    /// The collection with the old forms, ``Unconverted``.
    associatedtype Source: HeapHandle & Collection
    associatedtype Target: HeapHandle

    /// Moves all contents at once. The source is empty afterwards, or has forgotten its contents
    /// and is freed without them.
    func moveAll(from source: Source, to target: Target)

    /// Moves some contents in a transaction of their own. `cursor` is kept between the
    /// transactions, beginning with 0. Returns whether this was the last part.
    func moveSome(
        from source: Source, to target: Target, upTo limit: Int, cursor: inout Int
    ) -> Bool
}

extension ContentMover {
    func moveAll(from source: Source, to target: Target) {
        var cursor = 0
        _ = moveSome(from: source, to: target, upTo: .max, cursor: &cursor)
    }
}

/// The same for collections that are known by the places of their headers.
extension ContentMover {
    /// The number of elements or entries.
    func count(of source: UInt64, in access: HeapAccess) -> Int {
        Source(access: access, offset: source).count
    }

    func moveAll(from source: UInt64, to target: UInt64, in access: HeapAccess) {
        moveAll(
            from: Source(access: access, offset: source),
            to: Target(access: access, offset: target))
    }

    func moveSome(
        from source: UInt64, to target: UInt64, upTo limit: Int, cursor: inout Int,
        in access: HeapAccess
    ) -> Bool {
        moveSome(
            from: Source(access: access, offset: source),
            to: Target(access: access, offset: target), upTo: limit, cursor: &cursor)
    }

    /// Frees the source without the contents that have been moved.
    func freeSource(_ source: UInt64, in access: HeapAccess) {
        Source.destroy(Source.Stored(offset: source), in: access)
    }
}

/// A stored form of another type, which a ``FormConversion`` takes over. It owns nothing, so that a
/// collection which it is removed from frees nothing.
struct Unconverted<Bytes: BytesOfSize>: HeapStruct {
    var bytes: Bytes
}

/// A collection whose elements can have been of another type.
protocol ConvertibleCollection: ConvertibleForm, HeapHandle {
    /// The elements, or the values of the entries.
    associatedtype Content: Persistable

    /// The name of the collection in descriptions.
    static var shapeName: String { get }
    /// The type of the keys, if it has any: it must have stayed the same.
    static var keyType: (any Persistable.Type)? { get }

    /// Returns what moves contents whose old forms are `bytes`.
    static func mover<Bytes: BytesOfSize>(
        _ form: FormConversion, _ bytes: Bytes.Type
    ) -> any ContentMover
}

extension ConvertibleCollection {
    static var keyType: (any Persistable.Type)? { nil }

    /// Returns nil if it has been another collection.
    static func mover(
        from old: TypeShape, _ planner: inout ConversionPlanner
    ) throws -> (any ContentMover)? {
        guard case .generic(shapeName, let parameters) = old,
            parameters.count == (keyType == nil ? 1 : 2), let content = parameters.last
        else { return nil }
        if let keyType, try ConversionPlanner.text(of: keyType) != parameters[0].text {
            // The places of entries depend on their keys.
            throw SchemaChangeRefusal(parameters[0], keyType, "a key")
        }
        let place = keyType == nil ? "an element" : "a value"
        let form = try planner.conversion(from: content, to: Content.self, at: place)
        guard let bytes = BytesMaker.type(size: form.old.size, alignment: form.old.alignment) else {
            throw SchemaChangeRefusal(content, Content.self, place)
        }
        return mover(form, bytes)
    }

    static func conversion(
        from old: TypeShape, _ planner: inout ConversionPlanner, at place: String
    ) throws -> FormConversion? {
        try mover(from: old, &planner).map(conversion)
    }

    static func conversion(_ mover: any ContentMover) -> FormConversion {
        .ofPlace { source, access in
            let target = storeEmpty(in: access).offset
            mover.moveAll(from: source, to: target, in: access)
            mover.freeSource(source, in: access)
            return target
        }
    }
}
