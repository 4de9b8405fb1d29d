#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif
import Holdfast
import HoldfastInspection

/// The value of an expression, outside of any heap.
indirect enum Value: Equatable, Sendable {
    case null
    case bool(Bool)
    /// From the smallest `Int` to the largest `UInt64`.
    case integer(Int128)
    case number(Double)
    case text(String)
    case bytes([UInt8])
    case list([Value])
    /// A map's entries, in the map's own order.
    case pairs([Pair])
    /// A struct's fields, in order, with the name of the struct.
    case object(String, [Field])
    case range(Bounds)
    /// A case of an enum, as it is written: of which enum, its place says.
    case choice(String, [Argument])
    /// Values without a literal: dates, UUIDs, references, enums, the bytes of types that only
    /// another program knows.
    case other(PlainValue)
    /// The first elements of a collection, and the total number. Only for display.
    case beginning(of: Value, count: Int)

    struct Pair: Equatable, Sendable {
        var key: Value
        var value: Value
    }

    struct Argument: Equatable, Sendable {
        var label: String?
        var value: Value
    }

    struct Field: Equatable, Sendable {
        var name: String
        var value: Value
    }

    struct Bounds: Equatable, Sendable {
        var lower: Value?
        var upper: Value?
        var isClosed: Bool
    }

    /// The kind of value, as text.
    var kind: String {
        switch self {
        case .null: "nil"
        case .bool: "a Bool"
        case .integer: "an Int"
        case .number: "a Double"
        case .text: "a String"
        case .bytes: "a Data"
        case .list: "an array"
        case .pairs: "a map"
        case .object(let name, _):
            "\(name.first.map { "AEIOU".contains($0) } ?? false ? "an" : "a") \(name)"
        case .range: "a range"
        case .choice(let name, _): "the case \(Printable.line(name))"
        case .other(let value): value.kind
        case .beginning(let value, _): value.kind
        }
    }
}

// MARK: Order

extension Value {
    /// Returns the order of two values, or nil if `<` is not defined for their kinds. Numbers of
    /// different types can be compared.
    static func compare(_ left: Value, _ right: Value) -> Int? {
        switch (left, right) {
        case (.integer(let left), .integer(let right)):
            return left < right ? -1 : left > right ? 1 : 0
        case (.text(let left), .text(let right)): return left < right ? -1 : left > right ? 1 : 0
        case (.bool(let left), .bool(let right)): return left == right ? 0 : left ? 1 : -1
        case (.number, .number), (.integer, .number), (.number, .integer):
            guard let left = left.double, let right = right.double else { return nil }
            return left < right ? -1 : left > right ? 1 : left == right ? 0 : nil
        case (.bytes(let left), .bytes(let right)):
            return left.lexicographicallyPrecedes(right) ? -1 : left == right ? 0 : 1
        case (.other(.date(let left)), .other(.date(let right))):
            return left < right ? -1 : left > right ? 1 : 0
        case (.other(.uuid(let left)), .other(.uuid(let right))):
            return left < right ? -1 : left > right ? 1 : 0
        case (.other(.duration(let left)), .other(.duration(let right))):
            return left < right ? -1 : left > right ? 1 : 0
        case (.other(.enumeration(_, _, let left)), .other(.enumeration(_, _, let right))):
            return compare(Value(left, isShown: false), Value(right, isShown: false))
        default:
            guard let left = left.decimal, let right = right.decimal else { return nil }
            return left < right ? -1 : left > right ? 1 : 0
        }
    }

    /// The exact value of a number.
    private var decimal: Decimal? {
        switch self {
        case .integer(let number): Decimal(string: "\(number)")
        case .number(let number): Decimal(string: "\(number)")
        case .other(.digits(let text)): Decimal(string: text)
        default: nil
        }
    }

    /// Returns whether a value is the case that is written.
    private static func isCase(_ name: String, _ arguments: [Argument], _ value: Value) -> Bool {
        switch value {
        case .choice(let other, let others): return name == other && arguments == others
        case .other(.enumeration(_, let other, _)): return arguments.isEmpty && name == other
        case .other(.union(_, let other, let values, _)):
            return name == other && values.count == arguments.count
                && zip(arguments, values).allSatisfy {
                    areEqual($0.value, Value($1, isShown: false))
                }
        default: return false
        }
    }

    /// Returns whether the values are equal in the sense of Swift's `==`, except that 1 and 1.0 are
    /// equal too.
    static func areEqual(_ left: Value, _ right: Value) -> Bool {
        switch (left, right) {
        case (.integer, .number), (.number, .integer): compare(left, right) == 0
        case (.choice(let name, let arguments), _): isCase(name, arguments, right)
        case (_, .choice(let name, let arguments)): isCase(name, arguments, left)
        case (.other(.enumeration), .other(.enumeration)): left == right
        // A raw value, as enums without noted names are shown and compared.
        case (.other(.enumeration(_, _, let raw)), _):
            areEqual(Value(raw, isShown: false), right)
        case (_, .other(.enumeration(_, _, let raw))):
            areEqual(left, Value(raw, isShown: false))
        case (.other(.digits), _), (_, .other(.digits)): compare(left, right) == 0
        case (.number(let left), .number(let right)): left == right
        case (.list(let left), .list(let right)):
            left.count == right.count && zip(left, right).allSatisfy { areEqual($0, $1) }
        case (.pairs(let left), .pairs(let right)):
            left.count == right.count && texts(left) == texts(right)
        case (.object(let name, let left), .object(let otherName, let right)):
            name == otherName && left.count == right.count
                && zip(left, right).allSatisfy {
                    $0.name == $1.name && areEqual($0.value, $1.value)
                }
        default: left == right
        }
    }

    private static func texts(_ pairs: [Pair]) -> [String: String] {
        Dictionary(pairs.map { ($0.key.text(.everything), $0.value.text(.everything)) }) {
            first, _ in first
        }
    }

    /// An integer or fraction as a Double.
    var double: Double? {
        switch self {
        case .integer(let number): Double(number)
        case .number(let number): number
        default: nil
        }
    }
}
