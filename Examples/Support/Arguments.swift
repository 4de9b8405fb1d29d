import MemoryMapping

/// The arguments after a program's name, taken one by one. Required arguments are requested by
/// name, so that an error message can state that name.
///
/// Options (`--limit 5`) may be anywhere. After a lone `--` nothing is an option any more.
package struct Arguments {
    private var words: [String]
    private var literals: [String]

    package init(_ words: [String] = PathBytes.commandLineArguments()) {
        let end = words.firstIndex(of: "--") ?? words.endIndex
        self.words = Array(words[..<end])
        literals = Array(words[end...].dropFirst())
    }

    /// Removes the flag and returns whether it was there.
    package mutating func flag(_ name: String) -> Bool {
        guard let place = words.firstIndex(of: name) else { return false }
        words.remove(at: place)
        return true
    }

    /// Removes the option and returns its value, or nil if `name` is not there.
    package mutating func option(_ name: String) throws(WrongUsage) -> String? {
        guard let place = words.firstIndex(of: name) else { return nil }
        guard place + 1 < words.count else { throw WrongUsage("\(name) needs a value behind it") }
        defer { words.removeSubrange(place ... place + 1) }
        return words[place + 1]
    }

    /// Removes the option and returns its value as a number, or nil if `name` is not there.
    package mutating func option(_ name: String, in range: ClosedRange<Int>) throws(WrongUsage)
        -> Int?
    {
        guard let text = try option(name) else { return nil }
        return try Self.number(text, name, range)
    }

    /// Returns the next argument that is not an option, or nil if there is none. Request all
    /// options first.
    package mutating func next() throws(WrongUsage) -> String? {
        guard let word = words.first else { return literals.isEmpty ? nil : literals.removeFirst() }
        if word.hasPrefix("--") { throw WrongUsage("there is no option \(word) here") }
        words.removeFirst()
        return word
    }

    /// Returns the next argument. `what` is its name in the error message if it is missing.
    package mutating func next(_ what: String) throws(WrongUsage) -> String {
        guard let word = try next() else { throw WrongUsage("\(what) is missing") }
        guard !word.isEmpty else { throw WrongUsage("\(what) is empty") }
        return word
    }

    /// Returns the next argument as a number.
    package mutating func number(_ what: String, in range: ClosedRange<Int>) throws(WrongUsage)
        -> Int
    {
        try Self.number(next(what), what, range)
    }

    /// Throws if any arguments are left.
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
