import Foundation
import Testing
import TestSupport

/// Help, completions and the manual, all generated from the one table of verbs.
@Suite struct HelpTests {
    private static let verbs = [
        "info", "check", "show", "diff", "map", "dump", "load", "copy", "compact", "grow", "shrink",
        "bench", "watch", "metrics", "completions",
    ]

    @Test(arguments: verbs) func everyVerbHasHelp(_ verb: String) throws {
        let help = try Command.run("help", verb)
        #expect(help.status == 0 && help.error.isEmpty)
        for text in ["Usage: holdfast \(verb)", "Options:", "--help", "Examples:"] {
            #expect(help.output.contains(text), "\(text)")
        }
        #expect(help.output.split(separator: "\n").allSatisfy { $0.count <= 80 }, "\(help.output)")
        #expect(
            try Command.run(verb, "--help").output == help.output
                && Command.run(verb, "-h").output == help.output)
    }

    @Test func theOverviewHasAllVerbs() throws {
        let output = try Command.run("--help").output
        for verb in Self.verbs { #expect(output.contains("  \(verb) "), "\(verb)") }
        #expect(try Command.run("--version").output.contains("format 1"))
    }

    @Test func theManualHasAllVerbs() throws {
        let page = try Command.run("help", "--manual").output
        #expect(page.hasPrefix(".TH HOLDFAST 1"))
        for verb in Self.verbs { #expect(page.contains(".SS holdfast \(verb)"), "\(verb)") }
        // Lines that begin with a period are commands of the page's language; all of them must be
        // known.
        let commands = Set(
            page.split(separator: "\n").filter { $0.hasPrefix(".") }.map { $0.prefix { $0 != " " } }
        )
        #expect(commands.isSubset(of: [".TH", ".SH", ".SS", ".PP", ".TP", ".B", ".I", ".br"]))
    }

    @Test func bashCompletes() throws {
        let folder = try TemporaryFolder(heap: "inventory.heap")
        for name in ["a.heap", "a heap.heap"] { try folder.write(Data(), to: name) }
        func completions(_ words: String, of last: String) throws -> [String] {
            let line =
                "source <($holdfast completions bash); COMP_WORDS=(\(words) '\(last)'); COMP_CWORD=$((${#COMP_WORDS[@]}-1)); _holdfast; printf '%s\\n' \"${COMPREPLY[@]}\""
            return try Command.shell(line, in: folder).output.split(separator: "\n").map(
                String.init)
        }
        #expect(try completions("holdfast", of: "co") == ["copy", "compact", "completions"])
        #expect(try completions("holdfast info", of: "--j") == ["--json"])
        #expect(try Set(completions("holdfast info", of: "a")) == ["a.heap", "a heap.heap"])
        #expect(try completions("holdfast completions", of: "") == ["bash", "zsh", "fish"])
        #expect(try completions("holdfast check a.heap --repair", of: "a.").contains("a.heap"))
        #expect(try completions("holdfast help", of: "ch") == ["check"])
    }

    /// Even without the shells installed, their scripts are complete.
    @Test(arguments: ["bash", "zsh", "fish"]) func scriptsHaveEverything(_ shell: String) throws {
        let script = try Command.run("completions", shell).output
        for verb in Self.verbs { #expect(script.contains(verb), "\(verb)") }
        for option in ["json", "repair", "limit", "interval", "timeout"] {
            #expect(script.contains(option), "\(option)")
        }
        let folder = try TemporaryFolder(heap: "inventory.heap")
        try folder.write(Data(script.utf8), to: "script")
        let check = try Command.shell(
            "command -v \(shell) > /dev/null || exit 0; \(shell) -n script", in: folder)
        #expect(check.status == 0 && check.error.isEmpty, "\(check.error)")
    }
}
