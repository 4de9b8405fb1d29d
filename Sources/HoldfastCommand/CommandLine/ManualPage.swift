/// The manual page `holdfast(1)` in the language of `man`, generated from the table of verbs.
struct ManualPage {
    let verbs: [Verb]

    var text: String {
        var lines = [
            ".TH HOLDFAST 1", ".SH NAME", "holdfast \\- manage Holdfast heaps", ".SH SYNOPSIS",
            ".B holdfast", ".I VERB",
            "[arguments]",
            ".SH DESCRIPTION",
            "A Holdfast heap is a file that keeps Swift data structures.",
            "This command reports on heaps, checks them, shows and copies what is in them, and "
                + "maintains their files.",
            ".SH VERBS",
        ]
        for verb in verbs { lines += section(verb) }
        lines += [
            ".SH EXIT STATUS",
            ".TP", ".B 0", "Success.",
            ".TP", ".B 1",
            "The heap is damaged, or something has failed. A line on the standard error says what, "
                + "and what to do next.",
            ".TP", ".B 2", "Invalid usage.",
            ".PP",
            "As of diff(1), \\fBdiff\\fR ends with 1 if something differs, and with 2 if something "
                + "has failed.",
            ".TP", ".B 130, 129, 143",
            "Ended by Ctrl\\-C, by the closing of its terminal, or by \\fBkill\\fR; the heap is as "
                + "it was.",
            ".TP", ".B 141", "The reader of the output has closed it.",
            ".SH ENVIRONMENT",
            ".TP", ".B NO_COLOR", "If it is set and not empty, nothing is coloured.",
            ".TP", ".B PAGER",
            "The pager for long output of \\fBshow\\fR on a terminal (default \\fBless\\fR).",
        ]
        return lines.joined(separator: "\n") + "\n"
    }

    private func section(_ verb: Verb) -> [String] {
        var lines = [".SS \(escaped("holdfast " + verb.usage))", escaped(verb.summary) + "."]
        for paragraph in verb.details { lines += [".PP", escaped(paragraph)] }
        for operand in verb.operands {
            lines += [".TP", ".I \(operand.name)", escaped(operand.summary)]
        }
        for option in verb.options {
            lines += [
                ".TP", ".B \(escaped("--" + option.name + (option.value.map { " " + $0 } ?? "")))",
                escaped(option.summary),
            ]
        }
        for example in verb.examples {
            lines += [
                ".PP", ".B \(escaped("holdfast " + example.command))", ".br",
                escaped(example.meaning),
            ]
        }
        return lines
    }

    /// Escapes backslashes and hyphens, and a full stop or an apostrophe at the beginning of a
    /// line, which have a meaning in that language.
    private func escaped(_ text: String) -> String {
        let plain = text.replacing("\\", with: "\\e").replacing("-", with: "\\-")
        return plain.hasPrefix(".") || plain.hasPrefix("'") ? "\\&" + plain : plain
    }
}
