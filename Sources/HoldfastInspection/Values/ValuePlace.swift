import Foundation
import Holdfast
import HoldfastEngine

/// A value in a heap, known by the heap's description of its type: its place, and the operations to
/// inspect and change it there.
///
/// Belongs to one transaction, like a handle, and is valid until something is inserted into or
/// removed from its container. Reading traps on damaged data. If the file may be damaged, call
/// `HeapTransaction.problems(inRoot:)` first.
package struct ValuePlace {
    /// The content at the place.
    enum Content {
        case persistable(any Persistable.Type)
        /// A part of a plain struct, with its layout in memory.
        case plain(PlainLayout)
    }

    let access: HeapAccess
    let content: Content
    /// The offset in bytes from the start of the heap.
    let place: UInt64
    /// The described type of the value.
    package let shape: TypeShape
    /// The names that the heap notes of the root's enums.
    package let notes: TypeNotes

    init(
        _ access: HeapAccess, _ type: any Persistable.Type, at place: UInt64, _ notes: TypeNotes
    ) {
        self.access = access
        self.place = place
        self.notes = notes
        shape = ShapeCache.shared.shape(of: type)
        if let plain = type as? any PlainlyLaidOut.Type {
            content = .plain(plain.plainLayout)
        } else if type is any HeapStruct.Type, let layout = PlainLayout.ofStruct(type) {
            content = .plain(layout)
        } else {
            content = .persistable((type as? any CollectionValue.Type)?.handleType ?? type)
        }
    }

    init(_ access: HeapAccess, _ layout: PlainLayout, at place: UInt64, _ notes: TypeNotes) {
        self.access = access
        self.notes = notes
        self.place = place
        shape = layout.shape
        content = .plain(layout)
    }

    /// The handle of a collection, or the value itself.
    var loaded: Any? {
        guard case .persistable(let type) = content else { return nil }
        return load(type)
    }

    private func load<T: Persistable>(_: T.Type) -> T {
        T.load(access.load(place, as: T.Stored.self), from: access)
    }

    /// The kind of a value, which determines the operations that it supports.
    package enum Kind: Equatable, Sendable {
        case scalar
        case list
        case map(sorted: Bool)
        case set(sorted: Bool)
        /// A struct or record.
        case fields
        case union
        case optional
        case reference
    }

    /// The kind of the value. For a root that is a single value, the kind of that value.
    package var kind: Kind {
        switch shape {
        case .structure, .record: .fields
        case .union: .union
        case .optional: .optional
        case .generic("Array", _), .generic("Deque", _), .generic("InlineArray", _): .list
        case .generic("Map", _): .map(sorted: false)
        case .generic("SortedMap", _): .map(sorted: true)
        case .generic("Set", _): .set(sorted: false)
        case .generic("SortedSet", _), .named("PersistentBitSet"): .set(sorted: true)
        case .generic("Ref", _), .generic("Shared", _): .reference
        case .generic("Value", _): inside.kind
        case .named, .generic, .opaque, .enumeration: .scalar
        }
    }

    /// The value itself, if this is a root that holds a single value.
    package var inside: ValuePlace {
        guard case .persistable(let type) = content, let box = type as? any InspectableBox.Type
        else { return self }
        return ValuePlace(access, box.contentType, at: access.load(place, as: UInt64.self), notes)
    }

    /// The wrapped value of an optional, or nil if there is none. Any other value is returned
    /// unchanged.
    package var unwrapped: ValuePlace? {
        switch content {
        case .persistable(let type):
            guard let optional = type as? any InspectableOptional.Type else { return self }
            guard access.load(place, as: UInt8.self) != 0 else { return nil }
            return ValuePlace(
                access, optional.contentType, at: place + UInt64(optional.contentOffset), notes)
        case .plain(let layout):
            guard case .optional(let wrapped) = layout.content else { return self }
            guard access.load(place + UInt64(wrapped.size), as: UInt8.self) == 0 else { return nil }
            return ValuePlace(access, wrapped, at: place, notes)
        }
    }

    /// The record that a reference leads to.
    package var target: ValuePlace? {
        guard case .persistable(let type) = content,
            let reference = type as? any InspectableReference.Type
        else { return nil }
        // A record is identified by the place of a word that leads to it, and a reference is such a
        // word.
        return ValuePlace(access, reference.targetType, at: place, notes)
    }

    // MARK: Collections

    /// The number of elements or entries, or nil for values without any. O(1), but O(number of
    /// words) for a bit set.
    package var count: Int? {
        switch content {
        case .plain(let layout):
            if case .elements(_, let count, _) = layout.content { return count }
            return nil
        case .persistable(let type):
            if type is any InspectableBox.Type { return inside.count }
            return switch loaded {
            case let list as any InspectableList: list.count
            case let entries as any InspectableEntries: entries.count
            case let bits as PersistentBitSet: bits.count
            case let text as PersistentString: text.utf8Count
            case let bytes as PersistentBytes: bytes.count
            default: nil
            }
        }
    }

    /// Returns the element at `index` of an array or deque, or nil if there is none or this is not
    /// a list. O(1).
    package func element(at index: Int) -> ValuePlace? {
        guard let count, index >= 0, index < count else { return nil }
        switch content {
        case .plain(let layout):
            guard case .elements(let element, _, let stride) = layout.content else { return nil }
            return ValuePlace(access, element, at: place + UInt64(index * stride), notes)
        case .persistable(let type):
            if type is any InspectableBox.Type { return inside.element(at: index) }
            guard let list = loaded as? any InspectableList else { return nil }
            return ValuePlace(access, list.elementType, at: list.elementPlace(index), notes)
        }
    }

    /// Returns the value for `key` of a map, or nil if there is none. Throws ``InspectionProblem``
    /// if the key has another type or this is not a map. O(1) or O(log *n*).
    package func value(forKey key: PlainValue) throws -> ValuePlace? {
        let map = try entries
        let key = try key.resolved(as: ShapeCache.shared.shape(of: map.keyType), notes)
        try map.requireFits(key)
        guard let found = try map.find(key) else { return nil }
        return ValuePlace(access, map.valueType, at: found.value, notes)
    }

    /// Returns a key with its case resolved. Throws ``InspectionProblem`` if it has another type or
    /// this is not a map or set.
    package func fitting(key: PlainValue) throws -> PlainValue {
        let entries = try entries
        let key = try key.resolved(as: ShapeCache.shared.shape(of: entries.keyType), notes)
        try entries.requireFits(key)
        return key
    }

    /// Returns whether a set contains `element`, or a map has an entry for it. Throws
    /// ``InspectionProblem`` if it has another type or this is neither.
    package func contains(_ element: PlainValue) throws -> Bool {
        if let bits = inside.loaded as? PersistentBitSet {
            return bits.contains(try element.bitNumber)
        }
        let found = try entries
        let element = try element.resolved(as: ShapeCache.shared.shape(of: found.keyType), notes)
        try found.requireFits(element)
        return try found.find(element) != nil
    }

    /// Returns `limit` entries of a map from number `start` on, in order. Elements of a set have
    /// nil as their values.
    package func entries(from start: Int = 0, limit: Int) throws -> [(
        key: ValuePlace, value: ValuePlace?
    )] {
        let found = try entries
        return found.places(from: start, limit: limit).map { place(of: $0, in: found) }
    }

    /// Returns up to `limit` entries of a sorted map or set whose keys are between two bounds. A
    /// nil bound is no bound. The upper bound is included if `through` is true.
    package func entries(from lower: PlainValue?, to upper: PlainValue?, through: Bool, limit: Int)
        throws -> [(
            key: ValuePlace, value: ValuePlace?
        )]
    {
        guard let sorted = inside.loaded as? any InspectableOrder else {
            throw InspectionProblem("\(shape.name) has no order")
        }
        let shape = ShapeCache.shared.shape(of: sorted.keyType)
        let lower = try lower?.resolved(as: shape, notes)
        let upper = try upper?.resolved(as: shape, notes)
        if let lower { try sorted.requireFits(lower) }
        if let upper { try sorted.requireFits(upper) }
        return try sorted.places(from: lower, to: upper, through: through, limit: limit).map {
            place(of: $0, in: sorted)
        }
    }

    /// Returns the last entry of a sorted map or set, in the same form.
    package func lastEntry() throws -> (key: ValuePlace, value: ValuePlace?)? {
        guard let sorted = inside.loaded as? any InspectableOrder else {
            throw InspectionProblem("\(shape.name) has no order")
        }
        return sorted.lastPlace.map { place(of: $0, in: sorted) }
    }

    private func place(of found: EntryPlace, in entries: any InspectableEntries) -> (
        key: ValuePlace, value: ValuePlace?
    ) {
        (
            ValuePlace(access, entries.keyType, at: found.key, notes),
            entries.isSet ? nil : ValuePlace(access, entries.valueType, at: found.value, notes)
        )
    }

    var entries: any InspectableEntries {
        get throws {
            guard let found = inside.loaded as? any InspectableEntries else {
                throw InspectionProblem("\(inside.shape.name) has no keys")
            }
            return found
        }
    }

    // MARK: Fields

    /// The names of the fields of a struct or record, or of the target of a reference or optional.
    package var fieldNames: [String] {
        switch inside.reached?.shape {
        case .structure(_, let fields, _)?, .record(_, let fields, _)?: fields.map(\.name)
        default: []
        }
    }

    /// Returns the field with this name of a struct or record, through optionals and references, or
    /// nil if there is none.
    package func field(_ name: String) -> ValuePlace? {
        guard let reached = inside.reached else { return nil }
        switch reached.content {
        case .plain(let layout):
            guard case .fields(let fields) = layout.content,
                let field = fields.first(where: { $0.name == name })
            else {
                return nil
            }
            return ValuePlace(access, field.layout, at: reached.place + UInt64(field.offset), notes)
        case .persistable(let type):
            guard let type = type as? any HeapRecord.Type,
                let layout = try? RecordLayout.found(type),
                let field = layout.fields.first(where: { $0.name == name })
            else { return nil }
            return ValuePlace(
                access, field.valueType,
                at: access.load(reached.place, as: UInt64.self) + UInt64(field.offset), notes)
        }
    }

    /// The value with fields, reached through optionals and references.
    private var reached: ValuePlace? {
        var place = self
        for _ in 0 ..< 200 {
            switch place.kind {
            case .optional:
                guard let next = place.unwrapped else { return nil }
                place = next
            case .reference:
                guard let next = place.target else { return nil }
                place = next
            default: return place
            }
        }
        return nil
    }
}

/// An operation that a value does not support, as text.
package struct InspectionProblem: Error, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}
