import Foundation
import Holdfast
import HoldfastInspection
import Testing
import TestSupport

/// The indexes of a table follow from its rows. So damage to them costs a repair nothing.
@Suite(.progress) struct TableRepairTests {
    @Persistable struct Row {
        @Indexed var number: Int
        @Indexed(.unique) var code: Int
        var text: String
    }
    @Persistable struct Box {
        var name: String
        var rows = PersistentTable<Row>()
    }
    @HeapSchema struct Shelf {
        var table: PersistentTable<Row>
        var tables: PersistentMap<Int, PersistentTable<Row>>
        var list: PersistentArray<PersistentTable<Row>>
        var boxes: PersistentMap<String, Box>
        var beside: PersistentArray<Int>
    }

    private let folder = try! TemporaryFolder(heap: "shelf.heap")
    /// The numbers of the rows begin here in each of the tables, so that they are found in the
    /// file.
    private static let bases: [String: Int] = [
        "table": 0x1111_2222_3333_4400, "tables": 0x2111_2222_3333_4400,
        "list": 0x3111_2222_3333_4400, "boxes": 0x4111_2222_3333_4400,
    ]

    private static func fill(_ table: PersistentTable<Row>, _ root: String) throws {
        for number in 0 ..< 20 {
            try table.insert(
                Row(
                    number: bases[root]! + number, code: bases[root]! ^ 0xff_0000 + number,
                    text: "the text of row \(number)"))
        }
    }

