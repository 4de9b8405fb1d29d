import Foundation
import Testing
import TestSupport

@testable import Holdfast
@testable import HoldfastInspection

/// What the differences of two heaps say, case by case.
@Suite(.progress, .timeLimit(.minutes(10))) struct DifferenceTests {
    // MARK: Roots

    @Test func rootsComeAndGo() throws {
        let lines = try DifferenceLines.between(
            { tx in
                try tx.array("both", of: Int.self).append(1)
                try tx.array("gone", of: Int.self).append(contentsOf: [7, 8])
                _ = try tx.value("number", initial: 1)
                try tx.string("text").append("old")
            },
            { tx in
                try tx.array("both", of: Int.self).append(1)
                _ = try tx.map("new", Int.self, Int.self)
                try tx.map("newer", Int.self, String.self)[3] = "three"
                _ = try tx.value("number", initial: 2)
                try tx.string("text").append("new")
            })
        #expect(
            lines == [
                "- gone", "- gone[1] 8", "- gone[0] 7", "+ new []", "+ newer",
                "+ newer[3] \"three\"", "~ number 1 -> 2", "~ text \"old\" -> \"new\"",
            ])
    }

    @Persistable struct Row {
        @Indexed var name: String
    }

    /// A table is its rows, by their numbers.
    @Test func tables() throws {
        func fill(_ tx: borrowing WriteTransaction, _ names: [String]) throws {
            let rows = try tx.table("rows", of: Row.self)
            for name in names { rows.insert(Row(name: name)) }
        }
        let full = try DifferenceLines.between({ _ in }, { try fill($0, ["a", "b"]) })
        #expect(full == ["+ rows", "+ rows[1] {\"name\":\"a\"}", "+ rows[2] {\"name\":\"b\"}"])
        let changed = try DifferenceLines.between(
            { try fill($0, ["a", "b"]) }, { try fill($0, ["a", "c", "d"]) })
        #expect(changed == ["~ rows[2].name \"b\" -> \"c\"", "+ rows[3] {\"name\":\"d\"}"])
        let removed = try DifferenceLines.between(
            { try fill($0, ["a"]) },
            { tx in
                try fill(tx, ["a", "b"])
                try tx.table("rows", of: Row.self).remove(Row.RowID(2))
            })
        // The number that was used last differs, and nothing else.
        #expect(removed == [])
    }

    @Test func onlyChosenRoots() throws {
        func fill(_ tx: borrowing WriteTransaction, _ number: Int) throws {
            for name in ["a", "b", "c"] { _ = try tx.value(name, initial: number) }
        }
        let lines = try DifferenceLines.between(
            roots: ["c", "a"], { try fill($0, 1) }, { try fill($0, 2) })
        #expect(lines == ["~ a 1 -> 2", "~ c 1 -> 2"])
        let heap = try PersistentHeap.inMemory()
        try heap.write { tx in _ = try tx.value("a", initial: 1) }
        let empty = try PersistentHeap.inMemory()
        #expect(try DifferenceLines.lines(empty, heap, roots: ["a"]) == ["+ a 1"])
        #expect(try DifferenceLines.lines(heap, empty, roots: ["a"]) == ["- a 1"])
        #expect(throws: HeapError.rootNotFound(path: empty.path, name: "x")) {
            try empty.differences(from: heap, roots: ["a", "x"]) { _ in }
        }
    }

    private struct Before: HeapRecord {
        static let storedName = "Item"
        var name: String
        var size: Int16
        var colour: String
    }

    private struct After: HeapRecord {
        static let storedName = "Item"
        var name: String
        var price: Double
        var size: Int64
    }

    /// What has the same name is compared, whatever its type is now.
    @Test func rootsOfAnotherType() throws {
        let old = try PersistentHeap.inMemory()
        try old.write { tx in
            let items = try tx.map("items", Int.self, Before.self)
            items[1] = Before(name: "one", size: 4, colour: "red")
            items[2] = Before(name: "two", size: 5, colour: "red")
            try tx.map("other", Int.self, Int.self)[1] = 1
        }
        let new = try PersistentHeap.inMemory()
        try new.write { tx in
            let items = try tx.map("items", Int.self, After.self)
            items[1] = After(name: "one", price: 9, size: 4)
            items[2] = After(name: "2", price: 9, size: 6)
            try tx.map("other", String.self, Int.self)["1"] = 1
        }
        var changes: [HeapChange] = []
        try new.differences(from: old) { changes.append($0) }
        let first = try #require(changes.first)
        #expect(first.path == [] && first.kind == .changed && first.new == nil)
        #expect(first.oldType?.text.contains("colour") == true)
        #expect(first.newType?.text.contains("price") == true)
        let lines = changes.filter { $0.root == "items" && !$0.path.isEmpty }.map(
            DifferenceLines.line)
        #expect(
            lines.sorted() == [
                "+ items[1].price 9", "+ items[2].price 9", "- items[1].colour \"red\"",
                "- items[2].colour \"red\"", "~ items[2].name \"two\" -> \"2\"",
                "~ items[2].size 5 -> 6",
            ])
        let others = changes.filter { $0.root == "other" }.map(DifferenceLines.line)
        #expect(others == ["~ other", "- other[1] 1", "+ other[\"1\"] 1"])
    }

    // MARK: Values

    @Test func values() throws {
        func numbers(_ tx: borrowing WriteTransaction, _ values: [Double]) throws {
            try tx.array("d", of: Double.self).append(contentsOf: values)
        }
        #expect(
            try DifferenceLines.between(
                { try numbers($0, [.nan, 0, 1]) }, { try numbers($0, [.nan, -0.0, 1]) })
                == ["~ d[1] 0 -> -0"])
        func text(_ tx: borrowing WriteTransaction, _ text: String) throws {
            try tx.array("t", of: String.self).append(text)
            try tx.map("m", String.self, Int.self)[text] = 1
        }
        // The two spellings of a letter are one key, and two values.
        let lines = try DifferenceLines.between(
            { try text($0, "e\u{301}") }, { try text($0, "\u{E9}") })
        #expect(lines.count == 1 && lines[0].hasPrefix("~ t[0]"))
        func data(_ tx: borrowing WriteTransaction, _ byte: UInt8) throws {
            try tx.bytes("bytes").append(contentsOf: Data(repeating: byte, count: 3))
            _ = try tx.value("id", initial: Encoded(["a": Int(byte)]))
        }
        #expect(
            try DifferenceLines.between({ try data($0, 1) }, { try data($0, 0) }) == [
                "~ bytes \"AQEB\" -> \"AAAA\"", "~ id {\"a\":1} -> {\"a\":0}",
            ])
    }

    /// The error of the consumer ends the comparison.
    @Test func theConsumerCanStop() throws {
        struct Stop: Error {}
        let (old, new) = (try PersistentHeap.inMemory(), try PersistentHeap.inMemory())
        try new.write { tx in try tx.array("a", of: Int.self).append(contentsOf: 0 ..< 100) }
        var found = 0
        #expect(throws: Stop.self) {
            try new.differences(from: old) { _ in
                found += 1
                if found == 5 { throw Stop() }
            }
        }
        #expect(found == 5)
        #expect(try DifferenceLines.lines(new, new) == [])
    }

    /// What Holdfast notes for itself, such as versions, is no difference.
    @Test func holdfastsOwnRootsAreLeftOut() throws {
        let folder = try TemporaryFolder()
        let heap = try PersistentHeap.open(folder.file())
        try heap.write { tx in try tx.array("a", of: Int.self).append(1) }
        try heap.copy(to: folder.file("copy"))
        try heap.write { tx in
            try tx.array("a", of: Int.self).append(2)
            try DataVersion.set(3, tx.access)
        }
        let copy = try PersistentHeap.open(folder.file("copy"), mode: .readOnly)
        #expect(try DifferenceLines.lines(copy, heap) == ["+ a[1] 2"])
        try copy.close()
        try heap.close()
    }
}
