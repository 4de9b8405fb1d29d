import Foundation
import Holdfast
import HoldfastEngine
import HoldfastInspection
import Testing
import TestSupport

/// Files beside a heap that have the names of its own files and belong to others: the heap never
/// removes, replaces or changes them.
@Suite(.progress) struct NeighbourFileTests {
    private let folder = try! TemporaryFolder()
    private var path: String { folder.file("app") }

    private func open(_ mode: OpenMode = .readWrite) throws -> PersistentHeap {
        try PersistentHeap.open(path, mode: mode, engineOptions: EngineOptions())
    }

    private func make(_ name: String = "app", value: Int = 5) throws {
        let heap = try PersistentHeap.open(folder.file(name), engineOptions: EngineOptions())
        try heap.write { try $0.value("v", initial: 0).value = value }
        try heap.close()
    }

    private func value() throws -> Int {
        let heap = try open(.readOnly)
        defer { try? heap.close() }
        return try heap.read { try $0.value("v", of: Int.self).value }
    }

    /// A heap in another folder as after a kill, with its neighbour files.
    private func killedHeap() throws -> TemporaryFolder {
        let copies = try TemporaryFolder()
        let source = try TemporaryFolder()
        let heap = try PersistentHeap.open(source.file("app"), engineOptions: EngineOptions())
        try heap.write { try $0.value("v", initial: 0).value = 77 }
        try heap.sync()
        for name in source.names { try copies.write(try source.bytes(name), to: name) }
        try heap.close()
        return copies
    }

    enum Stranger: CaseIterable {
        case text, longText, otherHeap, link, linkToNothing, linkToOwn, hardLink, folder, pipe,
            otherHeapsLog, otherHeapsShared
    }

    /// Puts a file of another owner at `name`.
    private func put(_ stranger: Stranger, at name: String) throws {
        let manager = FileManager.default
        let place = folder.file(name)
        switch stranger {
        case .text: try folder.write(Data("dear diary\n".utf8), to: name)
        case .longText:
            try folder.write(
                Data(String(repeating: "a line of a log\n", count: 20_000).utf8), to: name)
        case .otherHeap: try make(name, value: 8)
        case .link:
            try folder.write(Data("target\n".utf8), to: "target")
            try manager.createSymbolicLink(atPath: place, withDestinationPath: "target")
        case .linkToNothing:
            try manager.createSymbolicLink(atPath: place, withDestinationPath: "nothing")
        case .linkToOwn: try manager.createSymbolicLink(atPath: place, withDestinationPath: "app")
        case .hardLink:
            try folder.write(Data("two names\n".utf8), to: "target")
            try manager.linkItem(atPath: folder.file("target"), toPath: place)
        case .folder: try manager.createDirectory(atPath: place, withIntermediateDirectories: false)
        case .pipe: #expect(mkfifo(place, 0o600) == 0)
        case .otherHeapsLog: try folder.write(try killedHeap().bytes("app-log"), to: name)
        case .otherHeapsShared: try folder.write(try killedHeap().bytes("app-shared"), to: name)
        }
    }

    /// The visible properties of a file, without following links.
    private func look(_ name: String) -> String {
        var status = stat()
        guard lstat(folder.file(name), &status) == 0 else { return "missing" }
        var text =
            "\(status.st_ino) \(status.st_mode) \(status.st_nlink) \(status.st_size) \(status.st_mtim.tv_nsec)"
        if status.st_mode & S_IFMT == S_IFREG {
            text += " \((try? folder.bytes(name))?.hashValue ?? 0)"
        }
        if status.st_mode & S_IFMT == S_IFLNK {
            text +=
                (try? FileManager.default.destinationOfSymbolicLink(atPath: folder.file(name)))
                ?? ""
        }
        return text
    }

    private func isRefused(_ name: String, _ body: () throws -> Void) -> Bool {
        do { try body() } catch let error as HeapError {
            let text = "\(error)"
            return text.contains(name) && !text.contains("\n")
        } catch { return false }
        return false
    }

