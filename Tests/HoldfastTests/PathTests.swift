import Foundation
import Holdfast
import HoldfastEngine
import HoldfastInspection
import Testing
import TestSupport

/// A file can have many names: whichever is used to open it, there is one heap, one log, and one
/// mapping per process.
@Suite(.progress, .serialized) struct PathTests {
    private let folder = try! TemporaryFolder()

    private func make(_ path: String) throws {
        let heap = try PersistentHeap.open(path)
        try heap.write { try $0.value("v", initial: 0).value = 5 }
        try heap.close()
    }

    /// Opened a second time in the same process, by any name: one registered opening.
    @Test func everyNameSharesTheMapping() throws {
        let path = folder.file()
        try make(path)
        let manager = FileManager.default
        try manager.createDirectory(atPath: folder.file("sub"), withIntermediateDirectories: false)
        try manager.createSymbolicLink(atPath: folder.file("link.heap"), withDestinationPath: path)
        try manager.createSymbolicLink(
            atPath: folder.file("relative.heap"), withDestinationPath: "test.heap")
        try manager.createSymbolicLink(
            atPath: folder.file("twice.heap"), withDestinationPath: "sub/../link.heap")
        try manager.createSymbolicLink(
            atPath: folder.file("linked"), withDestinationPath: folder.path)
        try manager.linkItem(atPath: path, toPath: folder.file("hard.heap"))
        let heap = try PersistentHeap.open(path)
        let up = String(
            repeating: "../", count: manager.currentDirectoryPath.split(separator: "/").count)
        let names = [
            path, folder.path + "/./test.heap", folder.path + "//test.heap",
            folder.path + "/sub/../test.heap",
            up + path.dropFirst(),
            folder.file("link.heap"), folder.file("relative.heap"), folder.file("twice.heap"),
            folder.path + "/linked/test.heap",
            folder.file("hard.heap"),
        ]
        var others: [PersistentHeap] = []
        for name in names {
            let other = try PersistentHeap.open(name)
            #expect(other.path == name)
            try other.write { try $0.value("v", initial: 0).value += 1 }
            #expect(try heap.views().count == 1, "\(name)")
            others.append(other)
        }
        #expect(try heap.read { try $0.value("v", of: Int.self).value } == 5 + names.count)
        for other in others { try other.close() }
        try heap.write { try $0.value("v", initial: 0).value = 1 }
        try heap.close()
        #expect(folder.names.filter { $0.hasSuffix("-log") || $0.hasSuffix("-shared") } == [])
    }

    /// Separate engines, as in separate processes: the log lies beside the file and not beside the
    /// link.
    @Test func logLiesBesideTheFile() throws {
        let path = folder.file()
        try make(path)
        let elsewhere = try TemporaryFolder()
        try FileManager.default.createSymbolicLink(
            atPath: elsewhere.file("link.heap"), withDestinationPath: path)
        let linked = elsewhere.file("link.heap")
        let first = try PersistentHeap.open(linked, engineOptions: EngineOptions())
        try first.write { try $0.value("v", initial: 0).value = 6 }
        #expect(elsewhere.names == ["link.heap"])
        #expect(folder.names == ["test.heap", "test.heap-log", "test.heap-shared"])
        for name in [path, linked] {
            for mode in [OpenMode.readWrite, .readOnly, .privateCopy] {
                let other = try PersistentHeap.open(
                    name, mode: mode, engineOptions: EngineOptions())
                #expect(try other.read { try $0.value("v", of: Int.self).value } == 6)
                try other.close()
            }
        }
        #expect(try first.check().isSound)
        try first.close()
        #expect(folder.names == ["test.heap"])
        #expect(elsewhere.names == ["link.heap"])
    }

    /// Also after a crash, whichever name is then used.
    @Test func recoveryFindsTheLogThroughALink() throws {
        let path = folder.file()
        let heap = try PersistentHeap.open(path, engineOptions: EngineOptions())
        try heap.write { try $0.value("v", initial: 0).value = 9 }
        let copies = try TemporaryFolder()
        for name in folder.names { try copies.write(try folder.bytes(name), to: name) }
        let elsewhere = try TemporaryFolder()
        try FileManager.default.createSymbolicLink(
            atPath: elsewhere.file("link.heap"), withDestinationPath: copies.file())
        let again = try PersistentHeap.open(elsewhere.file("link.heap"))
        #expect(try again.read { try $0.value("v", of: Int.self).value } == 9)
        try again.close()
        try heap.close()
    }

