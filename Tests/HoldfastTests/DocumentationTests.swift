import Foundation
import Testing
import TestSupport

/// The code of the pages in `Docs` and of the reference, built and run as written.
///
/// `GettingStarted.md` is followed from its first line to its last: each Swift block names its
/// file, each console block is one shell session. On every other page the Swift blocks of one
/// section (`##`) form one program, which begins in an empty folder and is self-contained. A block
/// with an ellipsis is a sketch and is not run.
@Suite(.progress) struct DocumentationTests {
    /// Everything except the tutorial in `GettingStarted.md`, in one program, because compiling
    /// takes most of the time.
    @Test func samplesOfThePagesCompileAndRun() throws {
        let pages = try DocumentationPage.all.filter { $0 != "Docs/GettingStarted.md" }.map {
            try DocumentationPage($0)
        }
        let functions = pages.enumerated().flatMap { number, page in
            page.functions(named: "page\(number)").map { (page: page.path, function: $0) }
        }
        // The Guide alone has more.
        #expect(functions.count > 12)

        let folder = try TemporaryFolder()
        let modules = ["Foundation", "Holdfast", "HoldfastInspection", "MemoryMapping"]
        var source = modules.map { "import \($0)\n" }.joined()
        source += functions.map(\.function.source).joined()
        source += "switch CommandLine.arguments[1] {\n"
        source += functions.map { "case \"\($0.function.name)\": \($0.function.call)\n" }.joined()
        source += "default: fatalError()\n}\n"
        try folder.write(Data(source.utf8), to: "main.swift")
        let arguments = ["swiftc", "main.swift", "-o", "samples"] + CompilerRun.moduleArguments
        let compiled = try CompilerRun.run(arguments + CompilerRun.objects, in: folder.path)
        try #require(compiled.status == 0, "\(compiled.output)")
        for (page, function) in functions {
            let place = try TemporaryFolder()
            let ran = try CompilerRun.run([folder.file("samples"), function.name], in: place.path)
            #expect(ran.status == 0, "\(page), \(function.section): \(ran.output)")
        }
    }

    /// Twenty minutes for a reader, with `swift run` replaced by the compiler alone except in the
    /// long extent (`HOLDFAST_TESTS=long`).
    @Test func gettingStartedCanBeFollowed() throws {
        let page = try DocumentationPage("Docs/GettingStarted.md")
        let place = try TemporaryFolder()
        let tools = try TemporaryFolder()
        if TestExtent.current != .long {
            try writeShortcut(to: tools)
        }
        try FileManager.default.createSymbolicLink(
            atPath: place.file("holdfast"), withDestinationPath: packageFolder.path)

        var folder = place.path
        var sessions = 0
        var programs = 0
        for block in page.blocks {
            switch block.language {
            case "swift":
                let file = try #require(block.file, "the block at line \(block.line) names no file")
                let text = block.lines.dropFirst().joined(separator: "\n") + "\n"
                try Data(text.utf8).write(to: URL(filePath: folder + "/" + file))
                programs += 1
            case "console":
                let session = ConsoleSession(block)
                let outcome = try session.run(in: folder, tools: tools.path)
                try #require(
                    outcome.printed.count == session.commands.count,
                    "line \(block.line): \(outcome.complaints)")
                for (printed, command) in zip(outcome.printed, session.commands) {
                    try #require(
                        ConsoleSession.matches(printed, command.expected),
                        "line \(block.line): \(command.command) printed \(printed); \(outcome.complaints)"
                    )
                }
                folder = outcome.folder
                sessions += 1
            default:
                Issue.record("the block at line \(block.line) is neither Swift nor a console")
            }
        }
        #expect(sessions > 6 && programs > 6)
    }

    /// `swift run NAME` without a build of the whole package: the sources of the target, against
    /// the modules that this test was built with.
    private func writeShortcut(to tools: TemporaryFolder) throws {
        let arguments = (CompilerRun.moduleArguments + CompilerRun.objects).map { "'\($0)'" }
            .joined(separator: " ")
        let shortcut = """
            #!/usr/bin/env bash
            set -e
            if [ "$1" != run ]; then PATH="${PATH#*:}" exec swift "$@"; fi
            target=$2; shift 2
            sources=(Sources/"$target"/*.swift)
            sum=$(cat "${sources[@]}" | cksum | cut -d ' ' -f 1)
            program='\(tools.path)'/$target-$sum
            if [ ! -e "$program" ]; then
                # Under another name first: two may do this at once.
                swiftc "${sources[@]}" -module-name "$target" -o "$program-$$" \(arguments) >&2
                mv "$program-$$" "$program"
            fi
            exec "$program" "$@"

            """
        try tools.write(Data(shortcut.utf8), to: "swift")
        try FileManager.default.setAttributes(
            [.posixPermissions: 0o755], ofItemAtPath: tools.file("swift"))
    }

    /// The comparison of the output with the page can fail.
    @Test func whatAConsoleBlockExpects() {
        #expect(ConsoleSession.matches("120 bolts\n", "120 bolts\n"))
        #expect(!ConsoleSession.matches("120 bolts\n", "121 bolts\n"))
        #expect(!ConsoleSession.matches("120 bolts\n", ""))
        #expect(!ConsoleSession.matches("", "120 bolts\n"))
        #expect(ConsoleSession.matches("made 12 files in 3 s\n", "made … files in … s\n"))
        #expect(!ConsoleSession.matches("made 12 files in 3 ms\n", "made … files in … s \n"))
    }
}
