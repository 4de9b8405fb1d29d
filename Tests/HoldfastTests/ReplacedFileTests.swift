import Foundation
import Holdfast
import HoldfastEngine
import HoldfastInspection
import Testing
import TestSupport

/// Other programs may rename, remove or truncate the file of an open heap: there is an error, and
/// files of others are not touched.
@Suite(.progress) struct ReplacedFileTests {
    private let folder = try! TemporaryFolder()
    private var path: String { folder.file() }

    private func open(_ mode: OpenMode = .readWrite) throws -> PersistentHeap {
        try PersistentHeap.open(path, mode: mode, engineOptions: EngineOptions())
    }

    private func make(_ name: String, _ value: Int) throws {
        let heap = try PersistentHeap.open(folder.file(name), engineOptions: EngineOptions())
        try heap.write { try $0.value("v", initial: 0).value = value }
        try heap.close()
    }

    private func value(_ heap: PersistentHeap) throws -> Int {
        try heap.read { try $0.value("v", of: Int.self).value }
    }

    /// Another heap in its place: sync, checkpoint and close report it. The view stays that of the
    /// old heap, and the neighbour files stay until the last process that has it open closes it.
    @Test(arguments: [true, false]) func anotherFileInItsPlace(isUsedAlready: Bool) throws {
        try make("test.heap", 1)
        try make("other.heap", 2)
        let heap = try open()
        let reader = try open(.readOnly)
        try heap.write { try $0.value("v", initial: 0).value = 3 }
        try heap.sync()
        #expect(rename(folder.file("other.heap"), path) == 0)
        if isUsedAlready {
            #expect(throws: HeapError.self) { try open() }
            let new = try open(.readOnly)
            for _ in 0 ..< 2 { #expect(try value(new) == 2) }
            try new.close()
        }
        // Readers see the file that they have open.
        #expect(try value(heap) == 3)
        #expect(try value(reader) == 3)
        try heap.write { try $0.value("v", initial: 0).value = 4 }
        #expect(throws: HeapError.replaced(path: path)) { try heap.sync() }
        #expect(throws: HeapError.replaced(path: path)) { try heap.checkpoint() }
        #expect(throws: HeapError.replaced(path: path)) { _ = try heap.snapshot() }
        #expect(throws: HeapError.replaced(path: path)) {
            try heap.copy(to: folder.file("copy.heap"))
        }
        #expect(try value(reader) == 4)
        #expect(throws: HeapError.replaced(path: path)) { try heap.close() }
        try reader.close()
        let again = try open()
        #expect(try value(again) == 2)
        try again.write { try $0.value("v", initial: 0).value = 20 }
        try again.close()
        #expect(folder.names == ["test.heap"])
    }

    /// A reader that was alone, and whose file is then replaced, does not remove the new heap's
    /// shared file.
    @Test func readerLeavesTheNewHeapAlone() throws {
        try make("test.heap", 1)
        try make("other.heap", 2)
        let reader = try open(.readOnly)
        #expect(try value(reader) == 1)
        #expect(rename(folder.file("other.heap"), path) == 0)
        let new = try open()
        #expect(try value(new) == 2)
        try reader.close()
        let second = try open()
        try second.write { try $0.value("v", initial: 0).value = 5 }
        #expect(try value(new) == 5)
        try second.close()
        try new.close()
        #expect(folder.names == ["test.heap"])
    }

    /// A removed file: later commits go to a file without a name.
    @Test func removedFile() throws {
        try make("test.heap", 1)
        let heap = try open()
        try heap.write { try $0.value("v", initial: 0).value = 2 }
        try heap.sync()
        #expect(unlink(path) == 0)
        #expect(try value(heap) == 2)
        try heap.write { try $0.value("v", initial: 0).value = 3 }
        #expect(throws: HeapError.replaced(path: path)) { try heap.sync() }
        #expect(throws: HeapError.replaced(path: path)) { try heap.checkpoint() }
        #expect(throws: HeapError.replaced(path: path)) { _ = try heap.check() }
        #expect(throws: HeapError.replaced(path: path)) { try heap.close() }
        // A new heap at the same path, with the old one's log beside it: it is empty, and works.
        let new = try open()
        #expect(try new.read { $0.roots.count } == 0)
        try new.write { try $0.value("v", initial: 0).value = 9 }
        try new.close()
        #expect(folder.names == ["test.heap"])
    }

