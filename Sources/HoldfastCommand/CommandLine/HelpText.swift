import HoldfastTools

/// Help, generated from the table of verbs.
struct HelpText {
    let verbs: [Verb]
    let painter: Painter
    let width: Int

    /// All verbs, one line each.
    var overview: [String] {
        var lines = [
            "\(painter.bold("holdfast")) manages Holdfast heaps: files that keep Swift data "
                + "structures.",
            "",
        ]
        lines.append("\(painter.bold("Usage:")) holdfast VERB [arguments]")
        lines.append("")
        let longest = verbs.map(\.name.count).max() ?? 0
        for verb in verbs {
            let name = verb.name + String(repeating: " ", count: longest - verb.name.count)
            lines.append("  \(painter(name, .cyan))  \(verb.summary)")
        }
        lines.append("")
        lines += wrapped(
            "holdfast help VERB explains a verb, and holdfast help --manual prints the manual "
                + "page.",
            indent: 0)
        lines += wrapped(
            "Ends with status 0 on success, 1 if something is damaged or has failed, 2 for wrong "
                + "usage.",
            indent: 0)
        return lines
    }

    func lines(for verb: Verb) -> [String] {
        var lines = wrapped("holdfast \(verb.name): \(verb.summary)", indent: 0) + [""]
        lines += wrapped("\(painter.bold("Usage:")) holdfast \(verb.usage)", indent: 0, hanging: 9)
        for paragraph in verb.details {
            lines.append("")
            lines += wrapped(paragraph, indent: 0)
        }
        if !verb.operands.isEmpty {
            lines += ["", painter.bold("Arguments:")]
            lines += definitions(verb.operands.map { ($0.name, $0.summary) })
        }
        lines += ["", painter.bold("Options:")]
        lines += definitions(
            verb.allOptions.map { ("--\($0.name)\($0.value.map { " " + $0 } ?? "")", $0.summary) })
        if !verb.examples.isEmpty {
            lines += ["", painter.bold("Examples:")]
            for example in verb.examples {
                lines.append("  \(painter("holdfast " + example.command, .cyan))")
                lines += wrapped(example.meaning, indent: 6)
            }
        }
        return lines
    }

    private func definitions(_ pairs: [(term: String, meaning: String)]) -> [String] {
        let column = min(24, pairs.map(\.term.count).max() ?? 0)
        return pairs.flatMap { term, meaning in
            let lines = wrapped(meaning, indent: column + 4)
            let blanks = String(repeating: " ", count: max(0, column - term.count))
            let head = "  \(painter(term, .cyan))\(blanks)"
            guard term.count <= column else { return [head] + lines }
            return ["\(head)  \(lines[0].dropFirst(column + 4))"] + lines.dropFirst()
        }
    }

    /// Wraps the text at `width` columns. Lines after the first are indented by `hanging` more.
    private func wrapped(_ text: String, indent: Int, hanging: Int = 0) -> [String] {
        var lines: [String] = []
        var line = ""
        var used = 0
        for word in text.split(separator: " ") {
            let wide = DisplayText.width(Self.withoutColours(String(word)))
            let room = max(40, min(width, 100)) - indent - (lines.isEmpty ? 0 : hanging)
            if !line.isEmpty, used + 1 + wide > room {
                lines.append(line)
                line = ""
                used = 0
            }
            line += (line.isEmpty ? "" : " ") + word
            used += wide + (used == 0 ? 0 : 1)
        }
        lines.append(line)
        return lines.enumerated().map {
            String(repeating: " ", count: indent + ($0 == 0 ? 0 : hanging)) + $1
        }
    }

    private static func withoutColours(_ text: String) -> String {
        var result = ""
        var isEscape = false
        for character in text {
            if character == "\u{1B}" { isEscape = true }
            if !isEscape { result.append(character) }
            if character == "m" { isEscape = false }
        }
        return result
    }
}
