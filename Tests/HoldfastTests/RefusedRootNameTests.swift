import Foundation
import HoldfastEngine
import Testing
import TestSupport

@testable import Holdfast
@testable import HoldfastInspection

/// The names that roots can have, and the handling of invalid names from earlier versions.
@Suite(.progress) struct RefusedRootNameTests {
    private let folder = try! TemporaryFolder()

    private func refuses(_ body: (borrowing WriteTransaction) throws -> Void) throws -> Bool {
        let heap = try PersistentHeap.inMemory()
        defer { try? heap.close() }
        try heap.write { _ = try $0.value("kept", initial: 1) }
        do { try heap.write(body) } catch HeapError.badRootName(_, let name, _) {
            let names = try heap.read { $0.roots.map(\.name) }
            return name.hasPrefix("\0") && names == ["kept"]
        }
        return false
    }

    @Test func namesOfHoldfastsOwn() throws {
        for name in ["\0", "\0x", "\0version", "\0kept", "\0cursor of kept"] {
            #expect(try refuses { _ = try $0.value(name, initial: 1) })
            #expect(try refuses { _ = try $0.array(name, of: Int.self) })
            #expect(try refuses { _ = try $0.map(name, String.self, Int.self) })
            #expect(try refuses { _ = try $0.sortedSet(name, of: Int.self) })
            #expect(try refuses { _ = try $0.string(name) })
            #expect(try refuses { try $0.renameRoot("kept", to: name) })
        }
        let error = HeapError.badRootName(path: "/a.heap", name: "\0x", reason: "it begins so")
        #expect("\(error)".contains("\"\\0x\"") && !"\(error)".contains("\0"))
    }

    /// Any other string is a name, and survives export and import.
    @Test func oddNames() throws {
        let names = [
            "", " ", "\n", "a\nb", "a\0b", "\"", "\\", "\u{202e}x", "e\u{301}",
            String(repeating: "long ", count: 20_000), "/a",
            ".", "[0]",
        ]
        let heap = try PersistentHeap.open(folder.file())
        try heap.write { tx in
            for (number, name) in names.enumerated() {
                try tx.value(name, initial: 0).value = number
            }
        }
        #expect(try heap.check().isSound)
        try heap.exportLines(to: folder.file("lines"))
        for name in names { #expect(try heap.read { $0.hasRoot(name) }) }
        try heap.close()
        let other = try PersistentHeap.open(folder.file("other"))
        #expect(try other.importLines(from: folder.file("lines")).count == names.count)
        for (number, name) in names.enumerated() {
            #expect(try other.read { try $0.value(name, of: Int.self).value } == number)
        }
        try other.close()
        #expect(try PersistentHeap.repair(folder.file(), to: folder.file("repaired")).isComplete)
    }

    /// A heap of an earlier version with such a root: the root is shown, exported, copied and saved
    /// like any other, and can be renamed and removed.
    @Test func heapThatHasOne() throws {
        let heap = try PersistentHeap.open(folder.file())
        try heap.write { tx in
            try tx.array("a", of: Int.self).append(contentsOf: 0 ..< 10)
            try tx.value("b", initial: 0).value = 7
            try RootCatalogue(tx.access).rename("b", to: "\0b")
        }
        #expect(try heap.read { $0.roots.map(\.name) } == ["\0b", "a"])
        #expect(try heap.check().isSound)
        #expect(try heap.check().roots.map(\.root.name) == ["\0b", "a"])
        try heap.exportLines(to: folder.file("lines"))
        let other = try PersistentHeap.open(folder.file("other"))
        #expect(try other.importLines(from: folder.file("lines")).sorted() == ["a", "\u{2400}b"])
        #expect(try other.read { try $0.value("\u{2400}b", of: Int.self).value } == 7)
        try other.close()
        let repair = try PersistentHeap.repair(folder.file(), to: folder.file("repaired"))
        #expect(repair.isComplete && repair.kept.count == 2)
        try heap.write { try $0.renameRoot("\0b", to: "b") }
        #expect(try heap.read { try $0.value("b", of: Int.self).value } == 7)
        try heap.close()
    }

    /// Very long names and strings do not make very long messages.
    @Test func longNamesInMessages() throws {
        let long = String(
            repeating: "x", count: TestExtent.choose(quick: 1_000_000, full: 10_000_000))
        let heap = try PersistentHeap.open(folder.file())
        try heap.write { _ = try $0.value(long, initial: 1) }
        func text(_ body: () throws -> Void) -> Int {
            do { try body() } catch { return "\(error)".utf8.count }
            return 0
        }
        let lengths = [
            text { try heap.read { _ = try $0.array(long, of: Int.self) } },
            text { try heap.read { _ = try $0.array(long + "y", of: Int.self) } },
            text { try heap.importLines(from: folder.file("none")) },
            text {
                var lines = [
                    "{\"holdfast\":1,\"root\":\"\(long)\",\"type\":\"Value<Int>\",\"count\":1}",
                    "1",
                ].makeIterator()
                _ = try heap.write { tx in try tx.importRoot { lines.next() } }
            },
            text {
                var lines = ["{\"holdfast\":1,\"root\":\"r\",\"type\":\"\(long)\",\"count\":1}"]
                    .makeIterator()
                _ = try heap.write { tx in try tx.importRoot { lines.next() } }
            },
            text {
                var lines = ["{\"\(long)\":1,\"\(long)\":1}"].makeIterator()
                _ = try heap.write { tx in try tx.importRoot { lines.next() } }
            },
            text {
                var lines = [
                    "{\"holdfast\":1,\"root\":\"r\",\"type\":\"Value<Int>\",\"count\":1,\"\(long)\":2}"
                ].makeIterator()
                _ = try heap.write { tx in try tx.importRoot { lines.next() } }
            },
        ]
        for (number, length) in lengths.enumerated() {
            #expect(length > 0 && length < 5000, "message \(number): \(length)")
        }
        try heap.close()
    }
}
