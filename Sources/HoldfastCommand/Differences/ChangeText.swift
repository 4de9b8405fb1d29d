import Holdfast
import HoldfastInspection
import HoldfastTools

/// A difference of two heaps as a line, for people or as JSON.
struct ChangeText {
    /// The values of a line for people.
    static let values = ChangeValueStyle.text(limit: 20, depth: 6)
    private static let longestValue = 1000

    let painter: Painter

    func line(_ change: HeapChange) -> String {
        let (mark, style): (String, Painter.Style) =
            switch change.kind {
            case .added: ("+", .green)
            case .removed: ("-", .red)
            case .changed: ("~", .yellow)
            }
        let start = "\(mark) \(Self.path(of: change))"
        return painter(DisplayText.oneLine(start), style) + DisplayText.oneLine(rest(of: change))
    }

    private func rest(of change: HeapChange) -> String {
        let (old, new) = (change.old.map(Self.cut), change.new.map(Self.cut))
        switch change.kind {
        case .added, .removed:
            let type = (change.newType ?? change.oldType).map { ": \(TypeNames.short($0))" } ?? ""
            return type + ((old ?? new).map { " = \($0)" } ?? "")
        case .changed:
            if let type = change.oldType, let newType = change.newType {
                let (short, newShort) = (TypeNames.short(type), TypeNames.short(newType))
                return short == newShort
                    ? ": type \(type.text) -> \(newType.text)" : ": type \(short) -> \(newShort)"
            }
            return ": \(old ?? "…") -> \(new ?? "…")"
        }
    }

    private static func cut(_ value: String) -> String {
        DisplayText.cut(value, to: longestValue)
    }

    /// The path in the notation of `show`; a record that only references lead to by its place,
    /// which values show too.
    private static func path(of change: HeapChange) -> String {
        var text = ""
        var parts = change.path[...]
        if case .record(let place)? = parts.first {
            text = "@\(place)"
            parts = parts.dropFirst()
        } else {
            text = ValuePath.text(root: change.root)
        }
        for part in parts {
            switch part {
            case .key(let key): text += "[\(key)]"
            case .index(let index): text += "[\(index)]"
            case .field(let name): text += step(name)
            case .payload(let name, let number): text += step(name) + "[\(number)]"
            case .record(let place): text += "@\(place)"
            }
        }
        return text
    }

    private static func step(_ name: String) -> String {
        ValuePath.isPlain(name) ? "." + name : "[\(DisplayText.quoted(name))]"
    }

    // MARK: JSON

    static func json(_ change: HeapChange) -> String {
        var members = ["\"root\":\(JSONText.string(change.root).text)"]
        members.append("\"path\":[\(change.path.map(json).joined(separator: ","))]")
        members.append("\"change\":\"\(change.kind.rawValue)\"")
        if let type = change.oldType {
            members.append("\"oldType\":\(JSONText.string(type.text).text)")
        }
        if let type = change.newType {
            members.append("\"newType\":\(JSONText.string(type.text).text)")
        }
        if let old = change.old { members.append("\"old\":\(old)") }
        if let new = change.new { members.append("\"new\":\(new)") }
        return "{\(members.joined(separator: ","))}"
    }

    private static func json(_ part: HeapChange.Part) -> String {
        switch part {
        case .key(let key): "{\"key\":\(key)}"
        case .index(let index): "{\"index\":\(index)}"
        case .field(let name): "{\"field\":\(JSONText.string(name).text)}"
        case .payload(let name, let number):
            "{\"case\":\(JSONText.string(name).text),\"value\":\(number)}"
        case .record(let number): "{\"record\":\(number)}"
        }
    }
}