    /// A link to a missing file: the heap is created at its target, and the link stays a link.
    @Test func linkToNothing() throws {
        try FileManager.default.createSymbolicLink(
            atPath: folder.file("link.heap"), withDestinationPath: "real.heap")
        try make(folder.file("link.heap"))
        #expect(folder.names == ["link.heap", "real.heap"])
        #expect(
            try FileManager.default.destinationOfSymbolicLink(atPath: folder.file("link.heap"))
                == "real.heap")
        try make(folder.file("real.heap"))
        // Building behaves in the same way.
        try FileManager.default.removeItem(atPath: folder.file("real.heap"))
        try PersistentHeap.build(folder.file("link.heap")) { _ = try $0.value("v", initial: 3) }
        #expect(folder.names == ["link.heap", "real.heap"])
        // Links that form a cycle are an error, and so is a missing folder.
        try FileManager.default.createSymbolicLink(
            atPath: folder.file("circle"), withDestinationPath: "circle")
        #expect(throws: HeapError.self) { try PersistentHeap.open(folder.file("circle")) }
        #expect(throws: HeapError.folderNotFound(path: folder.file("no/such.heap"))) {
            try PersistentHeap.open(folder.file("no/such.heap"))
        }
    }

    /// If a program changes its working directory, or a link gets another target, an open heap
    /// still finds its own log.
    @Test func workingFolderAndLinksMayChange() async throws {
        await #expect(processExitsWith: .success) {
            let (first, second) = (try TemporaryFolder(), try TemporaryFolder())
            for folder in [first, second] {
                let heap = try PersistentHeap.open(folder.file())
                try heap.write { try $0.value("v", initial: 0).value = 1 }
                try heap.close()
            }
            guard FileManager.default.changeCurrentDirectoryPath(first.path) else { exit(2) }
            let heap = try PersistentHeap.open("test.heap")
            guard FileManager.default.changeCurrentDirectoryPath(second.path) else { exit(3) }
            let other = try PersistentHeap.open("test.heap")
            try other.write { try $0.value("v", initial: 0).value = 20 }
            try heap.write { try $0.value("v", initial: 0).value = 10 }
            try heap.sync()
            let seen = try heap.snapshot().read { try $0.value("v", of: Int.self).value }
            guard seen == 10, first.names.count == 3, second.names.count == 3 else { exit(4) }
            try heap.close()
            try other.close()
            guard first.names == ["test.heap"], second.names == ["test.heap"] else { exit(5) }
            let again = try PersistentHeap.open(first.file())
            guard try again.read({ try $0.value("v", of: Int.self).value }) == 10 else { exit(6) }
        }
    }

    /// A reader that has not created neighbour files yet creates them where the heap is, whatever
    /// path it was opened by, and wherever the program, a link or the heap's name has moved since.
    @Test func visitorsFindTheirPlace() async throws {
        await #expect(processExitsWith: .success) {
            let (first, second) = (try TemporaryFolder(), try TemporaryFolder())
            for (folder, value) in [(first, 1), (second, 2)] {
                let heap = try PersistentHeap.open(folder.file())
                try heap.write { try $0.value("v", initial: 0).value = value }
                try heap.close()
            }
            let link = first.path + "/link"
            guard symlink("test.heap", link) == 0 else { exit(2) }
            guard FileManager.default.changeCurrentDirectoryPath(first.path) else { exit(3) }
            let readers = try ["test.heap", "link"].map {
                try PersistentHeap.open($0, mode: .readOnly, engineOptions: EngineOptions())
            }
            func readAll() throws -> [Int] {
                try readers.map { try $0.read { try $0.value("v", of: Int.self).value } }
            }
            guard try readAll() == [1, 1], first.names.sorted() == ["link", "test.heap"] else {
                exit(4)
            }
            guard FileManager.default.changeCurrentDirectoryPath(second.path), unlink(link) == 0,
                symlink(second.file(), link) == 0
            else { exit(5) }
            guard try readAll() == [1, 1], first.names.contains("test.heap-shared"),
                second.names == ["test.heap"]
            else {
                exit(6)
            }
            let writer = try PersistentHeap.open(first.file(), engineOptions: EngineOptions())
            guard try writer.views().count == 3 else { exit(7) }
            try writer.write { try $0.value("v", initial: 0).value = 10 }
            guard try readAll() == [10, 10] else { exit(8) }
            for reader in readers { try reader.close() }
            try writer.close()
            // Renamed between two reads: it is the same heap, under its new name.
            let reader = try PersistentHeap.open(
                first.file(), mode: .readOnly, engineOptions: EngineOptions())
            guard try reader.read({ try $0.value("v", of: Int.self).value }) == 10 else { exit(9) }
            guard rename(first.file(), first.file("new.heap")) == 0 else { exit(10) }
            guard try reader.read({ try $0.value("v", of: Int.self).value }) == 10 else { exit(11) }
            guard first.names.contains("new.heap-shared") else { exit(12) }
            let again = try PersistentHeap.open(
                first.file("new.heap"), engineOptions: EngineOptions())
            guard try again.views().count == 2 else { exit(13) }
        }
    }
}
