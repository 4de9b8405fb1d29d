import Foundation
import Holdfast
import HoldfastInspection
import Testing
import TestSupport

@testable import HoldfastTools

#if canImport(FoundationXML)
    import FoundationXML
#endif

/// The contents of the pictures, in every output.
@Suite(.progress) struct MapDrawingTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder(heap: "inventory.heap") }

    /// The picture of an empty heap, exactly.
    @Test func anEmptyHeap() throws {
        let heap = try PersistentHeap.open(folder.file("empty.heap"))
        let map = HeapMap(try heap.pageUse(), title: "empty.heap")
        try heap.close()
        #expect(
            TerminalMap.lines(map, width: 60, colours: .none) == [
                "empty.heap", "20 KiB in 5 pages of 4 KiB, no roots",
                "a pair of characters is a page", "",
                "  0 bytes ########%%", "", "#   header, page map     16 KiB   80.0 %",
                "%   checksums             4 KiB   20.0 %",
            ])
    }

    /// Root names may contain anything: they stay on their line, and inside their element.
    @Test func namesThatWouldBreakOut() throws {
        let heap = try PersistentHeap.open(folder.file("names.heap"))
        let names = [
            "</title><script>alert(1)</script>", "a\nb\u{1B}[31m", "\"&'<", "",
            String(repeating: "long ", count: 100), "名前",
        ]
        try heap.write { tx in for name in names { try tx.array(name, of: Int.self).append(1) } }
        let map = HeapMap(try heap.pageUse(), title: "<&>\"\n")
        try heap.close()
        let svg = SVGMap.text(map)
        let parser = XMLParser(data: Data(svg.utf8))
        #expect(parser.parse())
        for text in [svg, HTMLMap.text(map)] {
            #expect(!text.contains("<script>alert") && !text.contains("\u{1B}"))
        }
        for width in [24, 40, 80, 200] {
            for colours in [TerminalMap.Colours.none, .palette256] {
                let lines = TerminalMap.lines(map, width: width, colours: colours)
                #expect(lines.allSatisfy { !$0.contains("\n") && !$0.contains("\u{1B}[31m") })
                if case .none = colours {
                    #expect(lines.allSatisfy { DisplayText.width($0) <= width })
                }
            }
        }
    }

    /// The legend accounts for every byte, and its fractions add up to one, however many roots
    /// there are; a root name has the same colour in every picture.
    @Test func theLegendIsWhole() throws {
        let heap = try PersistentHeap.open(folder.file("many.heap"))
        try heap.write { tx in
            for number in 0 ..< 30 {
                let list = try tx.array("root \(number)", of: Int.self)
                for element in 0 ..< number * 50 { list.append(element) }
            }
        }
        let use = try heap.pageUse()
        let map = HeapMap(use, title: "many")
        #expect(
            map.entries.reduce(0) { $0 + $1.bytes } == map.byteCount
                && map.entries.reduce(0) { $0 + $1.tenths } == 1000)
        #expect(map.entries.allSatisfy { $0.bytes > 0 })
        for limit in [10, 100, 1000] {
            let pages = map.pagesPerCell(limit: limit)
            let cells = map.cells(pagesPerCell: pages)
            #expect(cells.count <= limit)
            #expect(
                cells.first?.pages.lowerBound == 0 && cells.last?.pages.upperBound == use.pageCount)
            #expect(
                zip(cells, cells.dropFirst()).allSatisfy {
                    $0.pages.upperBound == $1.pages.lowerBound
                })
        }
        #expect(SVGMap.text(map) == SVGMap.text(HeapMap(try heap.pageUse(), title: "many")))
        try heap.close()
    }

    @Test func sharesSumUp() {
        for numbers in [
            [1, 1, 1], [0, 0], [999, 1], [.max / 4, 1, .max / 4], Array(repeating: 1, count: 7),
        ] {
            let tenths = MapText.tenths(of: numbers)
            #expect(
                tenths.reduce(0, +) == (numbers.contains { $0 > 0 } ? 1000 : 0)
                    && tenths.count == numbers.count)
        }
    }
}
