/// A word, number, string or punctuation mark of the input, and its place.
struct Token: Equatable {
    enum Kind: Equatable {
        /// A name. In backticks it is never a command or a type.
        case name(String, isQuoted: Bool)
        /// An integer literal, which may be too large for any type.
        case integer(Int128)
        case number(Double)
        case text(String)
        /// Brackets, commas, operators: one or more characters.
        case sign(String)
        /// A newline that separates statements.
        case newline
        case end
    }

    let kind: Kind
    let location: Location
    /// Whether the token directly follows the one before it. Distinguishes `a [1]` and `a < b` from
    /// `a[1]` and `map<Int>`.
    let isAttached: Bool

    func isSign(_ text: String) -> Bool { kind == .sign(text) }

    /// The name of the token in messages.
    var phrase: String {
        switch kind {
        case .name(let name, _): "“\(Printable.line(name))”"
        case .integer(let number): "“\(number)”"
        case .number(let number): "“\(number)”"
        case .text: "a string"
        case .sign(let sign): "“\(sign)”"
        case .newline: "the end of the line"
        case .end: "the end"
        }
    }
}
