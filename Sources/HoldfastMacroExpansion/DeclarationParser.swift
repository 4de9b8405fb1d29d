/// Reads a declaration: its head, and the stored properties or the cases in its body.
package struct DeclarationParser {
    /// Longer source is refused. It bounds the time of an expansion.
    package static let longestSource = 4 << 20

    private var reader: TokenReader
    private var declaration: Declaration
    private let source: [UInt8]
    /// The macro that the problems speak of.
    private let macro: String

    /// Returns the stored properties that the source of a single member declares.
    static func fields(ofMember source: String, for macro: String) -> [Declaration.Field] {
        parse("struct Placeholder {\n\(source)\n}", for: macro)?.fields ?? []
    }

    /// Returns nil if the source is not a declaration of a type.
    package static func parse(_ source: String, for macro: String = "@Persistable")
        -> Declaration?
    {
        guard source.utf8.count <= longestSource else { return nil }
        var reader = TokenReader(Tokenizer.tokens(of: source))
        guard let head = head(&reader), let name = reader.take(), name.kind == .word else {
            return nil
        }
        let isGeneric = reader.sees("<")
        if isGeneric { reader.takeAngles() }
        var inherited: [ArraySlice<Token>] = []
        if reader.take(":") {
            repeat {
                let type = reader.takeType()
                let end = type.firstIndex { $0.is("where") } ?? type.endIndex
                inherited.append(type[..<end])
            } while reader.take(",")
        }
        while !reader.sees("{"), reader.next != nil { reader.takeGroup() }
        reader.take()
        var parser = DeclarationParser(
            reader: reader,
            declaration: Declaration(
                kind: head.introducer, name: name, attributes: head.attributes,
                modifiers: head.modifiers, isGeneric: isGeneric, inherited: inherited),
            source: Array(source.utf8), macro: macro)
        while let token = parser.reader.next, !token.is("}") { parser.readMember() }
        return parser.declaration
    }

    private typealias Head = (attributes: [Attribute], modifiers: [Token], introducer: Token)

    private static func head(_ reader: inout TokenReader) -> Head? {
        var attributes = reader.takeAttributes()
        var modifiers: [Token] = []
        while let token = reader.next, token.kind == .word {
            reader.take()
            let isClassMember =
                token.text == "class"
                && (reader.next.map {
                    $0.kind == .word && Keywords.introducers.contains($0.text)
                } ?? false)
            if Keywords.introducers.contains(token.text), !isClassMember {
                return (attributes, modifiers, token)
            }
            guard isClassMember || Keywords.modifiers.contains(token.text) else { return nil }
            modifiers.append(token)
            // `private(set)`, `nonisolated(unsafe)`.
            if reader.sees("(") { reader.takeGroup() }
            attributes += reader.takeAttributes()
        }
        return nil
    }

    private mutating func readMember() {
        if reader.take(";") { return }
        if reader.sees("#") { return readDirective() }
        let start = reader.index
        guard let first = reader.next else { return }
        guard let head = Self.head(&reader) else {
            declaration.diagnostics.append(
                Diagnostic(first, "\(macro) does not understand this member"))
            if reader.index == start { reader.takeGroup() }
            return reader.takeRestOfDeclaration()
        }
        let isOfType = head.modifiers.contains { $0.text == "static" || $0.text == "class" }
        switch head.introducer.text {
        case "var", "let": readBindings(head, isKept: !isOfType)
        case "case": readCases()
        default: reader.takeRestOfDeclaration()
        }
    }

    // MARK: Directives

    private mutating func readDirective() {
        guard let hash = reader.take() else { return }
        let word = reader.take()
        switch word?.text {
        case "if", "elseif", "else", "endif":
            var end = reader.endOfPrevious
            while let token = reader.next, !token.startsLine || isConnected {
                if token.is("}") || token.is("{") { break }
                reader.takeGroup()
                end = reader.endOfPrevious
            }
            let text = String(decoding: source[hash.range.lowerBound ..< end], as: UTF8.self)
            declaration.members.append(.condition(text))
        case "sourceLocation", "warning", "error": if reader.sees("(") { reader.takeGroup() }
        default:
            declaration.diagnostics.append(
                Diagnostic(
                    hash,
                    "\(macro) does not see what a macro adds to the type, such as a stored "
                        + "property"))
            reader.takeRestOfDeclaration()
        }
    }

    /// Whether the condition goes on in the next line.
    private var isConnected: Bool {
        guard let previous = reader.previous else { return false }
        return previous.is("&") || previous.is("|")
    }

    // MARK: Properties

    private mutating func readBindings(_ head: Head, isKept: Bool) {
        repeat {
            guard let name = reader.next, name.kind == .word else {
                // A tuple pattern, or source that the compiler refuses.
                if let token = reader.next, isKept {
                    declaration.diagnostics.append(
                        Diagnostic(
                            token, "\(macro) needs a declaration of its own for each property"))
                }
                return reader.takeRestOfDeclaration()
            }
            reader.take()
            let type = reader.take(":") ? reader.takeType() : nil
            var initialValue: String?
            if reader.take("="), let first = reader.takeExpression(),
                first.range.lowerBound < reader.endOfPrevious
            {
                let range = first.range.lowerBound ..< reader.endOfPrevious
                initialValue = String(decoding: source[range], as: UTF8.self)
            }
            let hasBlock = reader.sees("{")
            let hasObservers = hasBlock && reader.blockBeginsObservers
            if hasBlock { reader.takeGroup() }
            if isKept, hasObservers || !hasBlock {
                declaration.members.append(
                    .field(
                        Declaration.Field(
                            token: name, type: type, modifiers: head.modifiers,
                            attributes: head.attributes, introducer: head.introducer,
                            initialValue: initialValue, hasObservers: hasObservers)))
            }
        } while reader.take(",")
    }

    // MARK: Cases

    private mutating func readCases() {
        repeat {
            guard let name = reader.next, name.kind == .word else {
                return reader.takeRestOfDeclaration()
            }
            reader.take()
            let payload = reader.sees("(") ? readPayload() : []
            let hasRawValue = reader.take("=")
            if hasRawValue { _ = reader.takeExpression() }
            declaration.members.append(
                .enumCase(
                    Declaration.Case(token: name, payload: payload, hasRawValue: hasRawValue)))
        } while reader.take(",")
    }

    private mutating func readPayload() -> [Declaration.Part] {
        var parts: [Declaration.Part] = []
        reader.take()
        while let token = reader.next, !token.is(")") {
            let start = reader.index
            var label: Token?
            if token.kind == .word, let second = reader.token(1), let third = reader.token(2) {
                if second.is(":") {
                    label = token
                    reader.take()
                } else if second.kind == .word, third.is(":") {
                    label = token
                    reader.take()
                    reader.take()
                }
                if label != nil { reader.take() }
            }
            if label?.text == "_" { label = nil }
            parts.append(Declaration.Part(label: label, type: reader.takeType()))
            if reader.take("=") { _ = reader.takeExpression() }
            // Whatever the input is, this ends.
            if !reader.take(","), reader.index == start { reader.take() }
        }
        reader.take()
        return parts
    }
}
