import Holdfast
import Foundation

extension PlainValue {
    /// The value as a number in a bit set. Throws ``InspectionProblem`` if it is not a valid one.
    var bitNumber: Int {
        get throws {
            guard case .integer(let number) = self else {
                throw InspectionProblem("\(kind) is not an Int")
            }
            return Int(number)
        }
    }

    /// Returns why the value cannot be stored with the type `shape`, as text that completes a
    /// sentence, or nil if it can.
    ///
    /// Checked before anything is created in a heap, so that a value that does not fit leaves
    /// nothing behind in a transaction that continues.
    package func problem(as shape: TypeShape) -> String? {
        switch shape {
        case .named(let name): problem(asNamed: name)
        case .optional(let wrapped): self == .null ? nil : problem(as: wrapped)
        case .enumeration(_, let raw):
            if case .enumeration(_, _, let value) = self {
                value.problem(as: raw)
            } else {
                problem(as: raw)
            }
        case .generic(let name, let parameters): problem(as: name, parameters, shape)
        case .structure(let name, let fields, _), .record(let name, let fields, _):
            problem(asFields: fields, of: name)
        case .union(let name, let cases): problem(asCase: cases, of: name)
        case .opaque(let name, let bytes, _):
            if case .opaque(_, let data) = self, data.count == bytes {
                nil
            } else {
                "\(kind) cannot be converted to \(name)"
            }
        }
    }

    private func problem(asNamed name: String) -> String? {
        func integer<T: FixedWidthInteger>(_ type: T.Type) -> String? {
            switch self {
            case .integer(let value):
                T(exactly: value) == nil ? "\(value) does not fit \(name)" : nil
            case .unsigned(let value):
                T(exactly: value) == nil ? "\(value) does not fit \(name)" : nil
            default: "\(kind) is not of type \(name)"
            }
        }
        switch (name, self) {
        case ("Bool", .bool), ("String", .text), ("PersistentString", .text), ("Data", .bytes),
            ("PersistentBytes", .bytes),
            ("Date", .date),
            ("Date", .number), ("Date", .integer), ("UUID", .uuid):
            return nil
        case ("Double", .number), ("Double", .integer), ("Double", .unsigned), ("Float", .number),
            ("Float", .integer),
            ("Float", .unsigned):
            return nil
        case ("UUID", .text(let text)):
            return UUID(uuidString: text) == nil ? "\(PlainValue.quoted(text)) is not a UUID" : nil
        case ("Duration", .duration): return nil
        case ("URL", .text(let text)):
            return text.isEmpty || URL(string: text) != nil
                ? nil : "\(PlainValue.quoted(text)) is not a URL"
        case ("Decimal", .digits(let text)):
            return Self.isDecimal(text) ? nil : "\(text) is not a Decimal"
        case ("Decimal", .integer), ("Decimal", .unsigned): return nil
        case ("Int128", .digits(let text)):
            return Int128(text) == nil ? "\(text) does not fit \(name)" : nil
        case ("UInt128", .digits(let text)):
            return UInt128(text) == nil ? "\(text) does not fit \(name)" : nil
        case ("PersistentBitSet", .list(let elements, _)),
            ("PersistentBitSet", .set(let elements, _)):
            return Self.first(elements) { $0.problem(asNamed: "UInt32") }
                ?? Self.repetition(in: elements)
        case ("Int", _): return integer(Int.self)
        case ("Int8", _): return integer(Int8.self)
        case ("Int16", _): return integer(Int16.self)
        case ("Int32", _): return integer(Int32.self)
        case ("Int64", _): return integer(Int64.self)
        case ("UInt", _): return integer(UInt.self)
        case ("UInt8", _): return integer(UInt8.self)
        case ("UInt16", _): return integer(UInt16.self)
        case ("UInt32", _): return integer(UInt32.self)
        case ("UInt64", _): return integer(UInt64.self)
        case ("Int128", _): return integer(Int128.self)
        case ("UInt128", _): return integer(UInt128.self)
        default: return "\(kind) is not of type \(name)"
        }
    }

    /// Whether `Decimal` has this value, and it is written with digits alone.
    package static func isDecimal(_ text: String) -> Bool {
        let digits = text.utf8.filter { UInt8(ascii: "0") ... UInt8(ascii: "9") ~= $0 }
        guard text != "NaN" else { return true }
        guard text.utf8.allSatisfy({ digits.contains($0) || $0 == 0x2d || $0 == 0x2e }) else {
            return false
        }
        return Decimal(string: text)?.description.isEmpty == false
    }

