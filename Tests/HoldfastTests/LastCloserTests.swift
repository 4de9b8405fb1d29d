import Foundation
import Holdfast
import HoldfastEngine
import Testing
import TestSupport

/// The last opening of a heap leaves one file, even if it is a snapshot, a private copy or a reader
/// that has outlived all writers.
@Suite(.progress) struct LastCloserTests {
    private let folder = try! TemporaryFolder()

    private func open(_ mode: OpenMode = .readWrite) throws -> PersistentHeap {
        try PersistentHeap.open(folder.file(), mode: mode, engineOptions: EngineOptions())
    }

    private func value() throws -> Int {
        let heap = try open(.readOnly)
        defer { try? heap.close() }
        return try heap.read { try $0.value("v", of: Int.self).value }
    }

    @Test(arguments: [true, false]) func otherOpenings(isPrivate: Bool) throws {
        let mode = isPrivate ? OpenMode.privateCopy : .readOnly
        let heap = try open()
        try heap.write { try $0.value("v", initial: 0).value = 1 }
        let other = try open(mode)
        for _ in 0 ..< 2 { #expect(try other.read { try $0.value("v", of: Int.self).value } == 1) }
        if mode == .privateCopy { try other.write { try $0.value("v", initial: 0).value = 99 } }
        try heap.write { try $0.value("v", initial: 0).value = 2 }
        try heap.close()
        #expect(folder.names.count == 3)
        try other.close()
        #expect(folder.names == ["test.heap"])
        #expect(try value() == 2)
    }

    @Test func snapshot() throws {
        let heap = try open()
        try heap.write { try $0.value("v", initial: 0).value = 1 }
        let snapshot = try heap.snapshot()
        try heap.write { try $0.value("v", initial: 0).value = 2 }
        try heap.close()
        #expect(try snapshot.read { try $0.value("v", of: Int.self).value } == 1)
        try snapshot.close()
        #expect(folder.names == ["test.heap"])
        #expect(try value() == 2)
    }

    /// Without the shared file it is unknown whether there were more commits: a warning.
    @Test func sharedFileIsMissing() throws {
        let source = try TemporaryFolder()
        let heap = try PersistentHeap.open(source.file(), engineOptions: EngineOptions())
        try heap.write { try $0.value("v", initial: 0).value = 1 }
        try heap.sync()
        try heap.write { try $0.value("v", initial: 0).value = 2 }
        for name in source.names { try folder.write(try source.bytes(name), to: name) }
        try heap.close()
        for mode in [OpenMode.readOnly, .privateCopy, .readWrite] {
            let whole = try TemporaryFolder()
            for name in folder.names { try whole.write(try folder.bytes(name), to: name) }
            let again = try PersistentHeap.open(
                whole.file(), mode: mode, engineOptions: EngineOptions())
            #expect(again.warnings == [])
            #expect(try again.read { try $0.value("v", of: Int.self).value } == 2)
            try again.close()
            let part = try TemporaryFolder()
            for name in folder.names where !name.hasSuffix("-shared") {
                try part.write(try folder.bytes(name), to: name)
            }
            let older = try PersistentHeap.open(
                part.file(), mode: mode, engineOptions: EngineOptions())
            #expect(older.warnings.count == 1 && older.warnings[0].contains("test.heap-shared"))
            #expect(try older.read { try $0.value("v", of: Int.self).value } == 1)
            try older.close()
        }
    }

    /// The process that holds the write lock is shown as writing.
    @Test func writersAreShown() throws {
        let heap = try open()
        let reader = try open(.readOnly)
        for _ in 0 ..< 2 { _ = try reader.read { $0.roots.count } }
        #expect(try reader.views().allSatisfy { !$0.isWriting })
        try heap.write { tx in
            _ = try tx.value("v", initial: 0)
            let views = try reader.views()
            #expect(views.contains { $0.isWriting && !$0.isOpen })
        }
        #expect(try reader.views().allSatisfy { !$0.isWriting })
        try reader.close()
        try heap.close()
    }
}