    private func make() throws -> Data {
        let heap = try TypedHeap<Shelf>.open(folder.file())
        try heap.write { shelf in
            try Self.fill(shelf.table, "table")
            try Self.fill(shelf.tables[creating: 1], "tables")
            try Self.fill(shelf.list.appendNew(), "list")
            shelf.boxes["a"] = Box(name: "a box")
            try Self.fill(try #require(shelf.boxes["a"]).rows, "boxes")
            shelf.beside.append(7)
        }
        try heap.close()
        return try folder.bytes()
    }

    private static func bytes(_ words: Int...) -> Data {
        words.reduce(into: Data()) { data, word in
            withUnsafeBytes(of: word.littleEndian) { data.append(contentsOf: $0) }
        }
    }

    private func repair() throws -> HeapRepair {
        try? FileManager.default.removeItem(atPath: folder.file("saved"))
        return try PersistentHeap.repair(folder.file(), to: folder.file("saved"))
    }

    /// Reads through the indexes, too.
    private func expectAllRows(of root: String) throws {
        let heap = try TypedHeap<Shelf>.open(folder.file("saved"))
        try heap.read { shelf in
            let table =
                switch root {
                case "table": shelf.table
                case "tables": try #require(shelf.tables[1])
                case "list": try #require(shelf.list.first)
                default: try #require(shelf.boxes["a"]).rows
                }
            let numbers = table.ordered(by: \.number).map(\.id.number)
            #expect(numbers == Array(1 ... 20))
            let base = Self.bases[root]!
            let found = table.ordered(by: \.number)[base + 5].map(\.text)
            #expect(found == ["the text of row 5"])
        }
        let check = try heap.heap.check()
        #expect(check.isSound && check.unreachedBlocks == 0, "\(check)")
        try heap.close()
    }

    /// The number of the row in an entry, its value, and a value that puts it out of order.
    @Test(arguments: [0, 8, 15]) func damagedEntries(place: Int) throws {
        let sound = try make()
        for (root, base) in Self.bases {
            var damaged = sound
            let entry = try #require(damaged.firstRange(of: Self.bytes(6, base + 5)))
            damaged[entry.lowerBound + place] ^= 0x41
            try folder.write(damaged)
            let heap = try PersistentHeap.open(folder.file(), mode: .readOnly)
            let problems = try heap.check().problems
            try heap.close()
            #expect(problems.count == 1, "\(problems)")
            let repair = try repair()
            #expect(repair.leftOut.isEmpty, "\(repair)")
            #expect(repair.kept.map(\.root.name) == (Self.bases.keys + ["beside"]).sorted())
            for kept in repair.kept {
                #expect(kept.rebuiltIndexes.isEmpty == (kept.root.name != root), "\(kept)")
            }
            let notes = repair.kept.flatMap(\.rebuiltIndexes)
            #expect(notes.count == 1 && notes[0].contains("number"), "\(notes)")
            #expect(!notes.joined().contains("IndexKey"), "\(notes)")
            try expectAllRows(of: root)
        }
    }

    /// The word that leads to an index leads to another table's.
    @Test func anIndexThatIsElsewhere() throws {
        var damaged = try make()
        // The block of a table: a header, the rows, the last number, the indexes.
        let last = Self.bytes(20)
        var tables: [Data.Index] = []
        var start = damaged.startIndex
        func isPlace(_ index: Data.Index) -> Bool {
            let offset = damaged[index ..< index + 8].reversed().reduce(UInt64(0)) {
                $0 << 8 | UInt64($1)
            }
            return offset % 8 == 0 && (3 << 12 ..< UInt64(damaged.count)).contains(offset)
        }
        while let found = damaged.range(of: last, in: start ..< damaged.endIndex) {
            start = found.upperBound
            let places = [found.lowerBound - 8, found.upperBound, found.upperBound + 8]
            if places.allSatisfy(isPlace) { tables.append(found.upperBound) }
        }
        #expect(tables.count == 4)
        for byte in 0 ..< 8 { damaged[tables[0] + byte] = damaged[tables[1] + byte] }
        try folder.write(damaged)
        let repair = try repair()
        #expect(repair.leftOut.isEmpty, "\(repair)")
        #expect(!repair.kept.allSatisfy { $0.rebuiltIndexes.isEmpty })
        for root in Self.bases.keys { try expectAllRows(of: root) }
    }

    /// A number below those of the rows would be given to a second row.
    @Test func aWrongLastNumber() throws {
        let sound = try make()
        var found = 0
        var start = sound.startIndex
        while let place = sound.range(of: Self.bytes(20), in: start ..< sound.endIndex) {
            start = place.upperBound
            var damaged = sound
            damaged[place.lowerBound] = 3
            try folder.write(damaged)
            let heap = try PersistentHeap.open(folder.file(), mode: .readOnly)
            let problems = try heap.check().problems
            try heap.close()
            guard problems.contains(where: { $0.contains("above the last one used") }) else {
                continue
            }
            found += 1
            let repair = try repair()
            #expect(repair.leftOut.isEmpty, "\(repair)")
            let saved = try TypedHeap<Shelf>.open(folder.file("saved"))
            let id = try saved.write { try $0.table.insert(Row(number: 1, code: 1, text: "")) }
            #expect(id.number == 21)
            #expect(try saved.heap.check().isSound)
            try saved.close()
        }
        #expect(found == Self.bases.count)
    }

    /// Rows that no table could hold cost their root, and no other.
    @Test func rowsThatContradictEachOther() throws {
        var damaged = try make()
        let code = Self.bases["table"]! ^ 0xff_0000
        var places: [Data.Index] = []
        var start = damaged.startIndex
        while let place = damaged.range(of: Self.bytes(code + 5), in: start ..< damaged.endIndex) {
            start = place.upperBound
            // In the index, the number of the row comes first.
            if damaged[place.lowerBound - 8 ..< place.lowerBound] != Self.bytes(6) {
                places.append(place.lowerBound)
            }
        }
        #expect(places.count == 1)
        damaged[places[0]] += 1
        try folder.write(damaged)
        let repair = try repair()
        #expect(repair.leftOut.map(\.name) == ["table"], "\(repair)")
        #expect(repair.leftOut[0].reason.contains("unique"), "\(repair)")
        #expect(repair.kept.count == 4)
        for root in Self.bases.keys where root != "table" { try expectAllRows(of: root) }
    }
}
