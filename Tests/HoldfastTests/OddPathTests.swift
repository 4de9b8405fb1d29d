import Foundation
import Holdfast
import HoldfastEngine
import HoldfastInspection
import HoldfastSystem
import MemoryMapping
import Testing
import TestSupport

/// Paths are bytes: any path that the system accepts works, and others are refused before any file
/// is created.
@Suite(.progress) struct OddPathTests {
    private let folder = try! TemporaryFolder()

    private func use(_ path: String, _ value: Int = 1) throws {
        let heap = try PersistentHeap.open(path, engineOptions: EngineOptions())
        try heap.write { try $0.value("v", initial: 0).value = value }
        try heap.sync()
        try heap.close()
    }

    private func value(_ path: String) throws -> Int {
        let heap = try PersistentHeap.open(path, mode: .readOnly, engineOptions: EngineOptions())
        defer { try? heap.close() }
        for _ in 0 ..< 2 { _ = try heap.read { $0.roots.count } }
        return try heap.read { try $0.value("v", of: Int.self).value }
    }

    /// The error message, on one line; nil if there was no error.
    private func complaint(_ body: () throws -> Void) -> String? {
        do { try body() } catch let error as HeapError { return "\(error)" } catch { return nil }
        return nil
    }

    @Test func zeroInThePath() throws {
        try folder.write(Data("mine".utf8), to: "a")
        try use(folder.file("heap"))
        let heap = try PersistentHeap.open(folder.file("heap"))
        let odd = folder.file("a\0b")
        let calls: [() throws -> Void] = [
            { try self.use(odd) }, { _ = try self.value(odd) },
            { _ = try PersistentHeap.open(odd, mode: .privateCopy) },
            { try PersistentHeap.build(odd) { _ = try $0.value("v", initial: 1) } },
            {
                try PersistentHeap.build(odd, replacing: true) { _ = try $0.value("v", initial: 1) }
            },
            { try heap.copy(to: odd) }, { try heap.copy(to: odd, replacing: true) },
            { try heap.exportLines(to: odd) }, { try heap.importLines(from: odd) },
            { _ = try PersistentHeap.repair(odd, to: folder.file("repaired")) },
            { _ = try PersistentHeap.repair(folder.file("heap"), to: odd) },
        ]
        for (number, call) in calls.enumerated() {
            let text = complaint(call)
            #expect(
                text?.contains("zero byte") == true && text?.contains("\0") == false,
                "call \(number): \(text ?? "none")")
        }
        try heap.close()
        #expect(folder.names == ["a", "heap"])
        #expect(try folder.bytes("a") == Data("mine".utf8))
    }

    @Test func emptyPathAndMissingFolder() throws {
        for mode in [OpenMode.readWrite, .readOnly, .privateCopy] {
            #expect(
                complaint { _ = try PersistentHeap.open("", mode: mode) }?.contains("empty") == true
            )
            let missing = folder.file("none/heap")
            let text = complaint { _ = try PersistentHeap.open(missing, mode: mode) }
            #expect(
                text?.contains("folder") == true && text?.contains("open it for writing") == false,
                "\(text ?? "")")
            #expect(throws: HeapError.folderNotFound(path: missing)) {
                try PersistentHeap.open(missing, mode: mode)
            }
        }
        #expect(throws: HeapError.folderNotFound(path: folder.file("none/heap"))) {
            try PersistentHeap.build(folder.file("none/heap")) { _ = try $0.value("v", initial: 1) }
        }
        try folder.write(Data("mine".utf8), to: "file")
        #expect(complaint { try use(folder.file("file/heap")) }?.contains("is a file") == true)
    }

    /// A name must leave room for the suffixes of the neighbour files: either an error before any
    /// file is created, or everything works.
    @Test(arguments: 240 ... 256) func longNames(bytes: Int) throws {
        let path = folder.file(String(repeating: "n", count: bytes))
        if bytes + "-shared".utf8.count <= 255 {
            try use(path, 5)
            #expect(try value(path) == 5)
            try PersistentHeap.build(path, replacing: true) { _ = try $0.value("v", initial: 6) }
            #expect(try value(path) == 6)
            let heap = try PersistentHeap.open(path)
            #expect(throws: HeapError.sameFile(path: path)) { try heap.copy(to: path) }
            try heap.close()
        } else {
            #expect(complaint { try use(path) }?.contains("\(bytes + 7) bytes") == true)
            #expect(
                complaint { try PersistentHeap.build(path) { _ = try $0.value("v", initial: 1) } }
                    != nil)
            #expect(folder.names == [])
        }
    }

    @Test func longPaths() throws {
        var path = folder.path
        while path.utf8.count < 3900 {
            path += "/" + String(repeating: "f", count: 100)
            #expect(mkdir(path, 0o700) == 0)
        }
        for bytes in [4087, 4088, 4089, 4095, 4096, 5000] {
            let heap =
                path + "/"
                + String(repeating: "n", count: max(1, min(bytes - path.utf8.count - 1, 240)))
            if heap.utf8.count + 7 < 4096 {
                try use(heap, 5)
                #expect(try value(heap) == 5)
            } else {
                #expect(complaint { try use(heap) }?.contains("bytes") == true)
            }
        }
        #expect(
            complaint { try use(folder.path + String(repeating: "/x", count: 3000)) }?.contains("6")
                == true)
    }

    /// A working directory, a link and a name that are not UTF-8.
    @Test func bytesThatAreNoText() async throws {
        await #expect(processExitsWith: .success) {
            let folder = try TemporaryFolder()
            let odd: [UInt8] = Array(folder.path.utf8) + [UInt8(ascii: "/"), 0x63, 0xe9, 0xff]
            let repaired = String(decoding: odd, as: UTF8.self)
            func make(_ bytes: [UInt8]) -> Bool {
                (bytes.map { CChar(bitPattern: $0) } + [0]).withUnsafeBufferPointer {
                    mkdir($0.baseAddress!, 0o700) == 0
                }
            }
            guard make(odd), mkdir(repaired, 0o700) == 0 else { exit(2) }
            func names(_ bytes: [UInt8]) -> Int {
                guard
                    let stream = (bytes.map { CChar(bitPattern: $0) } + [0])
                        .withUnsafeBufferPointer({ opendir($0.baseAddress!) })
                else { return -1 }
                defer { closedir(stream) }
                var count = 0
                while let entry = readdir(stream) { if entry.pointee.d_name.0 != 46 { count += 1 } }
                return count
            }
            guard
                (odd.map { CChar(bitPattern: $0) } + [0]).withUnsafeBufferPointer({
                    chdir($0.baseAddress!)
                }) == 0
            else {
                exit(3)
            }
            // By a relative path, with all neighbour files.
            let heap = try PersistentHeap.open("app", engineOptions: EngineOptions())
            try heap.write { try $0.value("v", initial: 0).value = 4 }
            guard names(odd) == 3, names(Array(repaired.utf8)) == 0 else { exit(4) }
            guard chdir("/") == 0 else { exit(5) }
            try heap.sync()
            let seen = try heap.snapshot().read { try $0.value("v", of: Int.self).value }
            guard seen == 4 else { exit(6) }
            try heap.copy(to: folder.file("copy"))
            try heap.close()
            guard names(odd) == 1, names(Array(repaired.utf8)) == 0 else { exit(7) }
            // Through a link, and by a path with escaped bytes.
            let target = (odd + Array("/app".utf8) + [0]).map { CChar(bitPattern: $0) }
            guard symlink(target, folder.file("link")) == 0 else { exit(8) }
            for path in [folder.file("link"), PathBytes.text(odd) + "/app"] {
                let reader = try PersistentHeap.open(
                    path, mode: .readOnly, engineOptions: EngineOptions())
                for _ in 0 ..< 2 {
                    guard try reader.read({ try $0.value("v", of: Int.self).value }) == 4 else {
                        exit(9)
                    }
                }
                let writer = try PersistentHeap.open(path, engineOptions: EngineOptions())
                try writer.write { try $0.value("v", initial: 0).value = 4 }
                guard names(odd) == 3, names(Array(repaired.utf8)) == 0 else { exit(10) }
                try writer.close()
                try reader.close()
            }
            do { _ = try PersistentHeap.open(PathBytes.text(odd) + "/none", mode: .readOnly) } catch
            {
                guard "\(error)".contains("c\\xE9\\xFF/none") else { exit(11) }
            }
            // Code that removes folders by names as text would leave this one.
            try SystemDisk.shared.remove(PathBytes.text(odd) + "/app")
            guard PathBytes.withCString(PathBytes.text(odd), { rmdir($0) }) == 0 else { exit(12) }
        }
    }

    /// An accent after a slash forms one character with it, and is still the first byte of a name.
    @Test func accentBehindASlash() throws {
        let path = folder.file("\u{301}heap")
        try use(path, 3)
        #expect(try value(path) == 3)
        #expect(folder.names.map { Array($0.utf8) } == [Array("\u{301}heap".utf8)])
    }

    @Test func bytesAndBack() {
        let samples: [[UInt8]] = [
            [], Array("plain/näme".utf8), [0xff], [0x61, 0xe9, 0x62], [0xe2, 0x82],
            Array("\u{10FFFE}x".utf8),
            [0xf4, 0x8f, 0xbf, 0xbe, 0x80],
            Array(1 ... 255), [0xed, 0xa0, 0x80],
        ]
        for sample in samples {
            let text = PathBytes.text(sample)
            #expect(PathBytes.bytes(of: text) == sample)
            #expect(PathBytes.withCString(text) { strlen($0) } == sample.count)
        }
        #expect(PathBytes.text(Array("plain".utf8)) == "plain")
        #expect(PathBytes.display(PathBytes.text([0x61, 0xe9])) == "a\\xE9")
    }
}
