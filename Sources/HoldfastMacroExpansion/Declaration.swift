/// What the source of a struct or an enum says about its contents.
package struct Declaration: Sendable {
    /// A stored property.
    package struct Field: Sendable {
        /// The token of the name, with backticks if it has any.
        let token: Token
        /// Nil if the type follows from the initial value.
        let type: ArraySlice<Token>?
        let modifiers: [Token]
        let attributes: [Attribute]

        package var name: String { token.name }
        package var typeText: String? { type.map(Declaration.text) }
    }

    /// A case of an enum.
    package struct Case: Sendable {
        let token: Token
        let payload: [Part]
        /// Whether it has a raw value.
        let hasRawValue: Bool

        package var name: String { token.name }
        /// The labels of the payload; `_` where there is none.
        package var labels: [String] { payload.map { $0.label?.name ?? "_" } }
        package var typeTexts: [String] { payload.map { Declaration.text($0.type) } }
    }

    /// A value of a case's payload.
    struct Part: Sendable {
        let label: Token?
        let type: ArraySlice<Token>
    }

    package enum Member: Sendable {
        case field(Field)
        case enumCase(Case)
        /// `#if …`, `#elseif …`, `#else` or `#endif`.
        case condition(String)
    }

    /// The word that says what is declared: `struct`, `enum`, `class` and so on.
    let kind: Token
    let name: Token
    let attributes: [Attribute]
    let modifiers: [Token]
    let isGeneric: Bool
    let inherited: [ArraySlice<Token>]
    package var members: [Member] = []
    var diagnostics: [Diagnostic] = []

    package var fields: [Field] {
        members.compactMap { if case .field(let field) = $0 { field } else { nil } }
    }

    package var cases: [Case] {
        members.compactMap { if case .enumCase(let entry) = $0 { entry } else { nil } }
    }

    /// Whether some members are compiled only under a condition.
    var hasConditions: Bool {
        members.contains { if case .condition = $0 { true } else { false } }
    }

    /// The tokens as source, with one blank where the source has blanks or comments.
    static func text(_ tokens: ArraySlice<Token>) -> String {
        var text = ""
        for token in tokens { text += (token.isSpaced && !text.isEmpty ? " " : "") + token.text }
        return text
    }
}
