import Foundation
import Holdfast
import HoldfastEngine

extension PersistentArray: InspectableList {
    static var elementType: any Persistable.Type { Element.self }

    func insert(_ decoder: PlainDecoder, at index: Int) throws {
        insert(stored: try Element.decode(from: decoder, in: access), at: index)
    }

    func clear() { removeAll() }
}

extension PersistentDeque: InspectableList {
    static var elementType: any Persistable.Type { Element.self }

    func insert(_ decoder: PlainDecoder, at index: Int) throws {
        insert(stored: try Element.decode(from: decoder, in: access), at: index)
    }

    func clear() { removeAll() }
}

extension PersistentMap: InspectableEntries {
    static var keyType: any Persistable.Type { Key.self }
    static var valueType: any Persistable.Type { Value.self }

    func find(_ key: PlainValue) throws -> EntryPlace? { place(of: try key.key(as: Key.self)) }

    func insert(_ key: PlainValue, _ value: PlainDecoder) throws {
        let key = try key.key(as: Key.self)
        let stored = try Value.decode(from: value, in: access)
        _ = insert(storedKey: Key.store(key, in: access), stored)
    }

    func remove(_ key: PlainValue) throws -> Bool { removeValue(forKey: try key.key(as: Key.self)) }
}

extension PersistentSortedMap: InspectableOrder {
    static var keyType: any Persistable.Type { Key.self }
    static var valueType: any Persistable.Type { Value.self }

    func places(from lower: PlainValue?, to upper: PlainValue?, through: Bool, limit: Int) throws
        -> [EntryPlace]
    {
        places(
            from: try lower.map { try $0.key(as: Key.self) },
            to: try upper.map { try $0.key(as: Key.self) }, through: through, limit: limit)
    }

    func find(_ key: PlainValue) throws -> EntryPlace? { place(of: try key.key(as: Key.self)) }

    func insert(_ key: PlainValue, _ value: PlainDecoder) throws {
        let key = try key.key(as: Key.self)
        let stored = try Value.decode(from: value, in: access)
        _ = insert(storedKey: Key.store(key, in: access), stored)
    }

    func remove(_ key: PlainValue) throws -> Bool { removeValue(forKey: try key.key(as: Key.self)) }
}

// Sets are accessed through their underlying maps.

extension PersistentSet: InspectableEntries {
    static var keyType: any Persistable.Type { Element.self }
    static var valueType: any Persistable.Type { NoValue.self }
    func places(from start: Int, limit: Int) -> [EntryPlace] {
        table.places(from: start, limit: limit)
    }
    func forEachPlace(_ body: (EntryPlace) throws -> Void) rethrows {
        try table.forEachPlace(body)
    }
    func find(_ key: PlainValue) throws -> EntryPlace? { try table.find(key) }
    func insert(_ key: PlainValue, _ value: PlainDecoder) throws {
        insert(try key.key(as: Element.self))
    }
    func remove(_ key: PlainValue) throws -> Bool {
        remove(try key.key(as: Element.self)) != nil
    }
}

extension PersistentSortedSet: InspectableOrder {
    static var keyType: any Persistable.Type { Element.self }
    static var valueType: any Persistable.Type { NoValue.self }
    func places(from start: Int, limit: Int) -> [EntryPlace] {
        tree.places(from: start, limit: limit)
    }
    func forEachPlace(_ body: (EntryPlace) throws -> Void) rethrows {
        try tree.forEachPlace(body)
    }
    func find(_ key: PlainValue) throws -> EntryPlace? { try tree.find(key) }
    func insert(_ key: PlainValue, _ value: PlainDecoder) throws {
        insert(try key.key(as: Element.self))
    }
    func remove(_ key: PlainValue) throws -> Bool {
        remove(try key.key(as: Element.self)) != nil
    }
    var lastPlace: EntryPlace? { tree.lastPlace }

    func places(from lower: PlainValue?, to upper: PlainValue?, through: Bool, limit: Int) throws
        -> [EntryPlace]
    {
        try tree.places(from: lower, to: upper, through: through, limit: limit)
    }
}
