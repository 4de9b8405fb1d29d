import HoldfastTools

/// The request on the command line.
enum Request: Equatable {
    case overview
    case version
    case help(String?)
    case manual
    case run(verb: String, operands: [String], options: [String: String])
}

/// Parses arguments by the table of verbs.
///
/// Options can be anywhere after the verb, with their values after an equals sign or as the next
/// argument. Everything after `--` is an operand.
struct ArgumentParser {
    let verbs: [Verb]

    func parse(_ arguments: [String]) throws(UsageError) -> Request {
        guard let first = arguments.first else { return .overview }
        let rest = Array(arguments.dropFirst())
        switch first {
        case "--help", "-h", "help": return try parseHelp(rest)
        case "--version", "-V", "version": return .version
        default: break
        }
        guard !first.hasPrefix("-") else {
            throw UsageError(
                "unexpected \(shown(first)) before the verb; only --help and --version are allowed "
                    + "there")
        }
        guard let verb = verbs.first(where: { $0.name == first }) else {
            throw UsageError(
                "there is no verb \(shown(first))\(suggestion(first, among: verbs.map(\.name)))")
        }
        return try parse(rest, for: verb)
    }

    private func parseHelp(_ arguments: [String]) throws(UsageError) -> Request {
        guard let name = arguments.first else { return .help(nil) }
        guard arguments.count == 1 else { throw UsageError("help explains one verb at a time") }
        if name == "--manual" { return .manual }
        guard verbs.contains(where: { $0.name == name }) else {
            throw UsageError(
                "there is no verb \(shown(name))\(suggestion(name, among: verbs.map(\.name)))")
        }
        return .help(name)
    }

    private func parse(_ arguments: [String], for verb: Verb) throws(UsageError) -> Request {
        var operands: [String] = []
        var options: [String: String] = [:]
        var index = 0
        var onlyOperands = false
        while index < arguments.count {
            let argument = arguments[index]
            index += 1
            if onlyOperands || !argument.hasPrefix("-") || argument == "-" {
                operands.append(argument)
                continue
            }
            if argument == "--" {
                onlyOperands = true
                continue
            }
            if argument == "-h" || argument == "--help" { return .help(verb.name) }
            guard argument.hasPrefix("--") else {
                throw UsageError("\(verb.name) has no option \(shown(argument))", verb: verb.name)
            }
            let parts = argument.dropFirst(2).split(
                separator: "=", maxSplits: 1, omittingEmptySubsequences: false
            ).map(
                String.init)
            guard let option = verb.allOptions.first(where: { $0.name == parts[0] }) else {
                let name = "--" + parts[0]
                throw UsageError(
                    "\(verb.name) has no option "
                        + "\(shown(name))\(suggestion(name, among: verb.allOptions.map { "--" + $0.name }))",
                    verb: verb.name)
            }
            guard options[option.name] == nil else {
                throw UsageError("--\(option.name) was given twice", verb: verb.name)
            }
            if let value = option.value {
                if parts.count == 2 {
                    options[option.name] = parts[1]
                } else {
                    guard index < arguments.count else {
                        throw UsageError("--\(option.name) needs \(value)", verb: verb.name)
                    }
                    options[option.name] = arguments[index]
                    index += 1
                }
            } else {
                guard parts.count == 1 else {
                    throw UsageError("--\(option.name) takes no value", verb: verb.name)
                }
                options[option.name] = ""
            }
        }
        let needed = verb.operands.filter { !$0.isOptional }
        guard operands.count >= needed.count else {
            throw UsageError(
                "\(verb.name) needs \(needed[operands.count].name), "
                    + "\(needed[operands.count].summary)",
                verb: verb.name)
        }
        let isOpen = verb.operands.last?.isRepeated ?? false
        guard isOpen || operands.count <= verb.operands.count else {
            throw UsageError(
                "\(verb.name) has no operand for \(shown(operands[verb.operands.count]))",
                verb: verb.name)
        }
        return .run(verb: verb.name, operands: operands, options: options)
    }

    private func shown(_ argument: String) -> String {
        DisplayText.oneLine(argument.isEmpty ? "\"\"" : argument)
    }

    /// Returns `; did you mean info?` if one of the words is similar enough.
    private func suggestion(_ word: String, among words: [String]) -> String {
        let near = words.map { (word: $0, distance: Self.distance(word, $0)) }.min {
            $0.distance < $1.distance
        }
        guard let near, near.distance <= max(1, near.word.count / 3) else { return "" }
        return "; did you mean \(near.word)?"
    }

    /// Returns the number of letters to change, add, remove or exchange with their neighbour to
    /// turn one word into the other (optimal string alignment).
    static func distance(_ left: String, _ right: String) -> Int {
        let (left, right) = (Array(left.prefix(40)), Array(right.prefix(40)))
        var rows = [Array(0 ... right.count)]
        for (row, character) in left.enumerated() {
            var current = [row + 1]
            for (column, other) in right.enumerated() {
                var best = min(
                    rows[row][column] + (character == other ? 0 : 1), rows[row][column + 1] + 1,
                    current[column] + 1)
                if row > 0, column > 0, character == right[column - 1], left[row - 1] == other {
                    best = min(best, rows[row - 1][column - 1] + 1)
                }
                current.append(best)
            }
            rows.append(current)
        }
        return rows[left.count][right.count]
    }
}
