import Foundation
import Holdfast
import Testing
import TestSupport

/// `show`, `dump` and `load`.
@Suite(.progress) struct ShowTests {
    private let folder: TemporaryFolder
    private let path: String

    init() throws {
        folder = try TemporaryFolder(heap: "inventory.heap")
        path = try Inventory.make(folder)
    }

    /// The output of `show`, without its last newline.
    private func show(_ arguments: String...) throws -> String {
        let outcome = try Command.run(["show", path] + arguments)
        #expect(outcome.status == 0 && outcome.error.isEmpty, "\(arguments) \(outcome)")
        return String(outcome.output.dropLast())
    }

    @Test func roots() throws {
        let output = try show()
        for text in ["log", "Array<Movement>", "1,000", "version of shop", "Value<Int>"] {
            #expect(output.contains(text), "\(text)")
        }
    }

    @Test func paths() throws {
        #expect(try show("stock.bolt") == "stock.bolt =  7")
        #expect(try show("stock[\"left hand\"]").hasSuffix("=  37"))
        #expect(try show("stock[nut]").hasSuffix("=  17"))
        #expect(try show("log[3]").contains("item   3") && show("log[3]").contains("delta  9"))
        #expect(try show("log[-1].delta").hasSuffix("=  998001"))
        #expect(try show("[\"log\"][2].item").hasSuffix("=  2"))
        #expect(try show("people[1815].name").hasSuffix("=  \"Ada\""))
        #expect(try show("people.1815.friend") == "nil")
        #expect(try show("version of shop").hasSuffix("=  3"))
    }

    @Test func partsOfLongLists() throws {
        let lines = try show("log", "--from", "500", "--limit", "3").split(separator: "\n")
        #expect(
            lines.count == 5 && lines[1].contains("[500]") && lines[3].contains("[502]")
                && lines[4].contains("continue with --from 503"))
        #expect(try show("log").split(separator: "\n").count == 102)
        #expect(try show("log", "--from", "999").contains("item: 999"))
        #expect(try show("log", "--from", "5000").contains("0 of 1,000"))
        let json = try Command.run("show", path, "log", "--json", "--from", "998").json
        #expect(
            json["count"] as? Int == 1000
                && (json["value"] as? [[String: Any]])?.map { $0["delta"] as? Int } == [
                    998 * 998, 999 * 999,
                ])
    }

    /// Control characters in the data do not reach the terminal.
    @Test func textIsShownSafely() throws {
        let output = try show("notes")
        #expect(output.contains("first line\nsecond \\u{1B}[31mline") && !output.contains("\u{1B}"))
    }

    @Test func waysThatLeadNowhere() throws {
        let expected = [
            "stock.screw": "stock is a Map<String, Int>, count 4",
            "log[1000]": "log is a Array<Movement>, count 1,000",
            "log[3].colour": "fields item, delta",
            "people[1816]": "people is", "people.Ada": "people is",
            "stock.bolt.more": "stock.bolt is a Int",
            "nothing": "no root named",
        ]
        for (way, text) in expected {
            let outcome = try Command.run("show", path, way)
            #expect(
                outcome.status == 1 && outcome.output.isEmpty && outcome.error.contains(text),
                "\(way) \(outcome.error)")
            #expect(outcome.error.split(separator: "\n").count == 1)
        }
        for way in ["", "log[", "log[]", "log[1", "log..a", "stock[\"a", "stock[\"\\q\"]", "log]"] {
            let outcome = try Command.run("show", path, way)
            #expect(
                outcome.status == 2 && outcome.error.contains("path"), "\(way) \(outcome.error)")
        }
    }

    // MARK: Lines

    @Test func everythingComesBack() throws {
        let lines = folder.file("all.jsonl")
        #expect(try Command.run("dump", path, "--to", lines).status == 0)
        let loaded = try Command.run("load", folder.file("new.heap"), lines)
        #expect(
            loaded.status == 0 && loaded.output.contains("made")
                && loaded.output.contains("5 roots"))
        #expect(
            try Command.run("dump", folder.file("new.heap"), "--to", folder.file("again.jsonl"))
                .status == 0)
        // Maps have another order in another heap.
        func sorted(_ name: String) throws -> [Substring] {
            String(decoding: try folder.bytes(name), as: UTF8.self).split(separator: "\n").sorted()
        }
        #expect(
            try sorted("all.jsonl") == sorted("again.jsonl") && sorted("all.jsonl").count > 1000)
        let outcome = try Command.shell(
            "$holdfast dump inventory.heap log | $holdfast load piped.heap", in: folder)
        #expect(outcome.status == 0)
        #expect(
            try Command.run("show", folder.file("piped.heap"), "log[-1].item").output.hasSuffix(
                "999\n"))
    }

    /// A heap that is made from a private file of lines is as private; from any other source it has
    /// the usual permissions.
    @Test func aHeapOfPrivateLinesIsPrivate() throws {
        let folder = try TemporaryFolder()
        let made = try Command.shell(
            #"""
            umask 022
            printf '%s\n%s\n' '{"holdfast":1,"root":"n","type":"Array<Int>","count":1}' 1 >lines
            $holdfast load public.heap lines >/dev/null && chmod 600 lines
            $holdfast load private.heap lines >/dev/null
            $holdfast load piped.heap <lines >/dev/null
            cat lines | $holdfast load pipe.heap >/dev/null
            stat -c '%n %a' *.heap
            """#, in: folder)
        #expect(
            made.output
                == "pipe.heap 644\npiped.heap 600\nprivate.heap 600\npublic.heap 644\n",
            "\(made.error)")
    }

    @Test func loadingIsAllOrNothing() throws {
        let line = #"{"holdfast":1,"root":"fine","type":"Array<Int>","count":2}"# + "\n1\n"
        let before = folder.contents
        let bad = try Command.run("load", path, input: line + "\"two\"\n")
        #expect(bad.status == 1 && bad.error.contains("Line 3"))
        #expect(try Command.run("show", path, "fine").status == 1)
        #expect(folder.names == Array(before.keys))
        // A new heap is not created either.
        #expect(try Command.run("load", folder.file("new.heap"), input: line).status == 1)
        #expect(folder.names == Array(before.keys))
        #expect(try Command.run("load", path, input: line + "2\n").status == 0)
        #expect(try Command.run("show", path, "fine[1]").output.hasSuffix("2\n"))
        // The second time, the root already exists.
        let again = try Command.run("load", path, input: line + "2\n")
        #expect(again.status == 1 && again.error.contains("--as"))
        #expect(try Command.run("load", path, "--as", "finer", input: line + "2\n").status == 0)
        #expect(try Command.run("load", path, folder.file("missing.jsonl")).status == 1)
    }
}
