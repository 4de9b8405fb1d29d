/// Writes the extension of a struct or an enum, line by line.
struct ExpansionWriter {
    let declaration: Declaration
    private let context: Expansion.Context
    /// The place of the first byte of each line of the declaration's source.
    private let lineStarts: [Int]
    private var lines: [String] = []
    /// Whether the next line's errors are placed in the program's source.
    private var isPlaced = false
    var diagnostics: [Diagnostic] = []

    var text: String { lines.joined(separator: "\n") + "\n" }

    init(_ declaration: Declaration, source: String, _ context: Expansion.Context) {
        self.declaration = declaration
        self.context = context
        lineStarts =
            [0] + source.utf8.enumerated().lazy.filter { $0.element == 0x0a }.map { $0.offset + 1 }
    }

    var typeName: String {
        context.typeName.isEmpty ? declaration.name.text : context.typeName
    }

    var access: String { declaration.memberAccess(in: context.enclosing) }

    // MARK: Structs

    mutating func writeStruct(isPlain: Bool) throws(Diagnostic) {
        for field in declaration.fields {
            if let problem = StorageRules.check(field, isPlain ? .plain : .record) {
                diagnostics.append(problem)
            }
        }
        diagnostics += FieldRules.check(declaration) + IndexRules.check(declaration)
        let indexes = IndexRules.indexed(in: declaration)
        let table = indexes.isEmpty ? [] : ["TableValue"]
        if isPlain {
            // Reflection finds the fields, but neither other names nor defaults.
            let isNeeded = declaration.fields.contains {
                FieldRules.storedName(of: $0) != nil || FieldRules.defaultValue(of: $0) != nil
            }
            writeExtension(conformingTo: ["HeapStruct", "BitwiseCopyable"] + table) { writer in
                if isNeeded {
                    writer.writeList("plainFields", of: "Holdfast.PlainField") { writer, member in
                        writer.writeField(member, of: "Holdfast.PlainField", to: "plainFields")
                    }
                }
                if !indexes.isEmpty { writer.writeIndexes(indexes) }
            }
        } else {
            writeExtension(conformingTo: ["HeapRecord"] + table) { writer in
                writer.writeList("storedFields", of: "Holdfast.RecordField", isOptional: true) {
                    writer, member in
                    writer.writeField(member, of: "Holdfast.RecordField", to: "storedFields")
                }
                if !indexes.isEmpty { writer.writeIndexes(indexes) }
            }
        }
    }

    private mutating func writeField(
        _ member: Declaration.Member, of type: String, to list: String
    ) {
        guard case .field(let field) = member else { return }
        let name = FieldRules.storedName(of: field) ?? literal(field.name)
        let value = FieldRules.defaultValue(of: field).map { ", default: \($0)" } ?? ""
        write("\(type)(\(name), \\Self.\(field.token.text)\(value))", to: list, at: field.token)
    }

    // MARK: Enums

    /// The types that an enum can have as raw values.
    private static let rawTypes: Set = [
        "Int", "Int8", "Int16", "Int32", "Int64", "Int128", "UInt", "UInt8", "UInt16", "UInt32",
        "UInt64", "UInt128", "String", "Character", "Double", "Float", "Float16",
    ]

    mutating func writeEnum(isPlain: Bool) throws(Diagnostic) {
        let cases = declaration.cases
        guard let first = cases.first else {
            throw Diagnostic(declaration.name, "an enum without cases has no values to store")
        }
        let payload = cases.first { !$0.payload.isEmpty }
        var isRaw = isPlain || cases.contains { $0.hasRawValue }
        if let type = declaration.inherited.first?.map(\.text) {
            let name = type.first == "Swift" ? type.dropFirst(2).joined() : type.joined()
            isRaw = isRaw || Self.rawTypes.contains(name)
        }
        if isRaw {
            if let payload {
                throw Diagnostic(
                    payload.token,
                    "the case '\(payload.name)' has a payload, so it cannot be stored as a raw "
                        + "value",
                    note: "write @Persistable without an argument")
            }
            guard !declaration.inherited.isEmpty else {
                throw Diagnostic(
                    declaration.name, "the enum has no raw values to be stored as",
                    note: "declare their type, as in 'enum \(declaration.name.text): Int16'")
            }
            return writeExtension(conformingTo: ["HeapEnum"]) { _ in }
        }
        var names: Set<String> = []
        for entry in cases {
            if !names.insert(entry.name).inserted, !declaration.hasConditions {
                diagnostics.append(
                    Diagnostic(
                        entry.token,
                        "a heap records the name of each case, and '\(entry.name)' stands twice"))
            }
            if let problem = StorageRules.check(entry) { diagnostics.append(problem) }
        }
        writeExtension(conformingTo: ["HeapUnion"]) { writer in
            if payload == nil {
                writer.writeLine("nonisolated private static func _checkForm() {", 1)
                writer.writeLocation(of: first.token)
                writer.writeLine("let form = Holdfast.PersistableChecks.form(of: Self.self)", 2)
                writer.writeLine("Holdfast.PersistableChecks.requireCases(form)", 2)
                writer.writeLocation(of: nil)
                writer.writeLine("}", 1)
                writer.writeLine("", 0)
            }
            writer.writeList("cases", of: "Holdfast.UnionCase<Self>", isComputed: false) {
                writer, member in
                if case .enumCase(let entry) = member { writer.writeCase(entry) }
            }
        }
    }

