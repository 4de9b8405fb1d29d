import HoldfastTools

/// A path into the data of a heap, in the user's notation: `stock.bolt`, `log[3]`,
/// `people["Ada Lovelace"].born`.
///
///     path  = first step*
///     first = name | '[' text ']'          the root
///     step  = '.' name                     a field, or the value for a key
///           | '[' number ']'               an element, or the value for a key
///           | '[' text ']'                 the value for a key
///     name  = anything but . [ ] "         text = '"' … '"', with \" \\ \n \t \u{…}
struct ValuePath: Equatable {
    enum Step: Equatable {
        case name(String)
        /// The digits as written.
        case number(String)
        case text(String)
    }

    /// The name of the root.
    let root: String
    let steps: [Step]

    struct Problem: Error, Equatable {
        let description: String
    }

    init(_ text: String) throws(Problem) {
        var parser = Parser(text)
        let first: Step = parser.peek == "[" ? try parser.bracket() : .name(try parser.name())
        switch first {
        case .name(let name), .number(let name), .text(let name): root = name
        }
        var steps: [Step] = []
        while let next = parser.peek {
            switch next {
            case ".":
                parser.skip()
                steps.append(.name(try parser.name()))
            case "[": steps.append(try parser.bracket())
            default:
                throw parser.problem(
                    "expected a full stop or a bracket instead of \"\(next)\"")
            }
        }
        self.steps = steps
    }

    /// Returns the path before step `count`, in the same notation.
    func text(steps count: Int) -> String {
        var text = Self.text(root: root)
        for step in steps.prefix(count) {
            switch step {
            case .name(let name): text += "." + name
            case .number(let number): text += "[\(number)]"
            case .text(let key): text += "[\(DisplayText.quoted(key))]"
            }
        }
        return text
    }

    /// Returns the name of a root in that notation.
    static func text(root: String) -> String {
        isPlain(root) ? root : "[\(DisplayText.quoted(root))]"
    }

    /// Returns whether a name can be written without brackets and quotation marks.
    static func isPlain(_ name: String) -> Bool {
        !name.isEmpty && !name.contains { ".[]\"".contains($0) || $0.isNewline }
    }

    private struct Parser {
        private let characters: [Character]
        private var at = 0

        init(_ text: String) { characters = Array(text) }

        var peek: Character? { at < characters.count ? characters[at] : nil }
        mutating func skip() { at += 1 }

        func problem(_ what: String) -> Problem {
            Problem(description: "the path is invalid at character \(at + 1): \(what)")
        }

        mutating func name() throws(Problem) -> String {
            var name = ""
            while let character = peek, !".[".contains(character) {
                if character == "]" || character == "\"" {
                    throw problem("names with \(character) need brackets and quotation marks")
                }
                name.append(character)
                skip()
            }
            if name.isEmpty { throw problem("a name is missing") }
            return name
        }

        mutating func bracket() throws(Problem) -> Step {
            skip()
            let step: Step
            if peek == "\"" {
                step = .text(try quoted())
            } else {
                var number = ""
                while let character = peek, character != "]" {
                    number.append(character)
                    skip()
                }
                if number.isEmpty { throw problem("the brackets are empty") }
                step = .number(number)
            }
            guard peek == "]" else { throw problem("a closing bracket is missing") }
            skip()
            return step
        }

        private mutating func quoted() throws(Problem) -> String {
            skip()
            var text = ""
            while let character = peek {
                skip()
                if character == "\"" { return text }
                text += character == "\\" ? String(try escaped()) : String(character)
            }
            throw problem("a closing quotation mark is missing")
        }

        private mutating func escaped() throws(Problem) -> Character {
            guard let character = peek else { throw problem("the text ends in a backslash") }
            skip()
            switch character {
            case "n": return "\n"
            case "t": return "\t"
            case "r": return "\r"
            case "0": return "\0"
            case "\"", "\\": return character
            case "u" where peek == "{":
                skip()
                var digits = ""
                while let digit = peek, digit != "}" {
                    digits.append(digit)
                    skip()
                }
                skip()
                guard let value = UInt32(digits, radix: 16), let scalar = Unicode.Scalar(value)
                else {
                    throw problem("\\u{\(digits)} is not a character")
                }
                return Character(scalar)
            default: throw problem("\\\(character) means nothing")
            }
        }
    }
}
