/// A word, number, text or sign of the input, and where it begins.
struct Token: Equatable {
    enum Kind: Equatable {
        /// A name; in backticks it is never a command or a type.
        case name(String, isQuoted: Bool)
        /// The digits of a whole number, which may be too large for any type.
        case integer(Int128)
        case number(Double)
        case text(String)
        /// Brackets, commas, operators: one or more characters.
        case sign(String)
        /// A line's end that separates statements.
        case newline
        case end
    }

    let kind: Kind
    let location: Location
    /// Whether nothing stands between this and what comes before it, so that `a [1]` and `a < b`
    /// can be told from `a[1]` and `map<Int>`.
    let isAttached: Bool

    func isSign(_ text: String) -> Bool { kind == .sign(text) }

    /// What it is called in messages.
    var phrase: String {
        switch kind {
        case .name(let name, _): "“\(Printable.line(name))”"
        case .integer(let number): "“\(number)”"
        case .number(let number): "“\(number)”"
        case .text: "a text"
        case .sign(let sign): "“\(sign)”"
        case .newline: "the end of the line"
        case .end: "the end"
        }
    }
}
