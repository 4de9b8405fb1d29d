/// The output of `help`: each line has an example and its meaning.
enum Help {
    struct Line {
        let example: String
        let meaning: String
    }

    struct Part {
        let title: String
        let lines: [Line]
    }

    static let parts = [
        Part(
            title: "Roots",
            lines: [
                Line(
                    example: "stock = map<String, Int>()",
                    meaning: "a new map, if there is no root of that name; also sortedMap<…>"),
                Line(
                    example: "log = array<Double>()",
                    meaning: "a new array; also deque<…>, set<…>, sortedSet<…>"),
                Line(example: "n = 5", meaning: "sets a single value, creating it if necessary"),
                Line(
                    example: "small: Int8 = 5",
                    meaning: "a single value with an explicit type"),
                Line(example: "delete stock", meaning: "removes a root and all that it holds"),
                Line(example: "roots", meaning: "the roots, their types and sizes"),
            ]),
        Part(
            title: "Values",
            lines: [
                Line(example: "stock[\"bolt\"] = 120", meaning: "sets a value; = nil removes it"),
                Line(
                    example: "stock[\"bolt\", default: 0] += 5",
                    meaning: "changes a value, starting from the default"),
                Line(example: "stock[\"bolt\"]", meaning: "shows a value; nil if there is none"),
                Line(
                    example: "stock.keys.sorted()",
                    meaning: "keys, values, sorted(), min(), sum(), prefix(3), … as in Swift"),
                Line(
                    example: "time: Duration = .seconds(1.5)",
                    meaning: "cases of enums are written alike, .card(number: \"4111\")"),
                Line(
                    example: "log.append(3.5)",
                    meaning: "append, insert(…, at: 0), remove(at: 0), removeLast(), removeAll()"),
                Line(example: "log[0]", meaning: "an element; log[0 ..< 2] is several"),
                Line(example: "log.count", meaning: "how many; also isEmpty, first, last"),
                Line(
                    example: "tags.insert(\"new\")",
                    meaning: "sets have insert, remove and contains"),
                Line(
                    example: "prices[10 ..< 20]",
                    meaning: "sorted maps and sets have ranges, first and last"),
                Line(
                    example: "log.count * 2 + n",
                    meaning: "arithmetic, comparisons, && || ! ?? and c ? a : b"),
            ]),
        Part(
            title: "Structs",
            lines: [
                Line(
                    example: "struct Point { x: Double, y: Double }",
                    meaning: "declares a type, stored with the roots that use it"),
                Line(
                    example: "p = Point(x: 1, y: 2)",
                    meaning: "a root, or the value of a map or array"),
                Line(example: "p.x += 1", meaning: "changes a field"),
            ]),
        Part(
            title: "Transactions",
            lines: [
                Line(
                    example: "begin",
                    meaning: "begins a transaction; other writers wait"),
                Line(
                    example: "commit",
                    meaning: "commits it: the changes survive the end of this process"),
                Line(example: "abort", meaning: "rolls it back"),
                Line(example: "sync", meaning: "makes all that is committed survive a power cut"),
                Line(
                    example: "watch stock",
                    meaning: "shows changes by any process, until Ctrl-C; watch stock 3: until the "
                        + "third"
                ),
            ]),
        Part(
            title: "The heap and this program",
            lines: [
                Line(example: "stats", meaning: "sizes and use of the file"),
                Line(example: "map", meaning: "a picture of the file: which pages hold what"),
                Line(example: "help", meaning: "this"),
                Line(example: "quit", meaning: "ends; Ctrl-D does too"),
            ]),
    ]

    static var text: String {
        let width = parts.flatMap(\.lines).map(\.example.count).max() ?? 0
        return parts.map { part in
            let lines = part.lines.map {
                "  \($0.example)\(String(repeating: " ", count: width - $0.example.count))  "
                    + "\($0.meaning)"
            }
            return ([part.title] + lines).joined(separator: "\n")
        }.joined(separator: "\n")
    }
}
