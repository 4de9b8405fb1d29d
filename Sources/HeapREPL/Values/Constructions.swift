#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif
import Holdfast

/// Values constructed from others with a type's name: `Int(3.5)`, `String(5)`,
/// `Date("2026-01-31T12:00:00Z")`.
enum Constructions {
    static let names = ["Int", "Double", "String", "Date", "UUID", "Data", "URL", "Decimal"]

    /// Returns a date or UUID parsed from its text, or nil if it is not valid.
    static func make(_ type: String, _ text: String) -> Value? {
        switch type {
        case "Date":
            guard let date = try? Date(text, strategy: .iso8601) else { return nil }
            return .other(.date(date))
        case "UUID": return UUID(uuidString: text).map { .other(.uuid($0)) }
        default: return nil
        }
    }

    static func example(_ type: String) -> String {
        type == "Date" ? "\"2026-01-31T12:00:00Z\"" : "\"E621E1F8-C36C-495A-93FC-0C247A3E6E5F\""
    }

    /// Returns nil if the type has no such conversion.
    static func convert(_ type: String, _ value: Value, at location: Location) throws(InputError)
        -> Value?
    {
        switch (type, value) {
        case ("Int", .integer), ("Double", .number), ("String", .text): return value
        case ("Int", .number(let number)):
            guard let whole = Int64(exactly: number.rounded(.towardZero)) else {
                throw InputError(
                    "\(Value.literal(of: number)) does not fit into an Int", at: location)
            }
            return .integer(Int128(whole))
        case ("Int", .text(let text)): return Int64(text).map { .integer(Int128($0)) } ?? .null
        case ("Double", .integer(let number)): return .number(Double(number))
        case ("Double", .text(let text)): return Double(text).map { .number($0) } ?? .null
        case ("String", _): return .text(value.text(.everything))
        case ("Data", .list):
            let bytes = try Fitting.fit(value, to: .named("Data"), at: location)
            return bytes
        case ("Data", .text(let text)): return .bytes(Array(text.utf8))
        case ("Decimal", .other(.digits(let text))): return .other(.digits(text))
        case ("Double", .other(.digits(let text))): return Double(text).map { .number($0) } ?? .null
        case ("Date", .text), ("UUID", .text), ("URL", .text), ("Decimal", .text),
            ("Decimal", .integer), ("Decimal", .number):
            return try Fitting.fit(value, to: .named(type), at: location)
        default: return nil
        }
    }
}
