import HoldfastTools
import TestSupport
import Testing

/// Bars, tables, text and JSON, as written by the command and the examples.
@Suite(.progress) struct ToolsTests {
    private let plain = Painter(isOn: false)

    @Test func barsFitTheirLine() {
        func line(_ width: Int, _ done: Int = 46, _ total: Int = 100) -> String {
            ProgressBar.line(
                title: "check", unit: "pages", done: done, total: total, elapsed: 2, width: width,
                painter: plain)
        }
        #expect(
            line(100)
                == "check  █████████████▊                  46%  46 of 100 pages  23/s  2.3 s left")
        for width in 1 ... 120 { #expect(line(width).count < max(2, width), "\(width)") }
        // The most important parts are kept longest.
        #expect(line(30).contains("46%") && line(20) == "check  46%")
        #expect(line(100, 100).contains("100%") && !line(100, 100).contains("left"))
        #expect(line(100, 46, 0) == "check  46 pages  23/s")
    }

    @Test func tablesAlign() {
        var table = Table([("name", .left), ("type", .left), ("count", .right)], flexible: 1)
        table.add(["stock", "Map<String, Int>", "4"])
        table.add(["日本", "Array<Array<Array<Int>>>", "1,000"], styles: [0: .cyan])
        #expect(
            table.lines(painter: plain) == [
                "name   type                      count", "stock  Map<String, Int>              4",
                "日本   Array<Array<Array<Int>>>  1,000",
            ])
        #expect(
            table.lines(indent: 2, width: 30, painter: plain).map { DisplayText.width($0) }.max()
                == 30)
        #expect(table.lines(painter: Painter(isOn: true))[2].hasPrefix("\u{1B}[36m日本\u{1B}[0m "))
    }

    @Test func textCannotMoveTheCursor() {
        #expect(
            DisplayText.oneLine("a\nb\u{1B}[2J\u{202E}c\u{9B}")
                == "a\\nb\\u{1B}[2J\\u{202E}c\\u{9B}")
        #expect(DisplayText.oneLine("Größe 👩‍👩‍👧") == "Größe 👩‍👩‍👧")
        #expect(DisplayText.quoted("say \"no\\\n\"") == #""say \"no\\\n\"""#)
        #expect(
            DisplayText.cut("abcdef", to: 4) == "abc…" && DisplayText.cut("日本語", to: 4) == "日…"
                && DisplayText.cut("ab", to: 2) == "ab")
    }

    @Test func jsonKeepsItsOrder() {
        let value: JSONText = [
            "b": 1, "a": [true, nil, 1.5, "x\"\u{1}\n"], "empty": [], "nan": .number(.nan),
            "whole": .number(3),
        ]
        #expect(
            value.text
                == #"{"b":1,"a":[true,null,1.5,"x\"\u0001\n"],"empty":[],"nan":null,"whole":3}"#)
        #expect(
            JSONText.object([("a", [1, 2])]).indentedText == "{\n  \"a\": [\n    1,\n    2\n  ]\n}")
    }
}
