import Foundation
import Testing
import TestSupport

/// Everything that the pages name exists: links and their headings, files and folders, test suites
/// and tests.
@Suite(.progress) struct DocumentationReferenceTests {
    private static let folders = ["Docs", "Sources", "Tests", "Examples"]

    /// Every file of the repository, relative to its root, except build products.
    private static let files: [String] = folders.flatMap { folder in
        let names = FileManager.default.enumerator(atPath: packageFolder.path + "/" + folder)
        var found: [String] = [folder]
        while let name = names?.nextObject() as? String {
            if name.hasSuffix(".build") {
                names?.skipDescendants()
            } else {
                found.append(folder + "/" + name)
            }
        }
        return found
    }

    private static func text(_ path: String) throws -> String {
        try String(contentsOf: packageFolder.appendingPathComponent(path), encoding: .utf8)
    }

    private static let pages =
        ["README.md"] + files.filter { $0.hasPrefix("Docs/") && $0.hasSuffix(".md") }.sorted()

    /// The sources of all tests as one string.
    private static let tests: String = files.filter {
        ($0.hasPrefix("Tests/") || $0.hasPrefix("Examples/Tests/")) && $0.hasSuffix(".swift")
    }
    .compactMap { try? text($0) }.joined(separator: "\n")

    /// The text between single backticks outside of blocks of code.
    private static func quoted(_ page: String) -> [String] {
        var isInside = false
        var quoted: [String] = []
        for line in page.split(separator: "\n") {
            if line.hasPrefix("```") { isInside.toggle() }
            if isInside { continue }
            let parts = line.split(separator: "`", omittingEmptySubsequences: false)
            quoted += stride(from: 1, to: parts.count - 1, by: 2).map { String(parts[$0]) }
        }
        return quoted
    }

    @Test(arguments: pages) func suitesAndTestsAreThere(path: String) throws {
        for name in Self.quoted(try Self.text(path)) {
            guard name.wholeMatch(of: /([A-Z]\w*Tests)(\.\w+)*/) != nil else { continue }
            for part in name.split(separator: ".") {
                let isSuite = part.first?.isUppercase == true
                let declaration =
                    isSuite
                    ? ["struct \(part)", "class \(part)", "enum \(part)"] : ["func \(part)("]
                let isTarget =
                    isSuite
                    && ["Tests", "Examples/Tests"].contains { Self.files.contains("\($0)/\(part)") }
                #expect(
                    isTarget || declaration.contains { Self.tests.contains($0) },
                    "\(path) names \(name)")
            }
        }
    }

    @Test(arguments: pages) func filesAreThere(path: String) throws {
        for name in Self.quoted(try Self.text(path))
        where name.contains("/") && !name.contains(" ") && !name.contains("…") {
            let isFile =
                name.hasSuffix(".swift") || name.hasSuffix(".sh") || name.hasSuffix(".h")
                || name.hasSuffix(".md")
            let isOurs = Self.folders.contains { name.hasPrefix($0 + "/") }
            // Paths of a reader's own package, in the tutorial.
            guard isFile || isOurs, !name.hasPrefix("Sources/inventory/") else { continue }
            let folder = name.hasSuffix("/") ? String(name.dropLast()) : name
            #expect(
                Self.files.contains { $0 == folder || $0.hasSuffix("/" + folder) },
                "\(path) names \(name)")
        }
    }

    /// The anchor of a heading in a link, as on GitHub and elsewhere.
    private static func anchor(_ heading: Substring) -> String {
        String(
            heading.lowercased().compactMap {
                $0 == " " ? "-" : $0.isLetter || $0.isNumber || $0 == "-" || $0 == "_" ? $0 : nil
            })
    }

    @Test(arguments: pages) func linksLeadSomewhere(path: String) throws {
        let page = try Self.text(path)
        let file = URL(filePath: packageFolder.path + "/" + path)
        for match in page.matches(of: /\]\(([^)\s]+)\)/) where !match.1.contains("://") {
            let parts = match.1.split(
                separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
            let target =
                parts[0].isEmpty
                ? file : file.deletingLastPathComponent().appendingPathComponent(String(parts[0]))
            #expect(
                FileManager.default.fileExists(atPath: target.standardized.path),
                "\(path) links to \(match.1)")
            guard parts.count > 1, target.path.hasSuffix(".md") else { continue }
            let headings = try String(contentsOf: target, encoding: .utf8).split(separator: "\n")
                .filter { $0.hasPrefix("#") }
            let anchors = headings.map { Self.anchor($0.drop { $0 == "#" }.dropFirst()) }
            #expect(anchors.contains(String(parts[1])), "\(path) links to \(match.1)")
        }
    }
}
