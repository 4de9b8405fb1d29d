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

    static func fingerprint(of description: String) -> UInt64 {
        // A fixed seed: the fingerprint stands in the file.
        let seed = HeapIdentity(high: 0x486f_6c64_6661_7374, low: 0x5479_7065_5365_6564)
        var text = description
        return text.withUTF8 { StableHash.hash(UnsafeRawBufferPointer($0), seed: seed) }
    }

    /// The type with this description, or nil if this program does not know it.
    func type(describedAs text: String) -> (any Persistable.Type)? {
        if let found = exactly(text) { return found }
        var parser = TypeParser(text: Array(text.utf8), registry: self)
        guard let type = parser.type(), parser.isAtEnd else { return nil }
        // Nothing that was put together otherwise than the description says may be taken for it.
        guard (try? type.describe().text) == text || text.contains("enum ") else { return nil }
        return type
    }

    fileprivate func exactly(_ text: String) -> (any Persistable.Type)? { known.withLock({ $0.byDescription[text] })?.type }
}

/// Makes types out of descriptions: `Map<String, Array<Double?>>`.
private struct TypeParser {
    let text: [UInt8]
    let registry: TypeRegistry
    var at = 0
    private var depth = 0

    init(text: [UInt8], registry: TypeRegistry) {
        self.text = text
        self.registry = registry
    }

    var isAtEnd: Bool { at == text.count }

    private static func plain(_ name: String) -> (any Persistable.Type)? {
        switch name {
        case "Bool": Bool.self
        case "String": String.self
        case "PersistentString": PersistentString.self
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

    mutating func type() -> (any Persistable.Type)? {
        // A damaged description may go on for ever; no program nests its types so deep.
        depth += 1
        defer { depth -= 1 }
        guard depth < 64, var type = base() else { return nil }
        while take("?") { type = Self.optional(type) }
        return type
    }

    private mutating func base() -> (any Persistable.Type)? {
        if take("Array<") {
            guard let element = type(), take(">") else { return nil }
            return Self.array(element)
        }
        if take("Value<") {
            guard let value = type(), take(">") else { return nil }
            return Self.value(value)
        }
        if take("Map<") {
            guard let key = type() as? any PersistableKey.Type, take(", "), let value = type(), take(">") else { return nil }
            return Self.map(key, value)
        }
        let name = word()
        if let type = registry.exactly(name) ?? Self.plain(name) { return type }
        // An enum that this program does not have is stored as its raw value.
        if name.hasPrefix("enum "), let colon = name.range(of: ": ") { return Self.plain(String(name[colon.upperBound...])) }
        return nil
    }

    private mutating func take(_ token: String) -> Bool {
        guard text[at...].starts(with: token.utf8) else { return false }
        at += token.utf8.count
        return true
    }

    /// Up to the end of the name, with all that stands in its brackets.
    private mutating func word() -> String {
        let start = at
        var open = 0
        loop: while at < text.count {
            switch text[at] {
            case UInt8(ascii: "<"), UInt8(ascii: "{"), UInt8(ascii: "("): open += 1
            case UInt8(ascii: ">") where open == 0: break loop
            case UInt8(ascii: ">"), UInt8(ascii: "}"), UInt8(ascii: ")"): open -= 1
            case UInt8(ascii: ","), UInt8(ascii: "?"):
                if open == 0 { break loop }
            default: break
            }
            at += 1
        }
        return String(decoding: text[start ..< at], as: UTF8.self)
    }

    private static func array<Element: Persistable>(_ element: Element.Type) -> any Persistable.Type { PersistentArray<Element>.self }
    private static func value<Value: Persistable>(_ value: Value.Type) -> any Persistable.Type { PersistentValue<Value>.self }
    private static func optional<Wrapped: Persistable>(_ wrapped: Wrapped.Type) -> any Persistable.Type { Wrapped?.self }
    private static func map<Key: PersistableKey, Value: Persistable>(_ key: Key.Type, _ value: Value.Type) -> any Persistable.Type {
        PersistentMap<Key, Value>.self
    }
}

extension String {
    fileprivate func range(of part: String) -> Range<String.Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(part) { return start ..< index(start, offsetBy: part.count) }
            start = index(after: start)
        }
        return nil
    }
}