    @Test(arguments: Stranger.allCases, ["app-log", "app-shared"])
    func strangersStay(_ stranger: Stranger, name: String) throws {
        try make()
        let before = try folder.bytes("app")
        try put(stranger, at: name)
        let (seen, target) = (look(name), look("target"))
        // A writer is refused, with the name of the obstructing file.
        #expect(isRefused(name) { try open().close() })
        // A reader works without the file.
        let reader = try open(.readOnly)
        for _ in 0 ..< 2 { #expect(try reader.read { try $0.value("v", of: Int.self).value } == 5) }
        _ = try reader.statistics()
        _ = try reader.check()
        try reader.close()
        let snapshot = try open(.privateCopy)
        #expect(try snapshot.read { try $0.value("v", of: Int.self).value } == 5)
        try snapshot.close()
        #expect(look(name) == seen && look("target") == target)
        #expect(try folder.bytes("app") == before)
        // Without the obstacle, everything works as usual.
        try FileManager.default.removeItem(atPath: folder.file(name))
        try make(value: 6)
        #expect(try value() == 6)
        #expect(!folder.names.contains("app-log") && !folder.names.contains("app-shared"))
        #expect(look("nothing") == "missing")
    }

    /// Another program's log file that happens to be empty.
    @Test func emptyLogStays() throws {
        try make()
        try folder.write(Data(), to: "app-log")
        let seen = look("app-log")
        #expect(isRefused("app-log") { try open().close() })
        #expect(look("app-log") == seen)
    }

    /// A file that appears while the heap is open: the commit that would need its name is refused.
    @Test func strangerThatComesLater() throws {
        try make()
        let heap = try open()
        try put(.text, at: "app-log")
        let seen = look("app-log")
        #expect(isRefused("app-log") { try heap.write { try $0.value("v", initial: 0).value = 7 } })
        #expect(look("app-log") == seen)
        #expect(try heap.read { try $0.value("v", of: Int.self).value } == 5)
        try heap.close()
        #expect(look("app-log") == seen)
        try FileManager.default.removeItem(atPath: folder.file("app-log"))
        try make(value: 7)
        #expect(try value() == 7)
        #expect(folder.names == ["app"])
    }

    /// A file that replaced one of an open heap's files is not removed when the heap is closed.
    @Test(arguments: ["app-log", "app-shared"]) func strangerInTheLogsPlace(name: String) throws {
        try make()
        let heap = try open()
        try heap.write { try $0.value("v", initial: 0).value = 7 }
        try FileManager.default.removeItem(atPath: folder.file(name))
        try put(.text, at: name)
        let seen = look(name)
        try? heap.close()
        #expect(look(name) == seen)
        try FileManager.default.removeItem(atPath: folder.file(name))
        #expect(try value() == 7)
    }

    /// After a kill, with the log or the shared file replaced by another object.
    @Test(arguments: Stranger.allCases.filter { $0 != .otherHeap }) func strangerAfterAKill(
        _ stranger: Stranger
    ) throws {
        let killed = try killedHeap()
        for name in killed.names { try folder.write(try killed.bytes(name), to: name) }
        for name in ["app-log", "app-shared"] {
            let own = try folder.bytes(name)
            try FileManager.default.removeItem(atPath: folder.file(name))
            try put(stranger, at: name)
            let (seen, heap) = (look(name), try folder.bytes("app"))
            #expect(isRefused(name) { try open().close() }, "\(name)")
            #expect(look(name) == seen)
            #expect(try folder.bytes("app") == heap)
            try FileManager.default.removeItem(atPath: folder.file(name))
            try? FileManager.default.removeItem(atPath: folder.file("target"))
            try folder.write(own, to: name)
        }
        #expect(try value() == 77)
        let heap = try open()
        try heap.close()
        #expect(folder.names == ["app"])
    }

    /// Copies and builds do not take a name that a user may have used.
    @Test(arguments: Stranger.allCases) func copiesAndBuilds(_ stranger: Stranger) throws {
        try make("app")
        try put(stranger, at: "b-new")
        let (seen, target) = (look("b-new"), look("target"))
        let heap = try open()
        try heap.copy(to: folder.file("b"))
        try heap.copy(to: folder.file("b"), replacing: true)
        try heap.close()
        try PersistentHeap.build(folder.file("b"), replacing: true) {
            _ = try $0.value("v", initial: 3)
        }
        #expect(look("b-new") == seen && look("target") == target)
        let made = try PersistentHeap.open(folder.file("b"), engineOptions: EngineOptions())
        #expect(try made.read { try $0.value("v", of: Int.self).value } == 3)
        try made.close()
    }

    /// A heap that its program has left unclosed can still be replaced as a whole, together with
    /// its log.
    @Test func replacingAKilledHeap() throws {
        let killed = try killedHeap()
        for name in killed.names { try folder.write(try killed.bytes(name), to: name) }
        try PersistentHeap.build(path, replacing: true) { _ = try $0.value("v", initial: 3) }
        #expect(folder.names == ["app"])
        #expect(try value() == 3)
        for name in killed.names { try folder.write(try killed.bytes(name), to: name) }
        try make("other", value: 9)
        let other = try PersistentHeap.open(folder.file("other"))
        try other.copy(to: path, replacing: true)
        try other.close()
        #expect(folder.names == ["app", "other"])
        #expect(try value() == 9)
    }

    /// The remains of an opening that ended in its first moments: only zeros, under the shared
    /// file's name.
    @Test(arguments: [0, 4096, 16384, 16384 + 65536]) func ownLeftovers(size: Int) throws {
        try make()
        try folder.write(Data(count: size), to: "app-shared")
        try make(value: 6)
        #expect(try value() == 6)
        #expect(folder.names == ["app"])
    }
}
