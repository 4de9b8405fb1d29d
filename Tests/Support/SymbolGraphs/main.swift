// Prepares the compiler's symbol graphs for `docc`. Reports public symbols that have no
// documentation, and those that have no place in it.
//
//     symbol-graphs FOLDER MODULE CATALOGUE [ENGINE]
//
// FOLDER holds MODULE.symbols.json, which is changed in place. A type alias of MODULE for a type of
// ENGINE, a module that is not a product, is replaced by that type with all its members, so that
// links to them resolve. Exits with status 1 if a public symbol has no documentation, or a
// top-level symbol is not named in CATALOGUE. Compiled and run by Docs/build-reference.sh; see
// there.

import Foundation

typealias Object = [String: Any]

struct Failure: Error, CustomStringConvertible { let description: String }

/// A module's symbols and their relationships, with easy access to the parts that matter here.
struct SymbolGraph {
    private var content: Object
    private let url: URL

    init(_ url: URL) throws {
        guard let content = try JSONSerialization.jsonObject(with: Data(contentsOf: url)) as? Object
        else {
            throw Failure(description: "\(url.path) is not a symbol graph")
        }
        self.content = content
        self.url = url
    }

    func save() throws { try JSONSerialization.data(withJSONObject: content).write(to: url) }

    var symbols: [Object] {
        get { content["symbols"] as? [Object] ?? [] }
        set { content["symbols"] = newValue }
    }
    var relationships: [Object] {
        get { content["relationships"] as? [Object] ?? [] }
        set { content["relationships"] = newValue }
    }
}

extension [String: Any] {
    var identifier: String { (self["identifier"] as? Object)?["precise"] as? String ?? "" }
    var kind: String { (self["kind"] as? Object)?["identifier"] as? String ?? "" }
    var path: [String] { self["pathComponents"] as? [String] ?? [] }
    var isDocumented: Bool { self["docComment"] != nil }
    /// Made by the compiler for each type that conforms to a protocol; documented at the protocol.
    var isSynthesized: Bool { identifier.contains("::SYNTHESIZED::") }
    var declaration: String {
        (self["declarationFragments"] as? [Object] ?? []).compactMap { $0["spelling"] as? String }
            .joined()
    }
    /// The file and line, for messages.
    var place: String {
        let location = self["location"] as? Object
        let line = ((location?["position"] as? Object)?["line"] as? Int ?? -1) + 1
        return "\((location?["uri"] as? String ?? "").replacing("file://", with: "")):\(line)"
    }
    /// The two ends of a relationship.
    var source: String { self["source"] as? String ?? "" }
    var target: String { self["target"] as? String ?? "" }
}

/// Replaces the module's aliases by the engine's types.
func replaceAliases(in graph: inout SymbolGraph, by engine: SymbolGraph, named name: String) {
    var taken: Set<String> = []
    graph.symbols.removeAll { symbol in
        guard symbol.kind == "swift.typealias", let path = symbol.path.first,
            symbol.path.count == 1,
            symbol.declaration.hasSuffix("= \(path)")
                || symbol.declaration.hasSuffix("= \(name).\(path)"),
            let original = engine.symbols.first(where: { $0.path == [path] })
        else { return false }
        taken.insert(original.identifier)
        return true
    }
    var before = 0
    while before != taken.count {
        before = taken.count
        for relationship in engine.relationships
        where relationship["kind"] as? String == "memberOf" && taken.contains(relationship.target) {
            taken.insert(relationship.source)
        }
    }
    graph.symbols += engine.symbols.filter { taken.contains($0.identifier) }
    graph.relationships += engine.relationships.filter { taken.contains($0.source) }
}

/// The public symbols without documentation, either their own or that of the requirement that they
/// implement.
func undocumented(_ graph: SymbolGraph) -> [Object] {
    let documented = Set(graph.symbols.filter(\.isDocumented).map(\.identifier))
    var inherited: Set<String> = []
    for relationship in graph.relationships {
        let isDefault = relationship["kind"] as? String == "defaultImplementationOf"
        if relationship["sourceOrigin"] != nil
            || isDefault && documented.contains(relationship.target)
        {
            inherited.insert(relationship.source)
        }
    }
    return graph.symbols.filter { symbol in
        !symbol.isDocumented && !symbol.isSynthesized && !inherited.contains(symbol.identifier)
            && !symbol.path.contains { $0.hasPrefix("_") }
    }
}

do {
    let arguments = CommandLine.arguments
    guard arguments.count == 4 || arguments.count == 5 else {
        throw Failure(description: "usage: symbol-graphs FOLDER MODULE CATALOGUE [ENGINE]")
    }
    let folder = URL(filePath: arguments[1])
    let module = arguments[2]
    var graph = try SymbolGraph(folder.appendingPathComponent("\(module).symbols.json"))
    if arguments.count == 5 {
        let engine = try SymbolGraph(folder.appendingPathComponent("\(arguments[4]).symbols.json"))
        replaceAliases(in: &graph, by: engine, named: arguments[4])
        try graph.save()
        // The engine's other symbols are not public here.
        try FileManager.default.removeItem(
            at: folder.appendingPathComponent("\(arguments[4]).symbols.json"))
    }

    let missing = undocumented(graph)
    for symbol in missing {
        print("\(symbol.place): error: \(symbol.path.joined(separator: ".")) has no documentation")
    }

    let catalogue = arguments[3]
    let pages = try FileManager.default.contentsOfDirectory(atPath: catalogue).filter {
        $0.hasSuffix(".md")
    }
    .map { try String(contentsOfFile: catalogue + "/" + $0, encoding: .utf8) }.joined(
        separator: "\n")
    let unplaced = graph.symbols.filter {
        // An overloaded name is followed by a hyphen and the types that select one overload.
        $0.path.count == 1 && !pages.contains("- ``\($0.path[0])``")
            && !pages.contains("- ``\($0.path[0])-")
            && !pages.contains("/\($0.path[0])``")
    }
    .filter { !$0.isSynthesized }
    for symbol in unplaced {
        print("\(symbol.place): error: \(symbol.path[0]) stands under no topic in \(catalogue)")
    }

    let count = graph.symbols.filter { !$0.isSynthesized }.count
    print(
        "\(module): \(count) public symbols, \(missing.count) without documentation, "
            + "\(unplaced.count) under no topic"
    )
    exit(missing.isEmpty && unplaced.isEmpty ? 0 : 1)
} catch {
    print("error: \(error)")
    exit(2)
}