    /// The file is truncated underneath: the missing part is unreadable, and an error of the
    /// transaction; no signal, no wrong value, and no commit.
    @Test func cutShort() throws {
        try make("test.heap", 1)
        let builder = try open()
        try builder.write { try $0.array("a", of: Int.self).append(contentsOf: 0 ..< 200_000) }
        try builder.close()
        let reader = try open(.readOnly)
        let writer = try open()
        #expect(truncate(path, 131_072) == 0)
        func isUnreadable(_ body: () throws -> Void) -> Bool {
            do { try body() } catch HeapError.unreadable(path: let name, offset: let offset) {
                return name == path && offset >= 131_072
            } catch { return false }
            return false
        }
        #expect(
            isUnreadable { _ = try reader.read { try $0.array("a", of: Int.self).reduce(0, +) } })
        #expect(
            isUnreadable {
                try writer.write { tx in
                    let array = try tx.array("a", of: Int.self)
                    array[150_000] += 1
                }
            })
        // From then on neither reads nor writes of this opening can be trusted.
        #expect(isUnreadable { try writer.write { try $0.value("v", initial: 0).value = 7 } })
        #expect(isUnreadable { _ = try reader.read { try $0.value("v", of: Int.self).value } })
        #expect(throws: HeapError.self) { try writer.check() }
        #expect(throws: HeapError.self) {
            try PersistentHeap.open(path, engineOptions: EngineOptions())
        }
        try? writer.close()
        try? reader.close()
        #expect(throws: HeapError.self) { try open() }
    }

    /// Copied without its log while it held commits: opening the copy in any mode reports the
    /// missing log, and leaves the copy unchanged.
    @Test func copiedWithoutItsLog() throws {
        let heap = try open()
        try heap.write { try $0.value("v", initial: 0).value = 1 }
        let copies = try TemporaryFolder()
        let bytes = try folder.bytes()
        try copies.write(bytes)
        let copy = copies.file()
        for mode in [OpenMode.readWrite, .readOnly, .privateCopy] {
            #expect(throws: HeapError.logMissing(path: copy, logPath: copy + "-log")) {
                try PersistentHeap.open(copy, mode: mode, engineOptions: EngineOptions())
            }
        }
        // The shared file alone does not replace the log: it is never synced.
        try copies.write(try folder.bytes("test.heap-shared"), to: "test.heap-shared")
        #expect(throws: HeapError.logMissing(path: copy, logPath: copy + "-log")) {
            try PersistentHeap.open(copy, engineOptions: EngineOptions())
        }
        #expect(try copies.bytes() == bytes)
        // With its log it opens, with or without the shared file's newest records.
        try heap.sync()
        try copies.write(try folder.bytes("test.heap-log"), to: "test.heap-log")
        let whole = try PersistentHeap.open(copy, engineOptions: EngineOptions())
        #expect(try value(whole) == 1)
        try whole.close()
        #expect(copies.names == ["test.heap"])
        try heap.close()
    }

    /// The log of another heap, or of another use of the same one, is not mistaken for this one's.
    @Test func logOfAnotherHeap() throws {
        let heap = try open()
        try heap.write { try $0.value("v", initial: 0).value = 1 }
        try heap.sync()
        let other = try PersistentHeap.open(
            folder.file("other.heap"), engineOptions: EngineOptions())
        try other.write { try $0.value("v", initial: 0).value = 2 }
        try other.sync()
        let copies = try TemporaryFolder()
        try copies.write(try folder.bytes())
        try copies.write(try folder.bytes("other.heap-log"), to: "test.heap-log")
        let copy = copies.file()
        #expect(throws: HeapError.foreignLog(path: copy, logPath: copy + "-log")) {
            try PersistentHeap.open(copy, engineOptions: EngineOptions())
        }
        // The right log, and the shared file of another heap: not this one's to remove, and of no
        // use to it.
        try copies.write(try folder.bytes("test.heap-log"), to: "test.heap-log")
        try copies.write(try folder.bytes("other.heap-shared"), to: "test.heap-shared")
        #expect(throws: HeapError.self) {
            try PersistentHeap.open(copy, engineOptions: EngineOptions())
        }
        #expect(try copies.bytes("test.heap-shared") == folder.bytes("other.heap-shared"))
        let reader = try PersistentHeap.open(copy, mode: .readOnly, engineOptions: EngineOptions())
        #expect(try value(reader) == 1)
        try reader.close()
        try FileManager.default.removeItem(atPath: copies.file("test.heap-shared"))
        let whole = try PersistentHeap.open(copy, engineOptions: EngineOptions())
        #expect(try value(whole) == 1)
        try whole.close()
        // A log from an earlier use of the same heap.
        let old = try folder.bytes("test.heap-log")
        try heap.close()
        let later = try open()
        try later.write { try $0.value("v", initial: 0).value = 3 }
        try copies.write(try folder.bytes())
        try copies.write(old, to: "test.heap-log")
        #expect(throws: HeapError.foreignLog(path: copy, logPath: copy + "-log")) {
            try PersistentHeap.open(copy, engineOptions: EngineOptions())
        }
        try later.close()
        try other.close()
    }

    /// A heap at rest beside files left by an earlier use of it: they are meaningless and are
    /// removed. Files of another heap may be all that remains of its last commits.
    @Test func leftFilesBesideAHeapAtRest() throws {
        try make("test.heap", 5)
        let used = try open()
        try used.write { try $0.value("v", initial: 0).value = 5 }
        let left = try ["-log", "-shared"].map { ($0, try folder.bytes("test.heap" + $0)) }
        try used.close()
        for (suffix, bytes) in left { try folder.write(bytes, to: "test.heap" + suffix) }
        for mode in [OpenMode.readOnly, .readWrite, .privateCopy] {
            let heap = try open(mode)
            #expect(try value(heap) == 5)
            try heap.close()
        }
        let heap = try open()
        try heap.write { try $0.value("v", initial: 0).value = 6 }
        try heap.close()
        #expect(folder.names == ["test.heap"])
        let other = try PersistentHeap.open(
            folder.file("other.heap"), engineOptions: EngineOptions())
        try other.write { try $0.value("v", initial: 0).value = 2 }
        for suffix in ["-log", "-shared"] {
            let bytes = try folder.bytes("other.heap" + suffix)
            try folder.write(bytes, to: "test.heap" + suffix)
            #expect(throws: HeapError.self) { try open() }
            let reader = try open(.readOnly)
            for _ in 0 ..< 2 { #expect(try value(reader) == 6) }
            try reader.close()
            #expect(try folder.bytes("test.heap" + suffix) == bytes)
            try FileManager.default.removeItem(atPath: folder.file("test.heap" + suffix))
        }
        try other.close()
    }
}
