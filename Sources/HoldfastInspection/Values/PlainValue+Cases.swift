import Foundation
import Holdfast

// Cases that are written without their enum, as `.card(number: "4111")`, become what is stored,
// once the type of the place and the names that the heap notes are known.

extension PlainValue {
    /// Returns the value as one of the type `shape`. Throws ``InspectionProblem`` if the type has
    /// no such case. Everything else is left as it is, for `problem(as:)` to judge.
    func resolved(as shape: TypeShape, _ notes: TypeNotes) throws -> PlainValue {
        switch (self, shape) {
        case (_, .optional(let wrapped)): return try resolved(as: wrapped, notes)
        case (_, .generic("Value", let parameters)) where parameters.count == 1:
            return try resolved(as: parameters[0], notes)
        case (.choice(let name, let values), _):
            return try Self.resolved(name, values, shape, notes)
        case (.enumeration(_, _, let raw), .enumeration), (.enumeration(_, _, let raw), .opaque):
            return raw
        case (.union(let type, let name, let values, let labels), .union(_, let cases)):
            guard let payload = cases.first(where: { $0.name == name })?.payload else {
                return self
            }
            return .union(
                type: type, name: name,
                try zip(values, payload).map { try $0.resolved(as: $1, notes) }
                    + values.dropFirst(payload.count), labels: labels)
        case (.list(let elements, let total), .generic(_, let parameters)):
            guard let element = parameters.last else { return self }
            return .list(try elements.map { try $0.resolved(as: element, notes) }, total: total)
        case (.set(let elements, let total), .generic(_, let parameters)):
            guard let element = parameters.last else { return self }
            return .set(try elements.map { try $0.resolved(as: element, notes) }, total: total)
        case (.pairs(let entries, let total), .generic(_, let parameters))
        where parameters.count == 2:
            return .pairs(
                try entries.map {
                    Entry(
                        key: try $0.key.resolved(as: parameters[0], notes),
                        value: try $0.value.resolved(as: parameters[1], notes))
                }, total: total)
        case (.range(let lower, let upper, let isClosed), .generic(_, let parameters)):
            guard let bound = parameters.first else { return self }
            return .range(
                try lower.resolved(as: bound, notes), try upper.resolved(as: bound, notes),
                isClosed: isClosed)
        case (.object(let type, let members), .structure(_, let fields, _)),
            (.object(let type, let members), .record(_, let fields, _)):
            return .object(
                type: type,
                try members.map { member in
                    guard let field = fields.first(where: { $0.name == member.name }) else {
                        return member
                    }
                    return Member(
                        name: member.name, value: try member.value.resolved(as: field.type, notes))
                })
        default: return self
        }
    }

    private static func resolved(
        _ name: String, _ values: [Argument], _ shape: TypeShape, _ notes: TypeNotes
    ) throws -> PlainValue {
        switch shape {
        case .enumeration(let type, let raw):
            guard values.isEmpty, let text = notes.raw(of: type, name: name),
                let value = rawValue(text, raw)
            else {
                throw InspectionProblem(noCase(name, of: type, notes.names(of: type)))
            }
            return value
        case .opaque(let type, 1, _):
            let names = notes.plainNames(of: type)
            guard values.isEmpty, let number = names.firstIndex(of: name) else {
                throw InspectionProblem(noCase(name, of: type, names.isEmpty ? nil : names))
            }
            return .opaque(type: type, Data([UInt8(number)]))
        case .union(let type, let cases):
            guard let entry = cases.first(where: { $0.name == name }) else {
                throw InspectionProblem(noCase(name, of: type, cases.map(\.name)))
            }
            let labels = notes.labels(of: type, name: name)
            for (number, value) in values.enumerated() {
                guard let label = value.label else { continue }
                guard labels.isEmpty || (number < labels.count && labels[number] == label) else {
                    throw InspectionProblem(
                        "the case \(name) of \(type) has no value \(label) at this place")
                }
            }
            return .union(
                type: type, name: name,
                try zip(values, entry.payload).map { try $0.value.resolved(as: $1, notes) }
                    + values.dropFirst(entry.payload.count).map(\.value), labels: labels)
        case .named("Duration"): return try duration(name, values)
        default: throw InspectionProblem("\(shape.name) has no cases, so it has none named \(name)")
        }
    }

    private static func noCase(_ name: String, of type: String, _ names: [String]?) -> String {
        guard let names else {
            return "the heap does not note the names of \(type)'s cases; write the raw value"
        }
        let list = names.map { ".\($0)" }.joined(separator: ", ")
        return "\(type) has no case \(name); it has \(list)"
    }

    /// The raw value from the text that the heap notes.
    private static func rawValue(_ text: String, _ shape: TypeShape) -> PlainValue? {
        switch shape {
        case .named("String"): .text(text)
        case .named("Double"), .named("Float"): Double(text).map { .number($0) }
        case .named: Int128(text).map { .integer($0) }
        default: nil
        }
    }

    /// `.seconds(1.5)`, `.milliseconds(20)` and so on, exactly.
    private static func duration(_ name: String, _ values: [Argument]) throws -> PlainValue {
        let units: [String: Int] = [
            "seconds": 18, "milliseconds": 15, "microseconds": 12, "nanoseconds": 9,
            "attoseconds": 0,
        ]
        guard let zeros = units[name], values.count == 1, values[0].label == nil else {
            throw InspectionProblem(
                "a Duration is written .seconds(1.5), .milliseconds(20), .microseconds(20), "
                    + ".nanoseconds(20) or .attoseconds(20)")
        }
        let text =
            switch values[0].value {
            case .integer(let value): "\(value)"
            case .unsigned(let value): "\(value)"
            case .digits(let value): value
            case .number(let value): Decimal(string: "\(value)")?.description ?? ""
            default: ""
            }
        guard let attoseconds = attoseconds(text, zeros) else {
            throw InspectionProblem("\(values[0].value) \(name) are not a Duration")
        }
        return .duration(Duration(attoseconds: attoseconds))
    }

    /// The number with the decimal point moved to the right; nil if digits would be lost, or if
    /// there is no such number.
    private static func attoseconds(_ text: String, _ zeros: Int) -> Int128? {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count <= 2, let whole = parts.first else { return nil }
        let fraction = parts.count == 2 ? parts[1] : ""
        guard fraction.count <= zeros else { return nil }
        return Int128(whole + fraction + String(repeating: "0", count: zeros - fraction.count))
    }
}
