import Foundation
import Holdfast
import Testing
import TestSupport

#if canImport(FoundationXML)
    import FoundationXML
#endif

/// `map`: the picture in the terminal, in files, and as JSON.
@Suite(.progress) struct MapVerbTests {
    private let folder: TemporaryFolder
    private let path: String

    init() throws {
        folder = try TemporaryFolder(heap: "inventory.heap")
        path = try Inventory.make(folder)
    }

    @Test func theDrawingHasEveryRootInItsLegend() throws {
        let outcome = try Command.run("map", path, "--width", "70")
        #expect(outcome.status == 0 && outcome.error.isEmpty)
        for name in ["stock", "log", "people", "notes", "catalogue of roots", "checksums"] {
            #expect(outcome.output.contains(name))
        }
        #expect(outcome.output.split(separator: "\n").allSatisfy { $0.count <= 70 })
        #expect(!outcome.output.contains("\u{1B}"))
    }

    @Test func aTerminalGetsColours() throws {
        let terminal = try Command.terminal("map", path, columns: 60)
        #expect(try terminal.waitForEnd() == .exited(0))
        #expect(terminal.output.contains("\u{1B}[38;5;") && terminal.output.contains("█"))
        let plain = try Command.terminal("map", path, environment: ["NO_COLOR": "1"])
        #expect(try plain.waitForEnd() == .exited(0))
        #expect(!plain.output.contains("\u{1B}[38;5;"))
    }

    @Test func picturesAreFilesThatParse() throws {
        let outcome = try Command.run(
            "map", path, "--svg", folder.file("a.svg"), "--html", folder.file("a.html"))
        #expect(
            outcome.status == 0 && outcome.output.contains("a.svg")
                && outcome.output.contains("a.html"))
        let parser = XMLParser(data: try folder.bytes("a.svg"))
        #expect(parser.parse())
        let page = String(decoding: try folder.bytes("a.html"), as: UTF8.self)
        #expect(
            page.hasPrefix("<!DOCTYPE html>") && page.contains("stock")
                && !page.contains("http-equiv") && !page.contains("src="))
        #expect(folder.names == ["a.html", "a.svg", "inventory.heap"])
    }

    /// Every page once; the bytes of roots add up to the bytes that `info` reports as in use.
    @Test func theAccountIsWhole() throws {
        let json = try Command.run("map", "--json", path).json
        let stretches = try #require(json["stretches"] as? [[String: Any]])
        var next = 0
        for stretch in stretches {
            #expect(stretch["firstPage"] as? Int == next)
            next += try #require(stretch["pages"] as? Int)
        }
        #expect(next == json["pageCount"] as? Int)
        let used = stretches.reduce(0) { $0 + ($1["usedBytes"] as? Int ?? 0) }
        #expect(used == (try Command.run("info", "--json", path).json["usedBytes"] as? Int))
        #expect(json["isComplete"] as? Bool == true)
    }

    /// A picture must not overwrite the heap.
    @Test func theHeapItselfIsNoPlaceForAPicture() throws {
        let before = try folder.bytes()
        try FileManager.default.createSymbolicLink(
            atPath: folder.file("link"), withDestinationPath: path)
        for target in [path, folder.file("link")] {
            let outcome = try Command.run("map", path, "--svg", target)
            #expect(outcome.status == 1 && outcome.error.contains("the heap itself"))
        }
        #expect(try folder.bytes() == before)
    }

    /// Only an earlier picture is replaced.
    @Test func otherFilesAreNoPlaceForAPicture() throws {
        try folder.write(Data("dear diary\n".utf8), to: "diary")
        try folder.write(try folder.bytes(), to: "other.heap")
        for name in ["diary", "other.heap"] {
            let before = try folder.bytes(name)
            let outcome = try Command.run("map", path, "--svg", folder.file(name))
            #expect(outcome.status == 1 && outcome.error.contains("was not changed"), "\(outcome)")
            #expect(try folder.bytes(name) == before)
        }
        for _ in 0 ..< 2 {
            #expect(try Command.run("map", path, "--svg", folder.file("a.svg")).status == 0)
        }
    }

    @Test func picturesThatCannotBeWritten() throws {
        let outcome = try Command.run("map", path, "--html", folder.file("none") + "/a.html")
        #expect(
            outcome.status == 1 && outcome.error.split(separator: "\n").count == 1
                && outcome.error.contains("a.html"))
        let full = try Command.shell(
            "ulimit -f 1; $holdfast map inventory.heap --svg picture.svg", in: folder)
        #expect(
            full.status == 1 && full.error.contains("limit for the size of files")
                && folder.names == ["inventory.heap"])
        #expect(try Command.run("map", path, "--width", "7").status == 2)
    }

    @Test func damageIsDrawnAndNamed() throws {
        try folder.damage(at: 6 * 4096 + 100)
        let outcome = try Command.run("map", path)
        #expect(outcome.status == 1 && outcome.error.contains("page 6 does not match its checksum"))
        #expect(outcome.output.contains("wrong checksum"))
    }
}
