import Holdfast
import HoldfastInspection
import HoldfastTools

extension ValuePath {
    /// Follows the path from the root, checking what it reads on the way. The error is one line
    /// that says how far the path leads and what is there instead.
    func follow(from root: ValuePlace, in path: String, _ check: PartCheck) throws -> ValuePlace {
        var place = root
        for (index, step) in steps.enumerated() {
            let here = text(steps: index)
            guard let next = try Self.go(step, from: place, check.at(here)) else {
                throw CommandFailure(
                    "There is no \(text(steps: index + 1)) in \(path): \(here) is "
                        + "\(Self.description(of: place)). Show it with: holdfast show \(path) "
                        + "'\(here)'"
                )
            }
            place = next
        }
        return place
    }

    private static func go(_ step: Step, from start: ValuePlace, _ check: PartCheck) throws
        -> ValuePlace?
    {
        guard let place = try reach(start, check) else { return nil }
        switch (place.kind, step) {
        case (.fields, .number(let text)):
            guard let rows = place.rowsOfTable else { return nil }
            return try value(of: rows, for: text, isQuoted: false, check)
        case (.fields, .name(let name)), (.fields, .text(let name)): return place.field(name)
        case (.list, .number(let text)), (.list, .name(let text)):
            guard let index = Int(text), let count = place.count else { return nil }
            return place.element(at: index < 0 ? count + index : index)
        case (.map, .name(let text)), (.map, .number(let text)):
            return try value(of: place, for: text, isQuoted: false, check)
        case (.map, .text(let text)):
            return try value(of: place, for: text, isQuoted: true, check)
        default: return nil
        }
    }

    /// Follows references, optionals and roots of a single value to a value with content. What it
    /// reads has been checked.
    static func reach(_ start: ValuePlace) -> ValuePlace? { try? reach(start, .nothing) }

    /// The same, checking what it reads.
    static func reach(_ start: ValuePlace, _ check: PartCheck) throws -> ValuePlace? {
        try check(start, .itself)
        var place = start.inside
        for _ in 0 ..< 100 {
            try check(place, .itself)
            switch place.kind {
            case .optional:
                guard let next = place.unwrapped else { return nil }
                place = next
            case .reference:
                guard let next = place.target else { return nil }
                place = next
            default: return place
            }
        }
        return nil
    }

    private static func value(
        of map: ValuePlace, for text: String, isQuoted: Bool, _ check: PartCheck
    ) throws -> ValuePlace? {
        guard case .generic(_, let parameters) = map.shape, let keyShape = parameters.first,
            let key = KeyText.key(text, as: keyShape, isQuoted: isQuoted, map.notes)
        else { return nil }
        // A number that does not fit the key's type is not a key of the map.
        guard let key = try? map.fitting(key: key) else { return nil }
        try check(map, .key(key))
        return try map.value(forKey: key)
    }

    /// Describes a place in messages: `an Array<Movement> of 3`,
    /// `an Item with the fields name and size`.
    static func description(of start: ValuePlace) -> String {
        guard let place = reach(start) else { return "nil" }
        let name = TypeNames.short(place.shape)
        if let count = place.rowsOfTable?.count {
            return "a \(name), count \(Figures.count(count))"
        }
        let fields = place.fieldNames
        if place.kind == .fields, !fields.isEmpty {
            return
                "a \(name) with the fields "
                + "\(fields.map { DisplayText.oneLine($0) }.joined(separator: ", "))"
        }
        return place.count.map { "a \(name), count \(Figures.count($0))" } ?? "a \(name)"
    }
}
