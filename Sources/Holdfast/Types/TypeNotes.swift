/// What a heap notes about a root's enums besides the description of its type: the names of cases
/// that are stored as raw values, and the labels of payloads.
///
/// Only for people to read. Two programs may differ in it and still have the same type, so it is no
/// part of the description, of its fingerprint, or of any comparison. What the notes do not say,
/// because they are missing or older than a case, is shown without a name.
package struct TypeNotes: Sendable {
    /// The names of the cases of enums, by the name of the enum and the raw value as text.
    private var names: [String: [String: String]] = [:]
    /// The labels of payloads, by the names of the enum and of the case. Empty where a value has
    /// none.
    private var labels: [String: [String: [String]]] = [:]
    /// The names of the cases of enums in plain structs, by the name of the enum, in the order of
    /// their numbers.
    private var plain: [String: [String]] = [:]
    /// The notes in the order in which they were made.
    private var lines: [[String]] = []

    package init() {}

    package func name(of enumeration: String, raw: String) -> String? {
        names[enumeration]?[raw]
    }

    package func raw(of enumeration: String, name: String) -> String? {
        names[enumeration]?.first { $0.value == name }?.key
    }

    /// The names of an enum's cases; nil if the notes do not know the enum.
    package func names(of enumeration: String) -> [String]? {
        names[enumeration].map { $0.values.sorted() }
    }

    package func labels(of union: String, name: String) -> [String] { labels[union]?[name] ?? [] }

    /// The names of the cases of an enum that is stored in plain structs, in the order of the
    /// numbers that stand for them; empty if the notes do not know the enum.
    package func plainNames(of enumeration: String) -> [String] { plain[enumeration] ?? [] }

    /// The notes of the enums that a type contains.
    package func part(for shape: TypeShape) -> TypeNotes {
        let names = shape.enumNames
        var part = TypeNotes()
        for line in lines where line.count > 1 && names.contains(line[1]) { part.add(line) }
        return part
    }

    // MARK: Making

    /// Collects notes while a type describes itself.
    final class Collector: @unchecked Sendable {
        fileprivate var notes = TypeNotes()
        private var seen: Set<ObjectIdentifier> = []

        /// More cases than this have no names in the notes.
        private static let mostCases = 256

        func add<T: HeapEnum>(_ type: T.Type) {
            guard seen.insert(ObjectIdentifier(type)).inserted,
                let found = CaseNames.find(of: type), found.count <= Self.mostCases
            else { return }
            for entry in found { notes.add(["enum", T.storedName, entry.name, entry.raw]) }
        }

        /// Adds an enum without raw values or payloads, as one in a plain struct is stored.
        func add(plain type: Any.Type) {
            guard seen.insert(ObjectIdentifier(type)).inserted,
                let names = EnumMetadata.plainNames(of: type), TypeFacts.size(of: type) == 1,
                names.count <= Self.mostCases
            else { return }
            notes.add(["plain", TypeDescription.name(of: type)] + names)
        }

        /// Adds an enum with payloads.
        func add(payloadsOf type: Any.Type, named name: String) {
            guard seen.insert(ObjectIdentifier(type)).inserted else { return }
            for payload in EnumMetadata.payloads(of: type).prefix(Self.mostCases) {
                guard let payloadType = payload.type,
                    case let labels = EnumMetadata.labels(of: payloadType),
                    labels.contains(where: { !$0.isEmpty })
                else { continue }
                notes.add(["case", name, payload.name] + labels)
            }
        }
    }

    /// Where descriptions put their notes at the moment; nil if nobody asks for them.
    @TaskLocal static var collected: Collector?

    /// Returns the notes of a type.
    static func of(_ type: any Persistable.Type) -> TypeNotes {
        let collector = Collector()
        $collected.withValue(collector) { _ = try? type.describe() }
        return collector.notes
    }

    private mutating func add(_ line: [String]) {
        guard !lines.contains(line) else { return }
        switch line.first {
        case "enum" where line.count == 4: names[line[1], default: [:]][line[3]] = line[2]
        case "case" where line.count > 3: labels[line[1], default: [:]][line[2]] = Array(line[3...])
        case "plain" where line.count > 2: plain[line[1]] = Array(line[2...])
        // Of a later program.
        default: break
        }
        lines.append(line)
    }

    // MARK: Text

    /// The maximum size of the text in bytes; longer notes are not made.
    private static let mostBytes = 16 << 10

    /// The notes as they follow a description: a line for each, its words separated by tabs.
    var text: String {
        let text = lines.map { "\n" + $0.map(Self.escaped).joined(separator: "\t") }.joined()
        return text.utf8.count <= Self.mostBytes ? text : ""
    }

    /// The description and the notes in the text that a heap keeps of a root. `isDescription` tells
    /// where the description ends: a program's names can contain line ends.
    static func split(_ text: String, _ isDescription: (String) -> Bool)
        -> (description: String, notes: Substring)
    {
        let ends = text.utf8.indices.filter { text.utf8[$0] == UInt8(ascii: "\n") }
        guard let first = ends.first else { return (text, "") }
        for end in ends where isDescription(String(text[..<end])) {
            return (String(text[..<end]), text[end...])
        }
        return isDescription(text) ? (text, "") : (String(text[..<first]), text[first...])
    }

    init(parsing text: some StringProtocol) {
        for line in text.split(separator: "\n") {
            add(
                line.split(separator: "\t", omittingEmptySubsequences: false).map {
                    Self.unescaped($0)
                })
        }
    }

    private static func escaped(_ word: String) -> String {
        var text = ""
        for character in word.unicodeScalars {
            switch character {
            case "\\": text += "\\\\"
            case "\n": text += "\\n"
            case "\t": text += "\\t"
            default: text.unicodeScalars.append(character)
            }
        }
        return text
    }

    private static func unescaped(_ word: some StringProtocol) -> String {
        var text = ""
        var isEscaped = false
        for character in word.unicodeScalars {
            if isEscaped {
                text.unicodeScalars.append(
                    character == "n" ? "\n" : character == "t" ? "\t" : character)
                isEscaped = false
            } else if character == "\\" {
                isEscaped = true
            } else {
                text.unicodeScalars.append(character)
            }
        }
        return text
    }
}

