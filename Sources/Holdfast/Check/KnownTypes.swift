import HoldfastEngine
import Synchronization

/// The types that this program can read, by what a heap says of them.
///
/// A heap keeps a description of each root's type, in words. The program knows what it means if it has asked for such a root, or has been told of the type;
/// and everything that is made only of Holdfast's own types can be made from its description alone.
final class TypeRegistry: Sendable {
    static let shared = TypeRegistry()

    /// `@unchecked Sendable`: a type is the same on every thread.
    private struct KnownType: @unchecked Sendable {
        let type: any Persistable.Type
    }

    private struct Known {
        var fingerprints: [ObjectIdentifier: UInt64] = [:]
        var byDescription: [String: KnownType] = [:]
    }

    private let known = Mutex(Known())

    /// Of the type's description: equal for equal types. Throws `notStorable` if the type cannot be kept in a heap.
    func fingerprint(of type: any Persistable.Type) throws(HeapError) -> UInt64 {
        let identifier = ObjectIdentifier(type)
        if let found = known.withLock({ $0.fingerprints[identifier] }) { return found }
        let text = try type.describe().text
        let fingerprint = Self.fingerprint(of: text)
        let entry = KnownType(type: type)
        known.withLock {
            $0.fingerprints[identifier] = fingerprint
            $0.byDescription[text] = entry
        }
        return fingerprint
    }

    /// For tests: as if this program had never asked for the type.
    func forget(_ type: any Persistable.Type) {
        known.withLock { known in
            known.fingerprints[ObjectIdentifier(type)] = nil
            known.byDescription = known.byDescription.filter { ObjectIdentifier($0.value.type) != ObjectIdentifier(type) }
        }
    }

    static func fingerprint(of description: String) -> UInt64 {
        // A fixed seed: the fingerprint stands in the file.
        let seed = HeapIdentity(high: 0x486f_6c64_6661_7374, low: 0x5479_7065_5365_6564)
        var text = description
        return text.withUTF8 { StableHash.hash(UnsafeRawBufferPointer($0), seed: seed) }
    }

    /// The type with this description, or nil if this program does not know it.
    func type(describedAs text: String) -> (any Persistable.Type)? {
        if let found = exactly(text) { return found }
        guard let shape = TypeShape(parsing: text), let type = type(of: shape) else { return nil }
        // Nothing that was put together otherwise than the description says may be taken for it.
        guard (try? type.describe().text) == text || text.contains("enum ") else { return nil }
        return type
    }

    fileprivate func exactly(_ text: String) -> (any Persistable.Type)? { known.withLock({ $0.byDescription[text] })?.type }
}

// Making types out of what is said of them: generic types are made at run time, with the code that the program has for them.
extension TypeRegistry {
    private func type(of shape: TypeShape) -> (any Persistable.Type)? {
        if let found = exactly(shape.text) { return found }
        switch shape {
        case .named(let name): return Self.plain(name)
        case .optional(let wrapped):
            guard let wrapped = type(of: wrapped) else { return nil }
            return Self.optional(wrapped)
        // An enum that this program does not have is stored as its raw value.
        case .enumeration(_, let raw): return type(of: raw)
        case .generic(let name, let parameters):
            let types = parameters.compactMap { type(of: $0) }
            guard types.count == parameters.count else { return nil }
            return Self.generic(name, types)
        case .structure, .record, .opaque, .union: return nil
        }
    }

    private static func plain(_ name: String) -> (any Persistable.Type)? {
        switch name {
        case "Bool": Bool.self
        case "String": String.self
        case "PersistentString": PersistentString.self
        case "PersistentBytes": PersistentBytes.self
        case "PersistentBitSet": PersistentBitSet.self
        case "Double": Double.self
        case "Float": Float.self
        case "Int": Int.self
        case "Int8": Int8.self
        case "Int16": Int16.self
        case "Int32": Int32.self
        case "Int64": Int64.self
        case "UInt": UInt.self
        case "UInt8": UInt8.self
        case "UInt16": UInt16.self
        case "UInt32": UInt32.self
        case "UInt64": UInt64.self
        default: foundationType(name)
        }
    }

    private static func generic(_ name: String, _ parameters: [any Persistable.Type]) -> (any Persistable.Type)? {
        switch (name, parameters.count) {
        case ("Array", 1): return array(parameters[0])
        case ("Deque", 1): return deque(parameters[0])
        case ("Value", 1): return value(parameters[0])
        case ("Set", 1):
            guard let element = parameters[0] as? any PersistableKey.Type else { return nil }
            return set(element)
        case ("SortedSet", 1):
            guard let element = parameters[0] as? any PersistableOrderedKey.Type else { return nil }
            return sortedSet(element)
        case ("Map", 2):
            guard let key = parameters[0] as? any PersistableKey.Type else { return nil }
            return map(key, parameters[1])
        case ("SortedMap", 2):
            guard let key = parameters[0] as? any PersistableOrderedKey.Type else { return nil }
            return sortedMap(key, parameters[1])
        case ("Ref", 1):
            guard let target = parameters[0] as? any PersistableRecord.Type else { return nil }
            return ref(target)
        case ("Shared", 1):
            guard let target = parameters[0] as? any PersistableRecord.Type else { return nil }
            return shared(target)
        default: return nil
        }
    }

    private static func optional<Wrapped: Persistable>(_: Wrapped.Type) -> any Persistable.Type { Wrapped?.self }
    private static func array<Element: Persistable>(_: Element.Type) -> any Persistable.Type { PersistentArray<Element>.self }
    private static func deque<Element: Persistable>(_: Element.Type) -> any Persistable.Type { PersistentDeque<Element>.self }
    private static func value<Value: Persistable>(_: Value.Type) -> any Persistable.Type { PersistentValue<Value>.self }
    private static func set<Element: PersistableKey>(_: Element.Type) -> any Persistable.Type { PersistentSet<Element>.self }
    private static func ref<Target: PersistableRecord>(_: Target.Type) -> any Persistable.Type { Ref<Target>.self }
    private static func shared<Target: PersistableRecord>(_: Target.Type) -> any Persistable.Type { Shared<Target>.self }

    private static func sortedSet<Element: PersistableOrderedKey>(_: Element.Type) -> any Persistable.Type {
        PersistentSortedSet<Element>.self
    }

    private static func map<Key: PersistableKey, Value: Persistable>(_: Key.Type, _: Value.Type) -> any Persistable.Type {
        PersistentMap<Key, Value>.self
    }

    private static func sortedMap<Key: PersistableOrderedKey, Value: Persistable>(
        _: Key.Type, _: Value.Type
    ) -> any Persistable.Type {
        PersistentSortedMap<Key, Value>.self
    }
}
