import Holdfast
import HoldfastInspection
import HoldfastTools

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// A value in the heap that an expression leads to. Valid within its transaction, until something
/// is inserted into or removed from its container.
struct Place {
    private let place: ValuePlace
    /// The type of the value. For a root that is a single value, the type of that value.
    let shape: TypeShape

    init(_ place: ValuePlace) {
        self.place = place.inside
        shape = self.place.shape
    }

    enum Kind: Equatable {
        case list
        case map(isSorted: Bool)
        case set(isSorted: Bool)
        case other

        var isMap: Bool { if case .map = self { true } else { false } }
    }

    var kind: Kind {
        switch place.kind {
        case .list: .list
        case .map(let sorted): .map(isSorted: sorted)
        case .set(let sorted): .set(isSorted: sorted)
        default: .other
        }
    }

    var isDeque: Bool { if case .generic("Deque", _) = shape { true } else { false } }

    /// The type of a map's keys or a set's elements.
    var keyShape: TypeShape {
        if case .generic(_, let parameters) = shape, let first = parameters.first {
            first
        } else {
            .named("UInt32")
        }
    }

    /// The type of a list's elements or a map's values.
    var elementShape: TypeShape {
        if case .generic(_, let parameters) = shape, let last = parameters.last {
            last
        } else {
            shape
        }
    }

    // MARK: Tables

    /// The rows of a table by their numbers; nil if the value is no table.
    var rowsOfTable: Place? { place.rowsOfTable.map { Place($0) } }

    /// Whether there are tables in the value.
    var leadsToTables: Bool { shape.contains(\.isTable) }

    /// Makes the indexes anew if the value is a table.
    func rebuildIndexes() throws { try place.rebuildIndexes() }

    // MARK: Optionals

    func isNil() -> Bool { place.unwrapped == nil }

    /// Returns the wrapped value of an optional, or nil if there is none. Any other value is
    /// returned unchanged.
    func unwrapped() -> Place? { place.unwrapped.map { Place($0) } }

    // MARK: Reading

    /// Returns the whole value.
    func load() throws -> Value {
        try Interruption.check()
        return Value(place.plain(), isShown: false)
    }

    /// Returns the part of the value that is shown. Elements without an order of their own are
    /// sorted, if all of them are shown.
    func beginning(_ amount: ShownAmount) -> Value {
        Value(place.plain(limit: amount.elements), isShown: true)
    }

    func count() throws -> Int {
        guard let count = place.count else {
            throw InspectionProblem("\(shape.name) is not a collection")
        }
        return count
    }

    /// Returns the element at an index that has been checked.
    func element(at index: Int) throws -> Place {
        guard let found = place.element(at: index) else {
            throw InspectionProblem("there is no element \(index)")
        }
        return Place(found)
    }

    func elements(in range: Range<Int>) throws -> [Value] {
        try range.map { index in
            if index % 1024 == 0 { try Interruption.check() }
            return try element(at: index).load()
        }
    }

    func field(_ name: String) -> Place? { place.field(name).map { Place($0) } }

    func value(forKey key: Value) throws -> Place? {
        try place.value(forKey: key.plain()).map { Place($0) }
    }

    func contains(_ element: Value) throws -> Bool { try place.contains(element.plain()) }

    /// Returns the first or last entry or element, or nil.
    func end(isFirst: Bool) throws -> Value {
        let found = isFirst ? try place.entries(limit: 1).first : try place.lastEntry()
        guard let (key, value) = found else { return .null }
        return try entry(key, value)
    }

    private func entry(_ key: ValuePlace, _ value: ValuePlace?) throws -> Value {
        let keyValue = try Place(key).load()
        return try value.map {
            Members.entry(Value.Pair(key: keyValue, value: try Place($0).load()))
        } ?? keyValue
    }

    /// Returns the entries of a sorted map, or the elements of a sorted set, in a range of keys.
    func entries(in bounds: Value.Bounds) throws -> Value {
        let found = try place.entries(
            from: bounds.lower?.plain(), to: bounds.upper?.plain(),
            through: bounds.isClosed && bounds.upper != nil, limit: .max)
        if case .set = kind { return .list(try found.map { try Place($0.key).load() }) }
        return .pairs(
            try found.map { key, value in
                Value.Pair(
                    key: try Place(key).load(),
                    value: try value.map { try Place($0).load() } ?? .null)
            })
    }

    // MARK: Changing, with values that have been fitted to the type

    func set(_ value: Value) throws { try place.set(value.plain(as: shape)) }
    func setValue(_ value: Value, forKey key: Value) throws {
        try place.setValue(value.plain(as: elementShape), forKey: key.plain())
    }
    func removeValue(forKey key: Value) throws -> Bool {
        try place.removeValue(forKey: key.plain())
    }

    /// Appends all elements or, if interrupted, none.
    func append(_ elements: [Value]) throws {
        let before = try count()
        do {
            for (number, element) in elements.enumerated() {
                if number % 1024 == 0 { try Interruption.check() }
                try place.append(element.plain(as: elementShape))
            }
        } catch {
            for index in (before ..< (place.count ?? before)).reversed() {
                try place.remove(at: index)
            }
            throw error
        }
    }

