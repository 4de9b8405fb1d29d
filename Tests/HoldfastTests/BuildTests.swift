import Foundation
import Holdfast
import HoldfastSystem
import Testing
import TestSupport

@testable import HoldfastEngine
import HoldfastInspection

/// Building a heap without a log: it exists as a whole or not at all.
@Suite(.progress) struct BuildTests {
    private let folder = try! TemporaryFolder()
    private var path: String { folder.file() }
    private struct Cancelled: Error {}

    private func build(_ value: Int, replacing: Bool = false) throws {
        try PersistentHeap.build(path, replacing: replacing) { tx in
            try tx.array("a", of: Int.self).append(contentsOf: 0 ..< 100_000)
            try tx.value("v", initial: 0).value = value
        }
    }

    private func value() throws -> Int {
        let heap = try PersistentHeap.open(path, mode: .readOnly)
        defer { try? heap.close() }
        return try heap.read { try $0.value("v", of: Int.self).value }
    }

    @Test func buildsAHeapAtRest() throws {
        try build(1)
        #expect(folder.names == ["test.heap"])
        let before = try folder.bytes()
        #expect(try value() == 1)
        var options = PersistentHeap.Options()
        options.verifiesPages = true
        let heap = try PersistentHeap.open(path, options: options)
        #expect(try heap.read { try $0.array("a", of: Int.self).elementsEqual(0 ..< 100_000) })
        #expect(try heap.check().isSound)
        #expect(try folder.bytes() == before)
        try heap.write { try $0.value("v", initial: 0).value = 2 }
        try heap.close()
        #expect(try value() == 2)
        // The trees of pages are those of an ordinary heap: the account agrees.
        let again = try PersistentHeap.open(path)
        #expect(try again.audit().problems == [])
        try again.close()
    }

    @Test func failureLeavesTheOldFile() throws {
        #expect(throws: Cancelled.self) {
            try PersistentHeap.build(path) { tx in
                try tx.array("a", of: Int.self).append(contentsOf: 0 ..< 100_000)
                throw Cancelled()
            }
        }
        #expect(folder.names == [])
        try build(1)
        let before = try folder.bytes()
        #expect(throws: HeapError.alreadyExists(path: path)) { try build(2) }
        #expect(throws: Cancelled.self) {
            try PersistentHeap.build(path, replacing: true) { tx in
                try tx.array("a", of: Int.self).append(contentsOf: 0 ..< 100_000)
                throw Cancelled()
            }
        }
        #expect(folder.names == ["test.heap"])
        #expect(try folder.bytes() == before)
        // A file that appears meanwhile is not replaced either.
        try FileManager.default.removeItem(atPath: path)
        #expect(throws: HeapError.alreadyExists(path: path)) {
            try PersistentHeap.build(path) { tx in
                _ = try tx.value("v", initial: 3)
                try folder.write(Data("mine".utf8))
            }
        }
        #expect(try folder.bytes() == Data("mine".utf8))
        #expect(folder.names == ["test.heap"])
    }

    @Test func replaces() throws {
        try build(1)
        try build(2, replacing: true)
        #expect(try value() == 2)
        try folder.write(Data("no heap at all".utf8))
        try build(3, replacing: true)
        #expect(try value() == 3)
        #expect(folder.names == ["test.heap"])
    }

    /// A process that has the old heap open would continue to write to a file without a name.
    @Test(arguments: 0 ..< 3) func heapInUse(modeNumber: Int) throws {
        let mode = [OpenMode.readWrite, .readOnly, .privateCopy][modeNumber]
        try build(1)
        let heap = try PersistentHeap.open(path, mode: mode)
        #expect(throws: HeapError.busy(path: path)) { try build(2, replacing: true) }
        // Even if it is opened only while the new one is being built.
        try heap.close()
        var late: PersistentHeap?
        #expect(throws: HeapError.busy(path: path)) {
            try PersistentHeap.build(path, replacing: true) { tx in
                _ = try tx.value("v", initial: 3)
                late = try PersistentHeap.open(path, mode: mode)
            }
        }
        #expect(try late?.read { try $0.value("v", of: Int.self).value } == 1)
        if mode == .readWrite { try late?.write { try $0.value("v", initial: 0).value = 10 } }
        try late?.close()
        #expect(try value() == (mode == .readWrite ? 10 : 1))
        #expect(folder.names == ["test.heap"])
        try build(2, replacing: true)
        #expect(try value() == 2)
    }

    /// Two builders for one path.
    @Test func secondBuilderIsRefused() throws {
        try PersistentHeap.build(path) { tx in
            _ = try tx.value("v", initial: 1)
            #expect(throws: HeapError.busy(path: path)) { try build(2) }
            #expect(throws: HeapError.busy(path: path)) { try build(2, replacing: true) }
        }
        #expect(try value() == 1)
        #expect(folder.names == ["test.heap"])
    }

    /// The leftover of a killed builder, with its headers still blank or just written, is found and
    /// removed by the next builder.
    @Test(arguments: [true, false]) func leftoversAreRemoved(hasHeader: Bool) throws {
        try build(1)
        var leftover = hasHeader ? try folder.bytes() : Data(count: 8192)
        leftover.append(Data(repeating: 0xff, count: 3_000_000))
        let working = WorkingName.path(for: path, suffix: "-new")
        try leftover.write(to: URL(filePath: working))
        try build(2, replacing: true)
        #expect(folder.names == ["test.heap"])
        #expect(try value() == 2)
        // Other files must not be removed, even under that name.
        try Data("mine".utf8).write(to: URL(filePath: working))
        #expect(throws: HeapError.self) { try build(3, replacing: true) }
        #expect(try Data(contentsOf: URL(filePath: working)) == Data("mine".utf8))
        #expect(try value() == 2)
    }
}
