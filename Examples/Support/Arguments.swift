import MemoryMapping

/// The words behind a program's name, taken one by one: what a command needs is asked for by name,
/// so that a mistake is answered with that name.
///
/// Options (`--limit 5`) may stand anywhere; behind a lone `--` nothing is an option any more.
package struct Arguments {
    private var words: [String]
    private var literals: [String]

    package init(_ words: [String] = PathBytes.commandLineArguments()) {
        let end = words.firstIndex(of: "--") ?? words.endIndex
        self.words = Array(words[..<end])
        literals = Array(words[end...].dropFirst())
    }

    /// Whether the word is there; takes it away.
    package mutating func flag(_ name: String) -> Bool {
        guard let place = words.firstIndex(of: name) else { return false }
        words.remove(at: place)
        return true
    }

    /// What follows `name`, or nil if `name` is not there; takes both away.
    package mutating func option(_ name: String) throws(WrongUsage) -> String? {
        guard let place = words.firstIndex(of: name) else { return nil }
        guard place + 1 < words.count else { throw WrongUsage("\(name) needs a value behind it") }
        defer { words.removeSubrange(place ... place + 1) }
        return words[place + 1]
    }

    /// The number that follows `name`, or nil if `name` is not there.
    package mutating func option(_ name: String, in range: ClosedRange<Int>) throws(WrongUsage)
        -> Int?
    {
        guard let text = try option(name) else { return nil }
        return try Self.number(text, name, range)
    }

    /// The next word that is no option, or nil if there is none. Ask for all options first.
    package mutating func next() throws(WrongUsage) -> String? {
        guard let word = words.first else { return literals.isEmpty ? nil : literals.removeFirst() }
        if word.hasPrefix("--") { throw WrongUsage("there is no option \(word) here") }
        words.removeFirst()
        return word
    }

    /// The next word; `what` names it to the user if it is missing.
    package mutating func next(_ what: String) throws(WrongUsage) -> String {
        guard let word = try next() else { throw WrongUsage("\(what) is missing") }
        guard !word.isEmpty else { throw WrongUsage("\(what) is empty") }
        return word
    }

    /// The next word as a number.
    package mutating func number(_ what: String, in range: ClosedRange<Int>) throws(WrongUsage)
        -> Int
    {
        try Self.number(next(what), what, range)
    }

    /// Makes sure that nothing is left over.
    package mutating func end() throws(WrongUsage) {
        if let word = try next() {
            throw WrongUsage(
                "\"\(word)\" is one word too many; put a text of several words into quotes")
        }
    }

    private static func number(_ text: String, _ what: String, _ range: ClosedRange<Int>)
        throws(WrongUsage) -> Int
    {
        guard let number = Int(text), range.contains(number) else {
            throw WrongUsage(
                "\(what) is a number from \(range.lowerBound) to \(range.upperBound), not "
                    + "\"\(text)\""
            )
        }
        return number
    }
}
