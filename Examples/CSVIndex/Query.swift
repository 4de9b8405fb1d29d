import ExampleSupport
import Holdfast
import MemoryMapping

/// A range in a query: `10..20`, `10..`, `..20`, or one value. Both ends are included. Numbers are
/// compared as numbers, everything else as strings.
enum ValueRange {
    case numbers(from: Double?, through: Double?)
    case texts(from: String?, through: String?)

    init(_ text: String) throws(WrongUsage) {
        let ends = text.split(separator: "..", maxSplits: 1, omittingEmptySubsequences: false).map(
            String.init)
        let (from, through) = (
            ends[0].isEmpty ? nil : ends[0],
            ends[ends.count - 1].isEmpty ? nil : ends[ends.count - 1]
        )
        guard from != nil || through != nil else {
            throw WrongUsage("RANGE needs a value, such as 10..20, 10.. or ..20")
        }
        let numbers = [from, through].compactMap(\.self).map(Value.init).allSatisfy(\.isNumber)
        self =
            numbers
            ? .numbers(from: from.flatMap(Double.init), through: through.flatMap(Double.init))
            : .texts(from: from, through: through)
    }

    func contains(_ value: Value) -> Bool {
        switch (self, value) {
        case (.numbers(let from, let through), .number(let number)):
            number >= from ?? number && number <= through ?? number
        case (.texts(let from, let through), .text(let text)):
            text >= from ?? text && text <= through ?? text
        default: false
        }
    }
}

extension Index {
    /// Returns the rows whose column is in the range, in the order of that column. Reads only the
    /// lines that are returned.
    func query(_ name: String, _ range: ValueRange, limit: Int) throws -> Answer {
        try heap.read { contents in
            guard let column = contents.columns.firstIndex(where: { $0.name == name }) else {
                throw Problem(
                    "\(file.path) has no column \"\(name)\"; it has "
                        + "\(contents.columns.map(\.name).joined(separator: ", "))"
                )
            }
            switch range {
            case .numbers(let from, let through):
                return try lines(
                    contents.columns[ref: column].numbers, from: from, through: through, of: column,
                    range, limit: limit, contents)
            case .texts(let from, let through):
                return try lines(
                    contents.columns[ref: column].texts, from: from, through: through, of: column,
                    range, limit: limit, contents)
            }
        }
    }

    private func lines<Key: Comparable>(
        _ map: PersistentSortedMap<Key, Chain>, from: Key?, through: Key?, of column: Int,
        _ range: ValueRange, limit: Int,
        _ contents: Contents
    ) throws -> Answer {
        let start = from.map { map.index(atOrAfter: $0) } ?? map.startIndex
        let end = through.map { map.index(after: $0) } ?? map.endIndex
        // A view into the map: nothing is copied, and the iteration ends at the limit.
        let matches = start < end ? map[start ..< end] : map[end ..< end]
        let chains = ColumnIndex(contents.columns[ref: column])
        let wanted = matches.lazy.map(\.value).flatMap(chains.rows).prefix(limit)
        var answer = Answer(
            total: matches.reduce(0) { $0 + Int($1.value.count) }, rows: contents.rows.count)
        try file.withBytes { bytes throws in
            var row = Row()
            if row.read(bytes, at: 0) { answer.header = row.text(bytes) }
            for number in wanted {
                // The present line: the middle of the file may have been overwritten.
                guard row.read(bytes, at: contents.rows[Int(number)]),
                    range.contains(row.value(column, bytes))
                else {
                    throw Problem(
                        "\(file.path) was changed after it was indexed; index it anew with "
                            + "csv-index build \(file.path) --anew"
                    )
                }
                answer.lines.append((row.value(column, bytes), row.text(bytes)))
            }
            // A last row without a newline is not indexed, since it may be incomplete.
            if row.read(bytes, at: contents.progress.bytes, isLast: true),
                range.contains(row.value(column, bytes))
            {
                answer.add(row.value(column, bytes), row.text(bytes), limit: limit)
            }
        }
        return answer
    }
}

/// The result of a query.
struct Answer {
    var header = ""
    /// The rows as written in the file, in the order of their values.
    var lines: [(value: Value, text: String)] = []
    /// The number of rows in the range, regardless of the limit, and in the whole file.
    var total: Int
    var rows: Int

    mutating func add(_ value: Value, _ text: String, limit: Int) {
        total += 1
        rows += 1
        lines.insert((value, text), at: lines.firstIndex { value < $0.value } ?? lines.endIndex)
        if lines.count > limit { lines.removeLast() }
    }
}
