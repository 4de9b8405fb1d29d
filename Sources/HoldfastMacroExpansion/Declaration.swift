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
        /// `var` or `let`. Properties of one declaration share it.
        let introducer: Token
        /// The initial value's source.
        let initialValue: String?
        let hasObservers: Bool

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

    /// The access of members that the macros add, with a blank: that of the type, if other modules
    /// can see it, or if nothing outside of the file can. `enclosing` are the declarations that the
    /// type is nested in, innermost first.
    func memberAccess(in enclosing: [String]) -> String {
        let levels = ["public", "package", "internal", "fileprivate", "private"]
        var modifiers = modifiers.map(\.text)
        let outer = enclosing.compactMap { DeclarationParser.parse($0) }
        // The members of `public extension` are public.
        if let extended = outer.first, extended.kind.is("extension"),
            !modifiers.contains(where: levels.contains)
        {
            modifiers = extended.modifiers.map(\.text)
        }
        let isHidden = outer.contains { declaration in
            declaration.modifiers.contains { $0.is("private") || $0.is("fileprivate") }
        }
        // A property of a generic type with a hidden argument must be hidden itself.
        if isHidden { return "fileprivate " }
        return levels.prefix(2).first(where: modifiers.contains).map { $0 + " " } ?? ""
    }

    /// The tokens as source, with one blank where the source has blanks or comments.
    static func text(_ tokens: ArraySlice<Token>) -> String {
        var text = ""
        for token in tokens { text += (token.isSpaced && !text.isEmpty ? " " : "") + token.text }
        return text
    }
}
