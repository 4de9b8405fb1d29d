import Foundation
import Holdfast
import Testing

@Suite struct SharedDictionaryTests {
    private let folder: TemporaryFolder
    private let dictionary: Example
    private let heap: String
    private let words: String

    init() throws {
        folder = try TemporaryFolder()
        dictionary = Example(name: "shared-dictionary", folder: folder)
        heap = folder.file("words.heap")
        words = folder.file("words.txt")
    }

    @Test func whatIsDefinedIsFound() throws {
        // The package's own documents, each line under a name of its own, the last one without a
        // newline.
        var lines: [String] = []
        for name in ["README.md", "Docs/Guarantees.md", "Docs/Architecture.md"] {
            let text = try String(
                contentsOf: repositoryFolder.appendingPathComponent(name), encoding: .utf8)
            for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false)
                .enumerated()
            {
                lines.append("\(name):\(number)\t\(line)")
            }
        }
        try folder.write(lines.joined(separator: "\n"), to: "words.txt")
        #expect(
            try dictionary.lines("build", heap, words).first?.hasPrefix("\(lines.count) words, ")
                == true)
        for line in lines where line.hashValue % 40 == 0 {
            let parts = line.split(separator: "\t", maxSplits: 1, omittingEmptySubsequences: false)
                .map(String.init)
            #expect(try dictionary.lines("look-up", heap, parts[0]) == [parts[1]])
        }
        try dictionary.lines(
            "define", heap, "README.md:0", "something else, which is longer than what was there")
        try dictionary.lines("define", heap, "new", "ünïcode")
        #expect(
            try dictionary.lines("look-up", heap, "README.md:0") == [
                "something else, which is longer than what was there"
            ])
        #expect(try dictionary.lines("look-up", heap, "new") == ["ünïcode"])
        #expect(folder.names == ["words.heap", "words.txt"])
    }

    /// Four processes that have read the whole dictionary take little more memory than its size,
    /// and all see the last of a thousand changes.
    @Test func readersShareOneCopy() throws {
        try dictionary.lines("generate", words, "200000")
        try dictionary.lines("build", heap, words)
        let size = try Double(folder.size("words.heap")) / 1e6
        let lines = try dictionary.lines("demo", heap, "--readers", "4", "--changes", "1000")
        try #require(lines.count == 7, "\(lines)")
        #expect(lines[0].hasPrefix("the dictionary has 200000 words and takes \(Int(size))."))
        for number in 1 ... 4 {
            #expect(
                lines[1 + number].hasPrefix("reader \(number) found ")
                    && lines[1 + number].hasSuffix(" saw edition 1000"))
        }
        #if os(Linux)
            for line in [lines[1], lines[6]] {
                let figures = line.split { !$0.isNumber && $0 != "." }.compactMap { Double($0) }
                    .filter { $0 > 4 && $0 != 1000 }
                try #require(figures.count == 2, "\(line)")
                #expect(figures[0] > 4 * size, "\(line)")
                #expect(figures[1] < 2 * size, "\(line)")
            }
        #else
            #expect(lines[1].contains("is not measured on this system"))
        #endif
        #expect(folder.names == ["words.heap", "words.txt"])
    }

    /// Readers of a demonstration that is killed end by themselves: no process has the heap open,
    /// so that it can be replaced.
    @Test func noProcessIsLeftBehind() throws {
        try dictionary.lines("generate", words, "1000")
        try dictionary.lines("build", heap, words)
        let process = try dictionary.start(["demo", heap, "--readers", "2", "--changes", "1000000"])
        #expect(try process.readLine().hasPrefix("the dictionary has 1000 words"))
        _ = try process.readLine()
        process.destroy()
        let opened = try PersistentHeap.open(heap)
        let isAlone = try waitUntil { try opened.views().count == 1 }
        #expect(isAlone)
        try opened.close()
        #expect(folder.names.filter { $0.hasPrefix("words") } == ["words.heap", "words.txt"])
    }

    @Test func mistakesGetOneLine() throws {
        for arguments in [
            [], ["build", heap], ["look-up", heap], ["define", heap, "a"], ["demo"],
            ["demo", heap, "--readers", "0"],
            ["generate", words, "0"],
        ] {
            let outcome = try dictionary.run(arguments)
            #expect(outcome.isMistake(2, "shared-dictionary: "), "\(arguments): \(outcome)")
        }
        for arguments in [["look-up", heap, "a"], ["define", heap, "a", "b"], ["demo", heap]] {
            let outcome = try dictionary.run(arguments)
            #expect(outcome.isMistake(1, "no heap file"), "\(arguments): \(outcome)")
        }
        #expect(try dictionary.run("build", heap, words).isMistake(1, "No such file"))
        try folder.write("one\t1\nno tab\n", to: "words.txt")
        #expect(try dictionary.run("build", heap, words).isMistake(1, "line 2"))
        #expect(folder.names == ["words.txt"])
        try folder.write("", to: "words.txt")
        try dictionary.lines("build", heap, words)
        #expect(try dictionary.run("demo", heap).isMistake(1, "has no words yet"))
        #expect(try dictionary.run("build", heap, words).isMistake(1, "A file already exists at"))
        #expect(try dictionary.run("look-up", heap, "a").isMistake(1, "does not have the word"))
        // A damaged page, in a dictionary with several pages.
        try folder.write(
            (0 ..< 2000).map { "word \($0)\tmeaning \($0)\n" }.joined(), to: "words.txt")
        try dictionary.lines("build", folder.file("damaged"), words)
        var bytes = try Data(contentsOf: URL(filePath: folder.file("damaged")))
        for page in 2 ..< bytes.count / 4096 { bytes[page * 4096 + 100] ^= 1 }
        try bytes.write(to: URL(filePath: folder.file("damaged")))
        for command in [["look-up", "word 1"], ["define", "a", "b"], ["demo"]] {
            let outcome = try dictionary.run(
                [command[0], folder.file("damaged")] + command.dropFirst())
            #expect(outcome.isMistake(1, "do not match their checksums"), "\(command): \(outcome)")
        }
        try folder.write("not a heap", to: "foreign")
        for command in [["look-up", "a"], ["define", "a", "b"], ["demo"]] {
            let outcome = try dictionary.run(
                [command[0], folder.file("foreign")] + command.dropFirst())
            #expect(outcome.isMistake(1, "not a Holdfast heap"), "\(command): \(outcome)")
        }
    }
}