    func insert(_ value: Value, at index: Int) throws {
        try place.insert(value.plain(as: elementShape), at: index)
    }

    /// Removes and returns the element.
    func remove(at index: Int) throws -> Value {
        let old = try element(at: index).load()
        try place.remove(at: index)
        return old
    }

    func insert(_ element: Value) throws -> Bool { try place.insert(element.plain()) }
    func remove(_ element: Value) throws -> Bool { try place.removeValue(forKey: element.plain()) }
    func removeAll() throws { try place.removeAll() }

    /// The members that can follow a dot.
    var memberNames: [String] { shape.memberNames }
}

extension TypeShape {
    var isOptional: Bool { if case .optional = self { true } else { false } }
    var isMap: Bool {
        if case .generic("Map", _) = self {
            true
        } else if case .generic("SortedMap", _) = self {
            true
        } else {
            false
        }
    }
    /// The type without the question mark.
    var wrapped: TypeShape { if case .optional(let wrapped) = self { wrapped } else { self } }
}

// MARK: Conversion from and to values of the heap

extension Value {
    /// Creates a value that was read from a heap.
    init(_ plain: PlainValue, isShown: Bool) {
        func list(_ elements: [PlainValue], _ total: Int, isSet: Bool) -> Value {
            var values = elements.map { Value($0, isShown: isShown) }
            if total > values.count { return .beginning(of: .list(values), count: total) }
            if isShown, isSet { values.sort { Value.compare($0, $1) ?? 0 < 0 } }
            return .list(values)
        }
        switch plain {
        case .null: self = .null
        case .bool(let value): self = .bool(value)
        case .integer(let value): self = .integer(Int128(value))
        case .unsigned(let value): self = .integer(Int128(value))
        case .number(let value): self = .number(value)
        case .text(let value): self = .text(value)
        case .bytes(let data): self = .bytes(Array(data))
        case .list(let elements, let total): self = list(elements, total, isSet: false)
        case .set(let elements, let total): self = list(elements, total, isSet: true)
        case .pairs(let entries, let total):
            var pairs = entries.map {
                Pair(key: Value($0.key, isShown: isShown), value: Value($0.value, isShown: isShown))
            }
            if isShown, total == pairs.count {
                pairs.sort { Value.compare($0.key, $1.key) ?? 0 < 0 }
            }
            self = total > pairs.count ? .beginning(of: .pairs(pairs), count: total) : .pairs(pairs)
        case .object(let type, let members):
            self = .object(
                type, members.map { Field(name: $0.name, value: Value($0.value, isShown: isShown)) }
            )
        case .range(let lower, let upper, let isClosed):
            self = .range(
                Bounds(
                    lower: Value(lower, isShown: isShown), upper: Value(upper, isShown: isShown),
                    isClosed: isClosed))
        case .digits(let text): self = Int128(text).map { .integer($0) } ?? .other(plain)
        case .date, .uuid, .union, .enumeration, .choice, .duration, .reference, .opaque:
            self = .other(plain)
        }
    }

    /// Returns the value for storing in a heap. Duplicate elements of a future set are removed
    /// here, since a set's literal may have them.
    func plain(as shape: TypeShape? = nil) -> PlainValue {
        switch self {
        case .null: return .null
        case .bool(let value): return .bool(value)
        case .integer(let number):
            return Int64(exactly: number).map { .integer($0) }
                ?? UInt64(exactly: number).map { .unsigned($0) } ?? .digits("\(number)")
        case .number(let number): return .number(number)
        case .text(let text): return .text(text)
        case .bytes(let bytes): return .bytes(Data(bytes))
        case .list(let elements):
            let values = elements.map { $0.plain(as: shape?.element) }
            guard let shape, shape.wrapped.isSet else { return .list(values) }
            var seen: Set<PlainValue> = []
            return .list(values.filter { seen.insert($0).inserted })
        case .pairs(let pairs):
            return .pairs(
                pairs.map {
                    PlainValue.Entry(key: $0.key.plain(), value: $0.value.plain(as: shape?.element))
                })
        case .object(let name, let fields):
            return .object(
                type: name,
                fields.map {
                    PlainValue.Member(
                        name: $0.name, value: $0.value.plain(as: shape?.field($0.name)))
                })
        case .other(let value): return value
        case .beginning(let value, _): return value.plain(as: shape)
        case .choice(let name, let arguments):
            return .choice(
                name: name,
                arguments.map {
                    PlainValue.Argument(label: $0.label, value: $0.value.plain())
                })
        case .range(let bounds):
            guard let lower = bounds.lower, let upper = bounds.upper else {
                return .text(bounds.text())
            }
            return .range(lower.plain(), upper.plain(), isClosed: bounds.isClosed)
        }
    }
}

extension TypeShape {
    fileprivate var isSet: Bool {
        if case .generic("Set", _) = self {
            true
        } else if case .generic("SortedSet", _) = self {
            true
        } else {
            false
        }
    }
    fileprivate var element: TypeShape? {
        if case .generic(_, let parameters) = wrapped { parameters.last } else { nil }
    }

    fileprivate func field(_ name: String) -> TypeShape? {
        switch wrapped {
        case .structure(_, let fields, _), .record(_, let fields, _):
            fields.first { $0.name == name }?.type
        default: nil
        }
    }
}
