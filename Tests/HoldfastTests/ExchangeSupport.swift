import Holdfast
import HoldfastInspection
import Testing
import TestSupport

/// Operations shared by several suites for exporting and importing.
enum ExchangeRun {
    static func lines(
        _ heap: PersistentHeap, _ root: String, knowing types: [any Persistable.Type] = []
    ) throws -> [String] {
        var lines: [String] = []
        try heap.read { tx in try tx.exportRoot(root, knowing: types) { lines.append($0) } }
        return lines
    }

    @discardableResult
    static func add(_ lines: [String], to heap: PersistentHeap, as name: String? = nil) throws
        -> String
    {
        var rest = lines[...]
        return try heap.write { tx in try tx.importRoot(as: name) { rest.popFirst() } }
    }

    /// A new heap with the roots of another, transferred through a file. Expects it to be sound and
    /// to export the same lines again, regardless of the order of maps.
    static func copy(_ heap: PersistentHeap, inOrder: Bool = true) throws -> PersistentHeap {
        let folder = try TemporaryFolder()
        try heap.exportLines(to: folder.file("lines"))
        let copy = try PersistentHeap.inMemory()
        let names = try copy.importLines(from: folder.file("lines"))
        let roots = try heap.read { $0.roots }
        let copiedRoots = try copy.read { $0.roots }
        #expect(names == roots.map(\.name))
        #expect(copiedRoots == roots)
        try copy.exportLines(to: folder.file("again"))
        let first = String(decoding: try folder.bytes("lines"), as: UTF8.self).split(
            separator: "\n")
        let second = String(decoding: try folder.bytes("again"), as: UTF8.self).split(
            separator: "\n")
        #expect(inOrder ? first == second : first.sorted() == second.sorted())
        try requireSound(copy)
        return copy
    }

    static func requireSound(_ heap: PersistentHeap) throws {
        let check = try heap.check()
        #expect(check.problems == [])
        #expect(check.unknownRoots == [])
        #expect(check.unreachedBlocks == 0)
        let unreachable = try heap.read { try $0.unreachable() }
        #expect(unreachable == [])
    }

    /// A heap with one value, copied; returns the copy's value.
    static func copied<Value: Persistable>(_ value: Value) throws -> Value
    where Value: PersistableValue {
        let heap = try PersistentHeap.inMemory()
        try heap.write { tx in _ = try tx.value("v", initial: value) }
        let copy = try ExchangeRun.copy(heap)
        return try copy.read { try $0.value("v", of: Value.self).value }
    }
}
