import Foundation
import Holdfast
import HoldfastInspection
import HoldfastTools

/// A value of a heap, as text for people or as JSON. Used inside the read transaction that the
/// place belongs to.
struct ValueView {
    let place: ValuePlace
    let path: String
    let from: Int
    let limit: Int
    let depth: Int
    let painter: Painter
    /// The width at which lines are truncated, or nil for no limit.
    let width: Int?
    /// The maximum number of elements of nested collections.
    private static let nestedLimit = 10

    /// Checks everything that `lines` or `json` reads.
    func check(_ check: PartCheck, isJSON: Bool) throws {
        guard let value = try ValuePath.reach(place, check) else { return }
        if let rows = value.rowsOfTable { try check(rows, .itself) }
        let (end, _) = from.addingReportingOverflow(min(limit, .max - from))
        try check(
            value.rowsOfTable ?? value,
            .elements(
                from ..< max(end, from), nested: isJSON ? limit : Self.nestedLimit,
                // The elements are one level below the value.
                depth: depth + 1))
    }

    func lines() throws -> [String] {
        guard let value = ValuePath.reach(place) else { return ["nil"] }
        if let rows = value.rowsOfTable {
            return entries(try rows.entries(from: from, limit: limit), of: value) + indexes(value)
        }
        switch value.kind {
        case .list:
            return rows(of: value, count: value.count ?? 0) { index in
                guard let element = value.element(at: index) else { return nil }
                return ("[\(index)]", text(element))
            }
        case .map: return entries(try value.entries(from: from, limit: limit), of: value)
        case .set:
            if let bits = bits(value) { return bits }
            return entries(try value.entries(from: from, limit: limit), of: value)
        case .fields: return fields(of: value)
        default: return scalar(value)
        }
    }

    /// Of a table, that of its rows.
    private static func count(_ value: ValuePlace) -> Int? {
        value.rowsOfTable?.count ?? value.count
    }

    /// The names of a table's indexes, whose entries repeat what is in the rows.
    private func indexes(_ table: ValuePlace) -> [String] {
        let names = table.fieldNames.filter { IndexField(named: $0) != nil }
        guard !names.isEmpty else { return [] }
        let list = names.map { DisplayText.oneLine($0) }.joined(separator: ", ")
        return [painter.faint("  indexed \(list)")]
    }

    private func head(_ value: ValuePlace) -> String {
        let count = Self.count(value).map { ", count \(Figures.count($0))" } ?? ""
        return
            "\(painter.bold(DisplayText.oneLine(path))) "
            + "\(painter.faint("is \(TypeNames.short(value.shape))\(count)"))"
    }

    private func text(_ place: ValuePlace) -> String {
        DisplayText.oneLine(place.plain(limit: Self.nestedLimit, depth: depth).description)
    }

    private func rows(of value: ValuePlace, count: Int, _ row: (Int) -> (String, String)?)
        -> [String]
    {
        var found: [(String, String)] = []
        let start = min(from, count)
        for index in start ..< start + min(limit, count - start) {
            if let row = row(index) { found.append(row) }
        }
        return [head(value)] + lines(found) + rest(count, shown: found.count)
    }

    private func entries(_ entries: [(key: ValuePlace, value: ValuePlace?)], of value: ValuePlace)
        -> [String]
    {
        let rows = entries.map { key, value in (text(key), value.map(text) ?? "") }
        let list = rows.allSatisfy { $0.1.isEmpty } ? rows.map { "  \(cut($0.0, 2))" } : lines(rows)
        return [head(value)] + list + rest(Self.count(value) ?? rows.count, shown: rows.count)
    }

    /// A bit set has no entries, only members.
    private func bits(_ value: ValuePlace) -> [String]? {
        guard case .named("PersistentBitSet") = value.shape else { return nil }
        let (start, _) = from.addingReportingOverflow(limit)
        guard case .set(let members, let total) = value.plain(limit: max(start, limit)) else {
            return nil
        }
        let shown = members.dropFirst(from).prefix(limit)
        return [head(value)] + shown.map { "  \($0)" } + rest(total, shown: shown.count)
    }

    private func fields(of value: ValuePlace) -> [String] {
        [head(value)]
            + lines(
                value.fieldNames.compactMap { name in
                    value.field(name).map { (DisplayText.oneLine(name), text($0)) }
                })
    }

    private func scalar(_ value: ValuePlace) -> [String] {
        let plain = value.plain(limit: limit, depth: depth)
        // A long string is shown unchanged, line by line.
        if case .text(let text) = plain, case .named("PersistentString") = value.shape {
            return [head(value)]
                + text.split(separator: "\n", omittingEmptySubsequences: false).map {
                    DisplayText.oneLine(String($0))
                }
        }
        return [
            "\(painter.faint(DisplayText.oneLine(path) + " ="))  "
                + "\(DisplayText.oneLine(plain.description))"
        ]
    }

    /// Formats names in a column, followed by their values.
    private func lines(_ rows: [(name: String, value: String)]) -> [String] {
        let column = min(30, rows.map { DisplayText.width($0.name) }.max() ?? 0)
        return rows.map { name, value in
            let blanks = String(repeating: " ", count: max(0, column - DisplayText.width(name)))
            return
                "  \(painter(name, .cyan))\(blanks)  "
                + "\(cut(value, 4 + max(column, DisplayText.width(name))))"
        }
    }

    private func cut(_ text: String, _ indent: Int) -> String {
        width.map { DisplayText.cut(text, to: max(20, $0 - indent)) } ?? text
    }

    private func rest(_ count: Int, shown: Int) -> [String] {
        let end = min(from, count) + shown
        guard end < count || from > 0 else { return [] }
        let more = count - end
        let next = more > 0 ? "; continue with --from \(end)" : ""
        return [
            painter.faint(
                "  \(Figures.count(shown)) of \(Figures.count(count)), from number \(from)\(next)")
        ]
    }

    // MARK: JSON

    /// Returns one object that contains the value, and says how much of it is included.
    func json() throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.withoutEscapingSlashes, .sortedKeys]
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "+inf", negativeInfinity: "-inf", nan: "nan")
        let value = ValuePath.reach(place)
        let shown = try value.map { try part(of: $0.rowsOfTable ?? $0) } ?? .null
        let members: [(String, JSONText)] = [
            ("path", .string(path)), ("type", .string(place.shape.text)),
            ("count", JSONText(value.flatMap(Self.count))),
            ("from", .integer(from)),
        ]
        let head = members.map { "\(JSONText.string($0.0).text):\($0.1.text)" }.joined(
            separator: ",")
        return "{\(head),\"value\":\(String(decoding: try encoder.encode(shown), as: UTF8.self))}"
    }

    private func part(of value: ValuePlace) throws -> PlainValue {
        func plain(_ place: ValuePlace) -> PlainValue { place.plain(limit: limit, depth: depth) }
        let count = value.count ?? 0
        switch value.kind {
        case .list:
            let start = min(from, count)
            return .list(
                (start ..< start + min(limit, count - start)).compactMap {
                    value.element(at: $0).map(plain)
                }, total: count)
        case .map:
            return .pairs(
                try value.entries(from: from, limit: limit).map {
                    PlainValue.Entry(key: plain($0), value: $1.map(plain) ?? .null)
                }, total: count)
        case .set where value.shape != .named("PersistentBitSet"):
            return .set(
                try value.entries(from: from, limit: limit).map { plain($0.key) }, total: count)
        default: return plain(value)
        }
    }
}
