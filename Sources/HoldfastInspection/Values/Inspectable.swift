import Foundation
import Holdfast
import HoldfastEngine

// The operations of collections for code that knows their types only at run time. A place is an
// offset in bytes from the start of the heap.

protocol InspectableList {
    var count: Int { get }
    static var elementType: any Persistable.Type { get }
    func elementPlace(_ index: Int) -> UInt64
    /// Inserts the decoded value. The index has been checked.
    func insert(_ decoder: PlainDecoder, at index: Int) throws
    func removeElement(at index: Int)
    func clear()
}

protocol InspectableEntries {
    var count: Int { get }
    static var keyType: any Persistable.Type { get }
    static var valueType: any Persistable.Type { get }
    /// Calls `body` with the places of all entries, in order.
    func forEachPlace(_ body: (EntryPlace) throws -> Void) rethrows
    func places(from start: Int, limit: Int) -> [EntryPlace]
    func find(_ key: PlainValue) throws -> EntryPlace?
    /// Inserts an entry with a new key.
    func insert(_ key: PlainValue, _ value: PlainDecoder) throws
    func remove(_ key: PlainValue) throws -> Bool
    func removeAll()
}

extension InspectableList {
    var elementType: any Persistable.Type { Self.elementType }
}

extension InspectableEntries {
    var keyType: any Persistable.Type { Self.keyType }
    var valueType: any Persistable.Type { Self.valueType }
    var isSet: Bool { valueType == NoValue.self }

    func requireFits(_ key: PlainValue) throws {
        if let problem = key.problem(as: ShapeCache.shared.shape(of: keyType)) {
            throw InspectionProblem(problem)
        }
    }
}

protocol InspectableOrder: InspectableEntries {
    func places(from lower: PlainValue?, to upper: PlainValue?, through: Bool, limit: Int) throws
        -> [EntryPlace]
    var lastPlace: EntryPlace? { get }
}

protocol InspectableBox {
    static var contentType: any Persistable.Type { get }
}

extension PersistentValue: InspectableBox {
    static var contentType: any Persistable.Type { Value.self }
}

protocol InspectableOptional {
    static var contentType: any Persistable.Type { get }
    /// The distance in bytes from the start of the optional to its value.
    static var contentOffset: Int { get }
}

extension StorableRange {
    static var boundType: any Persistable.Type { Bound.self }

    var plainRange: PlainValue? {
        guard let lower = ValuePlace.plain(lowerBound), let upper = ValuePlace.plain(upperBound)
        else { return nil }
        return .range(lower, upper, isClosed: Self.typeName == "ClosedRange")
    }
}

extension Optional: InspectableOptional where Wrapped: Persistable {
    static var contentType: any Persistable.Type { Wrapped.self }
    static var contentOffset: Int { MemoryLayout<Wrapped.Stored>.alignment }
}

protocol InspectableReference {
    static var targetType: any HeapRecord.Type { get }
}

extension HeapRef: InspectableReference {
    static var targetType: any HeapRecord.Type { Target.self }
}

extension SharedRef: InspectableReference {
    static var targetType: any HeapRecord.Type { Target.self }
}

// MARK: Keys

extension PlainValue {
    /// Returns the value as a key. Nothing is created in a heap, so that readers can look up keys.
    func key<Key: PersistableKey>(as type: Key.Type) throws -> Key {
        if type == Data.self, case .bytes(let data) = self { return data as! Key }
        if let wide = wideKey(type) as? Key { return wide }
        if let type = type as? any HeapEnum.Type, let key = try rawKey(type) as? Key {
            return key
        }
        guard let decodable = type as? any Decodable.Type,
            let key = try decodable.init(from: PlainDecoder(self)) as? Key
        else {
            throw InspectionProblem("\(kind) cannot be a key of the type \(type)")
        }
        return key
    }

    /// A number of 128 bits, a decimal or a duration, which no decoder has a form for.
    private func wideKey(_ type: Any.Type) -> Any? {
        let text: String? =
            switch self {
            case .integer(let value): "\(value)"
            case .unsigned(let value): "\(value)"
            case .digits(let text): text
            default: nil
            }
        switch type {
        case is Int128.Type: return text.flatMap { Int128($0) }
        case is UInt128.Type: return text.flatMap { UInt128($0) }
        case is Decimal.Type: return text.flatMap { Decimal(string: $0) }
        case is Duration.Type:
            guard case .duration(let value) = self else { return nil }
            return value
        default: return nil
        }
    }

    private func rawKey<T: HeapEnum>(_: T.Type) throws -> Any? {
        guard let decodable = T.RawValue.self as? any Decodable.Type else { return nil }
        let value = if case .enumeration(_, _, let raw) = self { raw } else { self }
        guard let raw = try decodable.init(from: PlainDecoder(value)) as? T.RawValue else {
            return nil
        }
        return T(rawValue: raw)
    }
}
