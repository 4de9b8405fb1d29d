import Foundation
import Holdfast
import Testing

@Suite struct CSVIndexTests {
    private let folder: TemporaryFolder
    private let index: Example
    private let file: String

    init() throws {
        folder = try TemporaryFolder()
        index = Example(name: "csv-index", folder: folder)
        file = folder.file("data.csv")
    }

    /// A row as the test's values, and as written in the file.
    private struct Entry {
        var number: Int
        var price: Double
        var word: String
        var line: String

        init(_ number: Int, _ random: inout SystemRandomNumberGenerator) {
            self.number = number
            price = Double(Int.random(in: -2_000 ... 2_000, using: &random)) / 4
            word = [
                "plain", "comma, inside", "a \"quote\"", "two\nlines", "", "ünïcode", "line\r\nend",
            ].randomElement(
                using: &random)!
            line = "\(number),\"\(word.replacingOccurrences(of: "\"", with: "\"\""))\",\(price)"
        }
    }

    private func text(_ entries: some Collection<Entry>) -> String {
        entries.map { $0.line + "\r\n" }.joined()
    }

    /// Returns the program's answer to a query, without the header. Rows of several lines are one
    /// string.
    private func answer(_ arguments: String...) throws -> String {
        let outcome = try index.run(["query", file] + arguments)
        try #require(outcome.status == 0, "\(outcome)")
        return outcome.lines.dropFirst().joined(separator: "\n")
    }

    private func expected(_ entries: [Entry], limit: Int = .max) -> String {
        // Without the carriage return before the end of the row, but with the one inside quotes.
        entries.prefix(limit).map(\.line).joined(separator: "\n")
    }

    @Test func answersAreThoseOfAWalkOverAllRows() throws {
        var random = SystemRandomNumberGenerator()
        var entries = (0 ..< 3000).map { Entry($0, &random) }
        try folder.write(
            "\u{feff}number,\"a \"\"word\"\"\",price\r\n" + text(entries), to: "data.csv")
        let built = try index.run("build", file)
        #expect(
            built.status == 0 && built.error.isEmpty
                && built.lines[1] == "columns: number, a \"word\", price", "\(built)")
        for step in 0 ..< 2 {
            // The sort is stable, and so is the answer: rows with the same value are in the order
            // of the file.
            let byPrice = entries.sorted { $0.price < $1.price }
            #expect(
                try answer("price", "10..20")
                    == expected(byPrice.filter { (10 ... 20).contains($0.price) }))
            #expect(
                try answer("price", "-50..", "--limit", "7")
                    == expected(byPrice.filter { $0.price >= -50 }, limit: 7))
            #expect(
                try answer("price", "..-450.5") == expected(byPrice.filter { $0.price <= -450.5 }))
            #expect(try answer("number", "1500") == expected(entries.filter { $0.number == 1500 }))
            let byWord = entries.sorted { $0.word < $1.word }
            #expect(
                try answer("a \"word\"", "comma, inside")
                    == expected(byWord.filter { $0.word == "comma, inside" }))
            #expect(
                try answer("a \"word\"", "b..two\nlines")
                    == expected(byWord.filter { $0.word >= "b" && $0.word <= "two\nlines" })
            )
            #expect(try answer("price", "9000..") == "")
            #expect(try answer("price", "2..1") == "")
            // Rows are added, and the next query finds them.
            if step == 0 {
                let more = (3000 ..< 3200).map { Entry($0, &random) }
                try folder.append(text(more), to: "data.csv")
                entries += more
                let outcome = try index.run("query", file, "number", "3100")
                #expect(outcome.error.contains("has grown: 200 new rows"), "\(outcome)")
            }
        }
        #expect(folder.names == ["data.csv", "data.csv.index"])
    }

    /// A row that is still being written is part of the answer, but is not indexed as complete.
    @Test func theLastRowMayBeUnfinished() throws {
        try folder.write("name,size\nsmall,1\nlarge,30\nmiddle,12", to: "data.csv")
        try index.lines("build", file)
        #expect(try answer("size", "1..20") == "small,1\nmiddle,12")
        #expect(try answer("size", "1..20", "--limit", "1") == "small,1")
        try folder.append("5\nlast,13\n", to: "data.csv")
        #expect(try answer("size", "0..") == "small,1\nlast,13\nlarge,30\nmiddle,125")
        // A cell of two lines that is still being written. With more lines after it, it is an
        // unclosed quote.
        try folder.append("\"open\nmo", to: "data.csv")
        #expect(try answer("size", "1..13") == "small,1\nlast,13")
        try folder.append("re\n", to: "data.csv")
        #expect(try index.run("query", file, "size", "1..13").isMistake(1, "line 6"))
    }

    @Test func replacedAndChangedFilesAreNoticed() throws {
        try index.lines("generate", file, "2000")
        try index.lines("build", file)
        let text = try String(contentsOfFile: file, encoding: .utf8)
        // A shorter file; a different beginning; a different end of the indexed part.
        for other in [
            String(text.dropLast(100)), "x" + text,
            text.dropLast(1) + "x\n2001,2026-01-01,Oslo,5,\n",
        ] {
            try folder.write(other, to: "data.csv")
            let outcome = try index.run("query", file, "price", "10..")
            #expect(outcome.isMistake(1, "is not the file that was indexed"), "\(outcome)")
        }
        let rebuilt = try index.run("build", file)
        #expect(
            rebuilt.status == 0 && rebuilt.error.contains("indexing it anew")
                && rebuilt.lines[0].contains("2001 rows indexed now"), "\(rebuilt)")
        // A change in the middle, which only reading the line can detect: an error, not a wrong
        // row.
        let lines = try index.lines("query", file, "id", "1000")
        try folder.write(
            try String(contentsOfFile: file, encoding: .utf8).replacingOccurrences(
                of: "\n1000,", with: "\n100x,"), to: "data.csv"
        )
        #expect(lines.count >= 2)
        let changed = try index.run("query", file, "id", "1000")
        #expect(changed.isMistake(1, "was changed after it was indexed"), "\(changed)")
        try index.lines("build", file, "--anew")
        #expect(try index.lines("query", file, "id", "100x").count == lines.count)
    }

    /// A hundred thousand rows. The program is killed after its first transactions, and the next
    /// run continues.
    @Test func killedWhileBuilding() throws {
        try index.lines("generate", file, "100000")
        var wasKilled = false
        for _ in 0 ..< 10 where !wasKilled {
            try? FileManager.default.removeItem(atPath: file + ".index")
            let process = try index.start(["build", file])
            var rows = 0
            while rows == 0, process.poll() == nil {
                let heap = try? PersistentHeap.open(file + ".index", mode: .readOnly)
                rows = (try? heap?.read { try $0.array("rows", of: Int.self).count }) ?? 0
                try? heap?.close()
            }
            wasKilled = process.destroy() == .signalled(SIGKILL)
        }
        #expect(wasKilled)
        let outcome = try index.run("build", file)
        let added = try #require(
            outcome.lines.first?.split(separator: " ").first.flatMap { Int($0) })
        #expect(
            added > 0 && added < 100_000 && outcome.lines[0].contains("; 100000 rows"), "\(outcome)"
        )
        let all = try index.run("query", file, "id", "1..", "--limit", "0")
        #expect(all.error == "0 of 100000 rows in the range; 100000 rows in the file\n")
        let cities = try ["Berlin", "Lima", "Oslo", "Paris", "Quito", "Rome", "Washington, D.C."]
            .map { city in
                let outcome = try index.run("query", file, "city", city, "--limit", "0")
                return try #require(
                    outcome.error.split(separator: " ").dropFirst(2).first.flatMap { Int($0) })
            }
        #expect(cities.reduce(0, +) == 100_000 && cities.allSatisfy { $0 > 10_000 }, "\(cities)")
    }

    @Test func mistakesGetOneLine() throws {
        for arguments in [
            [], ["build"], ["query", file, "price"], ["query", file, "price", ".."],
            ["query", file, "price", "1", "--limit", "-1"],
            ["generate", file], ["generate", file, "many"], ["build", file, "--what"],
        ] {
            let outcome = try index.run(arguments)
            #expect(outcome.isMistake(2, "csv-index: "), "\(arguments): \(outcome)")
        }
        for arguments in [
            ["build", file], ["query", file, "price", "1"], ["generate", file, "1", "--append"],
        ] {
            let outcome = try index.run(arguments)
            #expect(outcome.isMistake(1, "No such file"), "\(arguments): \(outcome)")
        }
        #expect(folder.names == [])
        try folder.write("", to: "data.csv")
        #expect(try index.run("query", file, "price", "1").isMistake(1, "has no index yet"))
        #expect(try index.run("build", file).isMistake(1, "no whole line"))
        #expect(try index.run("build", folder.path).isMistake(1, "Name a file"))
        try folder.write("a,b\n1,2\n", to: "data.csv")
        try index.lines("build", file)
        #expect(try index.run("query", file, "c", "1").isMistake(1, "it has a, b"))
        #expect(try index.run("generate", file, "1").isMistake(1, "is there already"))
        // Bytes that are not text, rows of every length, and a file that is not an index.
        var random = SystemRandomNumberGenerator()
        let noise = Data(
            (0 ..< 20_000).map { _ in
                [0, 10, 13, 34, 44, 49, 200, 255].randomElement(using: &random)!
            })
        try noise.write(to: URL(filePath: file))
        #expect([0, 1].contains(try index.run("build", file).status))
        #expect([0, 1].contains(try index.run("query", file, "1", "0..").status))
        try folder.write("not an index", to: "data.csv.index")
        #expect(try index.run("query", file, "a", "1").isMistake(1, "not a Holdfast heap"))
    }

    /// An unclosed quote would turn all following lines into one cell.
    @Test func unclosedQuotes() throws {
        try folder.write("a,b\n1,2\n3,\"four\n5,6\n7,8\n", to: "data.csv")
        let outcome = try index.run("build", file)
        #expect(outcome.isMistake(1, "line 3"), "\(outcome)")
        #expect(try index.run("query", file, "a", "1").isMistake(1, "line 3"))
        // With the quote closed all rows are there.
        try folder.write("a,b\n1,2\n3,\"four\"\n5,6\n7,8\n", to: "data.csv")
        #expect(try index.lines("build", file)[0].contains("4 rows"))
        // In the header; after quotes that are closed; and a last row that is just being written,
        // which is not an unclosed quote.
        try folder.write("a,\"b\n1,2\n", to: "data.csv")
        var again = try index.run("build", file, "--anew")
        #expect(again.status == 1 && again.error.contains("line 1"), "\(again)")
        try folder.write("a,b\n\"x\ny\",2\n\"p\",\"q\n5,6\n", to: "data.csv")
        again = try index.run("build", file, "--anew")
        #expect(again.status == 1 && again.error.contains("line 4"), "\(again)")
        try folder.write("a,b\n1,2\n3,\"fo", to: "data.csv")
        #expect(try index.run("build", file, "--anew").status == 0)
    }

    @Test(arguments: [String.Encoding.utf16, .utf16LittleEndian, .utf16BigEndian, .utf32])
    func otherEncodings(encoding: String.Encoding) throws {
        try #require("id,price\n1,2\n".data(using: encoding)).write(to: URL(filePath: file))
        #expect(try index.run("build", file).isMistake(1, "UTF-8"))
    }
}