    private mutating func writeCase(_ entry: Declaration.Case) {
        let name = literal(entry.name)
        let word = entry.token.text
        guard !entry.payload.isEmpty else {
            return write(
                "Holdfast.UnionCase(\(name), { Self.\(word) }, if: { if case .\(word) = $0 "
                    + "{ true } else { false } })", to: "cases", at: entry.token)
        }
        let labels = entry.payload.map { ($0.label.map(argumentLabel) ?? "_") + ":" }.joined()
        let parts = entry.payload.indices.map { "part\($0)" }
        let pattern = zip(entry.payload, parts).map { part, name in
            (part.label.map { argumentLabel($0) + ": " } ?? "") + "let \(name)"
        }
        let values = parts.count == 1 ? parts[0] : "(\(parts.joined(separator: ", ")))"
        write(
            "Holdfast.UnionCase(\(name), Self.\(word)(\(labels)), { guard case "
                + ".\(word)(\(pattern.joined(separator: ", "))) = $0 else { return nil }; "
                + "return .some(\(values)) })", to: "cases", at: entry.token)
    }

    // MARK: Parts

    /// The protocols of Holdfast that follow from others.
    private static let inherited = [
        "HeapRecord": [
            "Persistable", "PersistableValue", "PersistableNamed", "ReferenceTarget",
        ],
        "HeapStruct": ["Persistable", "PersistableValue", "PersistableNamed"],
        "HeapEnum": ["Persistable", "PersistableValue", "PersistableNamed"],
        "HeapUnion": ["Persistable", "PersistableValue", "PersistableNamed"],
        "HeapSchema": ["TransactionBound"],
    ]

    mutating func writeExtension(
        conformingTo protocols: [String], _ writeBody: (inout ExpansionWriter) -> Void
    ) {
        let missing = context.missingConformances
        for name in protocols where name != "BitwiseCopyable" && !missing.contains(name) {
            diagnostics.append(
                Diagnostic(
                    nil as Token?,
                    "'\(declaration.name.name)' conforms to \(name) already, so @Persistable cannot "
                        + "write the conformance", note: "remove one of the two"))
        }
        for attribute in declaration.attributes where attribute.name == "available" {
            lines.append(attribute.text)
        }
        // The inherited protocols, too: the compiler (6.3) does not find the conformances that
        // follow from a macro's extension if it has looked for a static member of the type before.
        let inherited = protocols.flatMap { Self.inherited[$0] ?? [] }.filter(missing.contains)
        // Not isolated, whatever the isolation of the program's module is.
        let list = (inherited + protocols).compactMap { name in
            guard name == "BitwiseCopyable" else { return "Holdfast.\(name)" }
            return missing.contains(name) ? "nonisolated Swift.BitwiseCopyable" : nil
        }
        lines.append("extension \(typeName): \(list.joined(separator: ", ")) {")
        writeBody(&self)
        lines.append("}")
    }

    /// Writes a static property whose value is a list with an element for each member. Statements
    /// add the elements, since only they can stand between `#if` and `#endif`.
    mutating func writeList(
        _ name: String, of element: String, isOptional: Bool = false, isComputed: Bool = true,
        _ writeMember: (inout ExpansionWriter, Declaration.Member) -> Void
    ) {
        let type = "[\(element)]" + (isOptional ? "?" : "")
        if isComputed {
            writeLine("nonisolated \(access)static var \(name): \(type) {", 1)
        } else {
            // A generic type cannot have stored static properties.
            let value =
                declaration.isGeneric
                ? "{ Holdfast.UnionCase<Self>.list(_makeCases) }" : "= _makeCases()"
            writeLine(
                "nonisolated \(access)static \(declaration.isGeneric ? "var" : "let") \(name): "
                    + "\(type) \(value)", 1)
            writeLine("", 0)
            // A function, because the compiler reports one error of a closure only.
            writeLine("nonisolated private static func _makeCases() -> \(type) {", 1)
        }
        if declaration.members.isEmpty {
            writeLine("return []", 2)
        } else {
            writeLine("var \(name): [\(element)] = []", 2)
            for member in declaration.members {
                if case .condition(let text) = member {
                    writeLocation(of: nil)
                    lines.append(text)
                } else {
                    writeMember(&self, member)
                }
            }
            writeLocation(of: nil)
            writeLine("return \(name)", 2)
        }
        writeLine("}", 1)
    }

    mutating func write(_ element: String, to list: String, at token: Token) {
        writeLocation(of: token)
        writeLine("\(list).append(\(element))", 2)
    }

    /// Has the compiler place the errors of the next line where the token is in the program's
    /// source.
    mutating func writeLocation(of token: Token?) {
        guard let file = context.file else { return }
        guard let token else {
            if isPlaced { lines.append("#sourceLocation()") }
            isPlaced = false
            return
        }
        isPlaced = true
        // The last line that begins at the token's byte or before it.
        var (low, high) = (0, lineStarts.count)
        while high - low > 1 {
            let middle = (low + high) / 2
            if lineStarts[middle] <= token.range.lowerBound { low = middle } else { high = middle }
        }
        lines.append("#sourceLocation(file: \(literal(file)), line: \(context.line + low))")
    }

    mutating func writeLine(_ text: String, _ depth: Int) {
        lines.append(String(repeating: " ", count: text.isEmpty ? 0 : depth * 4) + text)
    }
}

/// A label as it is written in a call: most keywords need no backticks there.
private func argumentLabel(_ token: Token) -> String {
    let needsQuotes =
        ["inout", "var", "let"].contains(token.name)
        || !token.name.utf8.allSatisfy(Tokenizer.isWordByte)
        || (token.name.utf8.first.map { $0 < UInt8(ascii: "A") && $0 != UInt8(ascii: "$") } ?? true)
    return needsQuotes ? token.text : token.name
}

/// A string literal of Swift.
func literal(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
        switch scalar {
        case "\"", "\\": result += "\\" + String(scalar)
        case _ where scalar.value < 0x20: result += "\\u{\(String(scalar.value, radix: 16))}"
        default: result.unicodeScalars.append(scalar)
        }
    }
    return result + "\""
}
