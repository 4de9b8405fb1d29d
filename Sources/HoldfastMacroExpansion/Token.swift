/// A word, a literal or a sign of Swift source.
package struct Token: Equatable, Sendable {
    enum Kind: Sendable { case word, literal, sign }

    let kind: Kind
    let text: String
    /// The bytes of the source that the token covers.
    let range: Range<Int>
    /// Whether a line ends between the previous token and this one.
    let startsLine: Bool
    /// Whether blanks or a comment stand before it.
    let isSpaced: Bool

    /// Whether it is this sign or unquoted word.
    func `is`(_ text: String) -> Bool { kind != .literal && self.text == text }

    /// The name that a word stands for: without backticks.
    var name: String {
        text.count > 2 && text.hasPrefix("`") && text.hasSuffix("`")
            ? String(text.dropFirst().dropLast()) : text
    }

    var isQuoted: Bool { text.hasPrefix("`") }
}

/// The words that begin a declaration.
enum Keywords {
    static let introducers: Set = [
        "struct", "enum", "class", "actor", "protocol", "extension", "var", "let", "func", "init",
        "deinit", "subscript", "case", "typealias", "associatedtype", "operator", "import", "macro",
        "precedencegroup",
    ]

    static let modifiers: Set = [
        "public", "private", "internal", "fileprivate", "package", "open", "static", "final",
        "lazy", "weak", "unowned", "mutating", "nonmutating", "override", "required",
        "convenience", "optional", "dynamic", "indirect", "infix", "prefix", "postfix",
        "nonisolated", "isolated", "distributed", "borrowing", "consuming", "__consuming",
        "__owned", "__shared", "_const", "_local",
    ]

    static let accessors: Set = [
        "get", "set", "willSet", "didSet", "_read", "_modify", "read", "modify", "unsafeAddress",
        "unsafeMutableAddress", "init", "borrow", "mutate",
    ]
}