/// The names of the cases of an enum with raw values, each with its raw value as text.
private enum CaseNames {
    /// Nil if the type is not an enum, or has none of the forms that can be asked.
    ///
    /// Asks for no raw value of a case that it has only the number of: that of an unavailable case
    /// would trap.
    static func find<T: HeapEnum>(of type: T.Type) -> [(name: String, raw: String)]? {
        guard let names = EnumMetadata.plainNames(of: type),
            MemoryLayout<T>.size == (names.count > 1 ? 1 : 0)
        else { return nil }
        var found: [Int: String] = [:]
        func add(_ value: T) {
            let number = withUnsafeBytes(of: value) { Int($0.first ?? 0) }
            found[number] = "\(value.rawValue)"
        }
        func addAll<Iterable: CaseIterable>(_: Iterable.Type) {
            for case let value as T in Iterable.allCases { add(value) }
        }
        if let iterable = type as? any CaseIterable.Type { addAll(iterable) }
        if T.RawValue.self == String.self {
            for name in names { if let value = T(rawValue: name as! T.RawValue) { add(value) } }
        }
        if let integer = T.RawValue.self as? any FixedWidthInteger.Type {
            for number in usual {
                guard let raw = raw(number, integer) as? T.RawValue else { continue }
                if let value = T(rawValue: raw) { add(value) }
            }
        }
        return names.indices.compactMap { number in
            found[number].map { (names[number], $0) }
        }
    }

    /// The raw values that are tried.
    private static let usual = -128 ... 1024

    private static func raw<Raw: FixedWidthInteger>(_ number: Int, _: Raw.Type) -> Any? {
        Raw(exactly: number)
    }
}

extension TypeShape {
    /// The names of all enums in the type.
    fileprivate var enumNames: Set<String> {
        switch self {
        case .named: []
        case .opaque(let name, _, _): [name]
        case .enumeration(let name, _): [name]
        case .optional(let wrapped): wrapped.enumNames
        case .generic(_, let parameters):
            parameters.reduce(into: []) { $0.formUnion($1.enumNames) }
        case .structure(_, let fields, _), .record(_, let fields, _):
            fields.reduce(into: []) { $0.formUnion($1.type.enumNames) }
        case .union(let name, let cases):
            cases.flatMap(\.payload).reduce(into: [name]) { $0.formUnion($1.enumNames) }
        }
    }
}
