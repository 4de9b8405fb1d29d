/// What a struct's source says about the indexes of the tables that it is stored in.
enum IndexRules {
    /// A property with an index.
    struct Indexed {
        let field: Declaration.Field
        let isUnique: Bool
    }

    static let attributes: Set = ["Indexed", "Holdfast.Indexed"]

    private static func attribute(of field: Declaration.Field) -> Attribute? {
        field.attributes.first { attributes.contains($0.name) }
    }

    private static func arguments(of attribute: Attribute) -> String {
        Attribute.arguments(of: attribute.text).map(\.text).joined()
    }

    private static let unique: Set = [".unique", "IndexKind.unique", "Holdfast.IndexKind.unique"]

    /// The properties that have an index.
    static func indexed(in declaration: Declaration) -> [Indexed] {
        declaration.fields.compactMap { field in
            attribute(of: field).map {
                Indexed(field: field, isUnique: unique.contains(arguments(of: $0)))
            }
        }
    }

    static func check(_ declaration: Declaration) -> [Diagnostic] {
        var problems: [Diagnostic] = []
        var conditions = 0
        for member in declaration.members {
            switch member {
            case .condition(let text):
                if text.hasPrefix("#if") { conditions += 1 }
                if text.hasPrefix("#endif") { conditions -= 1 }
            case .field(let field):
                guard let attribute = attribute(of: field) else { continue }
                let arguments = arguments(of: attribute)
                if !arguments.isEmpty, !unique.contains(arguments) {
                    problems.append(
                        Diagnostic(
                            attribute.range, "the argument of @Indexed must be written '.unique'",
                            note: "a macro sees the source, not the value of an expression"))
                }
                if conditions > 0 {
                    problems.append(
                        Diagnostic(
                            field.token, "a property under a condition cannot have an index",
                            note: "the heap would have another form for each condition"))
                }
            case .enumCase: continue
            }
        }
        return problems
    }
}

extension ExpansionWriter {
    /// Writes the conformance to `TableValue`: a struct with a property for each index.
    mutating func writeIndexes(_ indexes: [IndexRules.Indexed]) {
        let failure = indexes.contains(where: \.isUnique) ? "Holdfast.TableError" : "Swift.Never"
        writeLine("", 0)
        writeLine("nonisolated \(access)struct Indexes: Holdfast.TableIndexes {", 1)
        writeLine("\(access)typealias Value = \(typeName)", 2)
        writeLine("\(access)typealias Failure = \(failure)", 2)
        for (number, index) in indexes.enumerated() {
            let field = index.field
            let name = FieldRules.storedName(of: field) ?? literal(field.name)
            let unique = index.isUnique ? ", unique: true" : ""
            writeLocation(of: field.token)
            writeLine(
                "\(access(of: field))let \(field.token.text) = Holdfast.TableIndex(\(number), \(name)\(unique)) "
                    + "{ (value: \(typeName)) in value.\(field.token.text) }", 2)
        }
        writeLocation(of: nil)
        writeLine("", 0)
        writeLine(
            "\(access)func visit(_ visitor: inout some Holdfast.TableIndexVisitor<\(typeName)>) {",
            2)
        for index in indexes { writeLine("visitor.visit(self.\(index.field.token.text))", 3) }
        writeLine("}", 2)
        writeLine("}", 1)
        writeLine("", 0)
        writeLine("nonisolated \(access)static var indexes: Indexes { Indexes() }", 1)
    }

    /// An index is not visible where its property is not, whose type could be hidden there.
    private func access(of field: Declaration.Field) -> String {
        let levels = ["public ", "package "]
        guard let outer = levels.firstIndex(of: access) else { return access }
        let own = levels.firstIndex { level in field.modifiers.contains { "\($0.text) " == level } }
        return own.map { levels[max(outer, $0)] } ?? ""
    }
}
