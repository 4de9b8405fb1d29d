import Foundation
import Holdfast
import MemoryMapping
import Testing
import TestSupport

/// The example program, run by its built executable like a user would.
@Suite(.progress) struct WordIndexTests {
    private struct Outcome {
        var status: Int32
        var output: String
        var error: String
        var lines: [String] { output.split(separator: "\n").map(String.init) }
    }

    private func process(_ arguments: [String]) -> (process: Process, output: Pipe, error: Pipe) {
        let process = Process()
        process.executableURL = productsFolder.appendingPathComponent("word-index")
        process.arguments = arguments
        let output = Pipe()
        let error = Pipe()
        process.standardOutput = output
        process.standardError = error
        return (process, output, error)
    }

    private func run(_ arguments: String...) throws -> Outcome {
        let (process, output, error) = process(arguments)
        try process.run()
        let text = String(
            decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        let complaint = String(
            decoding: error.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        return Outcome(status: process.terminationStatus, output: text, error: complaint)
    }

    /// Files with one unique word each, beside many others.
    private func makeTexts(_ folder: TemporaryFolder, count: Int, wordsEach: Int) throws {
        try FileManager.default.createDirectory(
            atPath: folder.file("texts"), withIntermediateDirectories: true)
        for number in 0 ..< count {
            var text = "Unique\(number) common\n"
            for word in 0 ..< wordsEach { text += "w\(word * 7 % 997) and w\(word * 13 % 1009)\n" }
            try folder.write(Data(text.utf8), to: "texts/file\(number).txt")
        }
    }

    /// A path is bytes: one that is not UTF-8 names that file and no other.
    @Test func pathsThatAreNotUnicode() throws {
        let folder = try TemporaryFolder()
        try makeTexts(folder, count: 1, wordsEach: 1)
        let shell = Process()
        shell.executableURL = URL(filePath: "/bin/sh")
        shell.arguments = [
            "-c", #"exec "$0" build "$1/$(printf 'a\351.heap')" "$1/texts""#,
            productsFolder.appendingPathComponent("word-index").path, folder.path,
        ]
        shell.standardOutput = FileHandle.nullDevice
        try shell.run()
        shell.waitUntilExit()
        #expect(shell.terminationStatus == 0)
        let path = PathBytes.text(Array(folder.path.utf8) + Array("/a".utf8) + [0xe9])
        let heap = try PersistentHeap.open(path + ".heap", mode: .readOnly)
        #expect(try heap.read { $0.roots.count } > 0)
        try heap.close()
    }

    @Test func buildsFindsAndGoesOn() throws {
        let folder = try TemporaryFolder()
        try makeTexts(folder, count: 3, wordsEach: 10)
        let heap = folder.file("words.heap")
        #expect(try run("build", heap, folder.file("texts")).status == 0)
        let found = try run("find", heap, "unique1")
        #expect(found.status == 0)
        #expect(found.lines == [folder.file("texts/file1.txt") + ":1"])
        #expect(try run("find", heap, "COMMON").lines.count == 3)
        #expect(
            try run("find", heap, "common", "unique2").lines == [
                folder.file("texts/file2.txt") + ":1"
            ])
        let nothing = try run("find", heap, "nowhere")
        #expect(nothing.status == 1 && nothing.output.isEmpty)
        // A changed file is indexed again, and its old lines are no longer found; other files are
        // not touched.
        try folder.write(Data("\n\nunique1 moved".utf8), to: "texts/file1.txt")
        let again = try run("build", heap, folder.file("texts"))
        #expect(again.lines.filter { $0.hasPrefix("indexed") }.count == 1)
        #expect(try run("find", heap, "unique1").lines == [folder.file("texts/file1.txt") + ":3"])
        #expect(folder.names == ["texts", "words.heap"])
    }

    @Test func mistakesGetOneLineAndAStatus() throws {
        let folder = try TemporaryFolder()
        #expect(try run().status == 2)
        let missing = try run("find", folder.file("none.heap"), "word")
        #expect(missing.status == 1 && missing.error.contains("no heap file"))
        try folder.write(Data("not a heap at all".utf8), to: "text.heap")
        let foreign = try run("find", folder.file("text.heap"), "word")
        #expect(foreign.status == 1 && foreign.error.split(separator: "\n").count == 1)
    }

    /// `kill -9` in the middle of `build`: every file that was reported as done is found, and the
    /// next build completes the rest.
    @Test(arguments: 0 ..< 5) func killedWhileBuilding(round: Int) throws {
        let folder = try TemporaryFolder()
        let count = 60
        try makeTexts(folder, count: count, wordsEach: 200)
        let heap = folder.file("words.heap")
        let (process, output, _) = process(["build", heap, folder.file("texts")])
        try process.run()
        // Killed at another place in each round: as soon as that many files have been reported.
        var text = ""
        while text.split(separator: "\n").count < 2 + round * 9 {
            let more = output.fileHandleForReading.availableData
            if more.isEmpty { break }
            text += String(decoding: more, as: UTF8.self)
        }
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        text += String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        // The last line may be incomplete.
        let reported = text.split(separator: "\n").filter {
            $0.hasPrefix("indexed ") && $0.hasSuffix(" words")
        }
        #expect(reported.count >= 1)
        for line in reported {
            let path = line.dropFirst("indexed ".count).prefix { $0 != ":" }
            let number = path.split(separator: "/").last!.dropFirst(4).dropLast(4)
            let found = try run("find", heap, "unique\(number)")
            #expect(found.lines == ["\(path):1"], "\(line), reported before the kill, is missing")
        }
        let rest = try run("build", heap, folder.file("texts"))
        #expect(rest.status == 0)
        #expect(rest.lines.filter { $0.hasPrefix("indexed") }.count <= count - reported.count)
        #expect(try run("find", heap, "common").lines.count == count)
        let opened = try PersistentHeap.open(heap, mode: .readOnly)
        #expect(try opened.audit().problems == [])
    }
}
