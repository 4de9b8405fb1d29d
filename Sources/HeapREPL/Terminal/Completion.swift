import Holdfast

/// Completes the word before the cursor with roots, their members, types and commands, using only
/// the heap's types.
struct Completion {
    var roots: [String: TypeShape] = [:]
    var types: [String] = []

    /// Returns the words that begin like the last word of the text. `text` is the line up to the
    /// cursor.
    func candidates(for text: String) -> [String] {
        let characters = Array(text)
        var start = characters.count
        while start > 0, Self.isWord(characters[start - 1]) { start -= 1 }
        let word = String(characters[start...])
        let before = String(characters[..<start])
        guard !Self.isInsideText(before) else { return [] }
        return names(after: before).filter { $0.hasPrefix(word) }.sorted()
    }

    private static func isWord(_ character: Character) -> Bool {
        character == "_" || character.isLetter || character.isNumber
    }

    private static func isInsideText(_ text: String) -> Bool {
        var isInside = false
        var isEscaped = false
        for character in text {
            if isEscaped {
                isEscaped = false
            } else if character == "\\" {
                isEscaped = isInside
            } else if character == "\"" {
                isInside.toggle()
            }
        }
        return isInside
    }

    private func names(after before: String) -> Set<String> {
        let rootNames = roots.keys.filter { Name.text($0) == $0 }
        if before.hasSuffix(".") {
            let base = before.hasSuffix("?.") ? before.dropLast(2) : before.dropLast()
            return Set(members(of: String(base)))
        }
        let words = before.split(separator: " ", omittingEmptySubsequences: true)
        if words.first == "watch" || words.first == "delete" { return Set(rootNames) }
        var names = Set(rootNames).union(types).union(["true", "false", "nil"])
        if words.isEmpty {
            names.formUnion(Command.words)
        } else {
            names.formUnion(ContainerKind.allCases.map(\.rawValue) + TypeTable.builtIn)
        }
        return names
    }

    /// Returns the members of the last expression of a text, found by parsing ever shorter
    /// suffixes.
    private func members(of text: String) -> [String] {
        let characters = Array(text)
        for start in characters.indices
        where start == 0 || !Self.isWord(characters[start - 1]) || !Self.isWord(characters[start]) {
            guard let statements = try? Parser.statements(of: String(characters[start...])),
                statements.count == 1,
                case .expression(let expression) = statements[0].form,
                let shape = TypeShape.of(expression, roots: roots)
            else { continue }
            return shape.memberNames.filter { Name.text($0) == $0 }
        }
        return []
    }
}
