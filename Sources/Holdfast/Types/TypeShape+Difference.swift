import HoldfastFormat

extension TypeShape {
    /// Returns the first difference between the type in the file (`self`) and the type that the
    /// program requests, as text, or nil if there is none. `place` is the path from the root.
    func difference(from requested: TypeShape, at place: String = "") -> String? {
        if self == requested { return nil }
        let here = place.isEmpty ? "" : "\(place): "
        switch (self, requested) {
        case (.generic(let name, let mine), .generic(let other, let theirs))
        where name == other && mine.count == theirs.count:
            let labels = mine.count == 2 ? ["its keys", "its values"] : ["its elements"]
            for (index, (left, right)) in zip(mine, theirs).enumerated() {
                let label = index < labels.count ? labels[index] : "parameter \(index)"
                if let found = left.difference(
                    from: right, at: place.isEmpty ? label : "\(place), \(label)")
                {
                    return found
                }
            }
            return nil
        case (.optional(let mine), .optional(let theirs)):
            return mine.difference(from: theirs, at: place)
        case (
            .structure(let name, let mine, let bytes),
            .structure(let other, let theirs, let otherBytes)
        ) where name == other:
            return Self.difference(mine, theirs, name)
                ?? "\(here)\(name) has \(bytes) bytes in the file and \(otherBytes) in this program"
        case (.record(let name, let mine, _), .record(let other, let theirs, _))
        where name == other:
            return Self.difference(mine, theirs, name)
        case (.enumeration(let name, let mine), .enumeration(let other, let theirs))
        where name == other:
            return
                "\(here)the raw values of \(name) are \(mine.name) in the file and \(theirs.name) "
                + "in this program"
        case (.opaque(let name, let bytes, _), .opaque(let other, let otherBytes, _))
        where name == other && bytes != otherBytes:
            return "\(here)\(name) has \(bytes) bytes in the file and \(otherBytes) in this program"
        case (.union(let name, let mine), .union(let other, let theirs)) where name == other:
            return Self.difference(mine, theirs, name)
        default: return "\(here)\(self.name) in the file, \(requested.name) in this program"
        }
    }

    private static func difference(_ mine: [Field], _ theirs: [Field], _ name: String) -> String? {
        for field in mine {
            let place = "the field \(name).\(field.name)"
            guard let other = theirs.first(where: { $0.name == field.name }) else {
                return "\(place) is in the file but not in this program"
            }
            if let found = field.type.difference(from: other.type, at: place) { return found }
        }
        if let added = theirs.first(where: { field in !mine.contains { $0.name == field.name } }) {
            return "the field \(name).\(added.name) is in this program but not in the file"
        }
        for field in mine {
            guard let other = theirs.first(where: { $0.name == field.name }),
                other.offset != field.offset
            else { continue }
            return
                "the field \(name).\(field.name) is at byte \(field.offset) in the file and at "
                + "byte \(other.offset) in this program"
        }
        return nil
    }

    private static func difference(_ mine: [Case], _ theirs: [Case], _ name: String) -> String? {
        for (index, pair) in mine.enumerated() {
            guard index < theirs.count else {
                return "the case \(name).\(pair.name) is in the file but not in this program"
            }
            let other = theirs[index]
            if pair.name != other.name {
                return
                    "case \(index) of \(name) is \(pair.name) in the file and \(other.name) in "
                    + "this program"
            }
            if pair.payload != other.payload {
                return "the payload of \(name).\(pair.name) has a different type in this program"
            }
        }
        return theirs.count > mine.count
            ? "the case \(name).\(theirs[mine.count].name) is in this program but not in the file"
            : nil
    }
}
