import Foundation
import Holdfast
import HoldfastEngine

// If the value does not fit the type, every change throws and changes nothing. Only inside a write
// transaction.

extension ValuePlace {
    private var decoding: ImportedRecords { ImportedRecords(access) }

    private func decoder(_ value: PlainValue) -> PlainDecoder {
        PlainDecoder(value, userInfo: [Exchange.userInfoKey: decoding])
    }

    /// Returns the value with its cases resolved, if it fits.
    private func fitted(_ value: PlainValue, _ shape: TypeShape) throws -> PlainValue {
        let value = try value.resolved(as: shape, notes)
        if let problem = value.problem(as: shape) { throw InspectionProblem(problem) }
        return value
    }

    private func fittedKey(_ key: PlainValue, of entries: any InspectableEntries) throws
        -> PlainValue
    {
        try fitted(key, ShapeCache.shared.shape(of: entries.keyType))
    }

    /// Replaces the value and frees everything that the old one owned.
    package func set(_ value: PlainValue) throws {
        let place = inside
        let value = try place.fitted(value, place.shape)
        switch place.content {
        case .plain(let layout): try place.write(value, layout)
        case .persistable(let type): try place.replace(type, value)
        }
    }

    private func write(_ value: PlainValue, _ layout: PlainLayout) throws {
        unsafe try withUnsafeTemporaryAllocation(byteCount: max(layout.size, 1), alignment: 16) {
            buffer in
            unsafe buffer.initializeMemory(as: UInt8.self, repeating: 0)
            unsafe try layout.decode(into: buffer.baseAddress!, from: decoder(value))
            guard layout.size > 0 else { return }
            unsafe access.writableAddress(place, layout.size).copyMemory(
                from: buffer.baseAddress!, byteCount: layout.size)
        }
    }

    private func replace<T: Persistable>(_: T.Type, _ value: PlainValue) throws {
        let new = try T.decode(from: decoder(value), in: access)
        let old = access.load(place, as: T.Stored.self)
        access.store(new, at: place)
        if T.ownsMemory { T.destroy(old, in: access) }
    }

    // MARK: Lists

    private var list: any InspectableList {
        get throws {
            guard let list = inside.loaded as? any InspectableList else {
                throw InspectionProblem("\(inside.shape.name) is not an array or deque")
            }
            return list
        }
    }

    /// Adds an element at the end of an array or deque.
    package func append(_ value: PlainValue) throws { try insert(value, at: count ?? 0) }

    /// Inserts an element into an array or deque, before `index`.
    package func insert(_ value: PlainValue, at index: Int) throws {
        let list = try list
        guard index >= 0, index <= list.count else {
            throw InspectionProblem(
                "the index \(index) is out of bounds for \(list.count) elements")
        }
        let value = try fitted(value, ShapeCache.shared.shape(of: list.elementType))
        try list.insert(decoder(value), at: index)
    }

    /// Removes the element at `index` of an array or deque.
    package func remove(at index: Int) throws {
        let list = try list
        guard index >= 0, index < list.count else {
            throw InspectionProblem(
                "the index \(index) is out of bounds for \(list.count) elements")
        }
        list.removeElement(at: index)
    }

    // MARK: Maps and sets

    /// Sets the value for `key`, inserting an entry if there is none.
    package func setValue(_ value: PlainValue, forKey key: PlainValue) throws {
        let entries = try entries
        guard !entries.isSet else { throw InspectionProblem("\(inside.shape.name) has no values") }
        let key = try fittedKey(key, of: entries)
        let value = try fitted(value, ShapeCache.shared.shape(of: entries.valueType))
        if let found = try entries.find(key) {
            try ValuePlace(access, entries.valueType, at: found.value, notes).set(value)
        } else {
            try entries.insert(key, decoder(value))
        }
    }

    /// Removes the entry for `key`, or the element. Returns whether there was one.
    @discardableResult
    package func removeValue(forKey key: PlainValue) throws -> Bool {
        if let bits = inside.loaded as? PersistentBitSet {
            return bits.remove(try key.bitNumber) != nil
        }
        let entries = try entries
        return try entries.remove(try fittedKey(key, of: entries))
    }

    /// Adds an element to a set. Returns whether it is new.
    @discardableResult
    package func insert(_ element: PlainValue) throws -> Bool {
        if let bits = inside.loaded as? PersistentBitSet {
            if let problem = PlainValue.list([element]).problem(as: .named("PersistentBitSet")) {
                throw InspectionProblem(problem)
            }
            guard case .integer(let number) = element else { return false }
            return bits.insert(Int(number)).inserted
        }
        let entries = try entries
        guard entries.isSet else { throw InspectionProblem("\(inside.shape.name) is not a set") }
        let element = try fittedKey(element, of: entries)
        guard try entries.find(element) == nil else { return false }
        try entries.insert(element, decoder(.object(type: "", [])))
        return true
    }

    /// Removes the whole content of a collection.
    package func removeAll() throws {
        switch inside.loaded {
        case let list as any InspectableList: list.clear()
        case let entries as any InspectableEntries: entries.removeAll()
        case let bits as PersistentBitSet: bits.removeAll()
        case let text as PersistentString: text.removeAll()
        case let bytes as PersistentBytes: bytes.removeAll()
        default: throw InspectionProblem("\(inside.shape.name) is not a collection")
        }
    }
}