    private func problem(as name: String, _ parameters: [TypeShape], _ shape: TypeShape) -> String?
    {
        switch (name, parameters.count) {
        case ("Array", 1), ("Deque", 1):
            guard let elements = listed else { return "\(kind) is not of type \(shape.name)" }
            return Self.first(elements) { $0.problem(as: parameters[0]) }
        case ("Set", 1), ("SortedSet", 1):
            guard let elements = listed else { return "\(kind) is not of type \(shape.name)" }
            return Self.first(elements) { $0.problem(as: parameters[0]) }
                ?? Self.repetition(in: elements)
        case ("Map", 2), ("SortedMap", 2):
            guard case .pairs(let entries, _) = self else {
                return "\(kind) is not of type \(shape.name)"
            }
            return Self.first(entries) {
                $0.key.problem(as: parameters[0]) ?? $0.value.problem(as: parameters[1])
            }
                ?? Self.repetition(in: entries.map(\.key))
        case ("Value", 1): return problem(as: parameters[0])
        case ("Range", 1), ("ClosedRange", 1):
            guard case .range(let lower, let upper, let isClosed) = self,
                isClosed == (name == "ClosedRange")
            else { return "\(kind) is not of type \(shape.name)" }
            return lower.problem(as: parameters[0]) ?? upper.problem(as: parameters[0])
                ?? (Self.isOrdered(lower, upper) == false
                    ? "the range \(self) ends before it begins" : nil)
        case ("InlineArray", 2):
            guard let elements = listed, parameters[0] == .named("\(elements.count)") else {
                return "\(kind) is not of type \(shape.name)"
            }
            return Self.first(elements) { $0.problem(as: parameters[1]) }
        case ("Encoded", _): return nil
        default: return "\(shape.name) cannot be created from \(kind)"
        }
    }

    /// Whether `left` is at or before `right`; nil if that is not known here.
    private static func isOrdered(_ left: PlainValue, _ right: PlainValue) -> Bool? {
        switch (left, right) {
        case (.integer(let left), .integer(let right)): left <= right
        case (.unsigned(let left), .unsigned(let right)): left <= right
        case (.integer, .unsigned): true
        case (.unsigned, .integer): false
        case (.date(let left), .date(let right)): left <= right
        case (.duration(let left), .duration(let right)): left <= right
        case (.text(let left), .text(let right)): left <= right
        default:
            if let left = left.decimal, let right = right.decimal { left <= right } else { nil }
        }
    }

    private var decimal: Decimal? {
        switch self {
        case .integer(let value): Decimal(value)
        case .unsigned(let value): Decimal(value)
        case .digits(let text): Decimal(string: text)
        case .number(let value): Decimal(value)
        default: nil
        }
    }

    private var listed: [PlainValue]? {
        switch self {
        case .list(let elements, _), .set(let elements, _): elements
        default: nil
        }
    }

    private func problem(asFields fields: [TypeShape.Field], of name: String) -> String? {
        guard case .object(let type, let members) = self, type.isEmpty || type == name else {
            return "\(kind) is not of type \(name)"
        }
        for field in fields {
            guard let member = members.first(where: { $0.name == field.name }) else {
                if case .optional = field.type { continue }
                return "the field \(field.name) of \(name) is missing"
            }
            if let found = member.value.problem(as: field.type) {
                return "the field \(field.name): \(found)"
            }
        }
        let unknown = members.first { member in !fields.contains { $0.name == member.name } }
        return unknown.map { "\(name) has no field \($0.name)" }
    }

    private func problem(asCase cases: [TypeShape.Case], of name: String) -> String? {
        guard case .union(let type, let label, let values, _) = self, type.isEmpty || type == name
        else {
            return "\(kind) is not of type \(name)"
        }
        guard let entry = cases.first(where: { $0.name == label }) else {
            return "\(name) has no case \(label)"
        }
        guard entry.payload.count == values.count else {
            return
                "the case \(label) of \(name) has \(entry.payload.count) values, not "
                + "\(values.count)"
        }
        return Self.first(zip(values, entry.payload)) { $0.problem(as: $1) }
    }

    private static func first<S: Sequence>(_ elements: S, _ problem: (S.Element) -> String?)
        -> String?
    {
        for element in elements { if let found = problem(element) { return found } }
        return nil
    }

    private static func repetition(in keys: [PlainValue]) -> String? {
        var seen: Set<PlainValue> = []
        return first(keys) { key in
            // 3.0 and 3 are the same key of a map with numeric keys.
            let same: PlainValue =
                if case .number(let value) = key, let whole = Int64(exactly: value) {
                    .integer(whole)
                } else { key }
            return seen.insert(same).inserted ? nil : "\(key) occurs twice"
        }
    }
}
