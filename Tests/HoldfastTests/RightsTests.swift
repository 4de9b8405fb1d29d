import Foundation
import Holdfast
import HoldfastEngine
import HoldfastInspection
import Testing
import TestSupport

/// The permissions of a heap's neighbour files and copies: those of the heap, whatever the
/// program's umask.
@Suite(.progress) struct RightsTests {
    private let folder = try! TemporaryFolder()
    private var path: String { folder.file("app") }

    private func mode(_ name: String) -> Int {
        var status = stat()
        return lstat(folder.file(name), &status) == 0 ? Int(status.st_mode & 0o7777) : -1
    }

    private func make(_ mode: mode_t) throws {
        let heap = try PersistentHeap.open(path)
        try heap.write { try $0.value("v", initial: 0).value = 5 }
        try heap.close()
        #expect(chmod(path, mode) == 0)
    }

    @Test(arguments: [0o600, 0o640, 0o660, 0o644, 0o666]) func filesBesideTheHeap(heapMode: Int)
        throws
    {
        try make(mode_t(heapMode))
        let heap = try PersistentHeap.open(path, engineOptions: EngineOptions())
        try heap.write { try $0.value("v", initial: 0).value = 6 }
        #expect(mode("app-log") == heapMode && mode("app-shared") == heapMode)
        try heap.close()
        #expect(mode("app") == heapMode)
    }

    @Test(arguments: [0o600, 0o640, 0o664]) func copies(heapMode: Int) throws {
        try make(mode_t(heapMode))
        let heap = try PersistentHeap.open(path, engineOptions: EngineOptions())
        try heap.copy(to: folder.file("copy"))
        try heap.exportLines(to: folder.file("lines"))
        try heap.close()
        _ = try PersistentHeap.repair(path, to: folder.file("repaired"))
        try PersistentHeap.build(path, replacing: true) { _ = try $0.value("v", initial: 3) }
        for name in ["copy", "lines", "repaired", "app"] {
            #expect(mode(name) == heapMode, "\(name)")
        }
    }

    /// The program's umask applies to a new heap, and to nothing else.
    @Test func maskOfTheProgram() async throws {
        await #expect(processExitsWith: .success) {
            let folder = try TemporaryFolder()
            func mode(_ name: String) -> Int {
                var status = stat()
                return stat(folder.file(name), &status) == 0 ? Int(status.st_mode & 0o777) : -1
            }
            umask(0o077)
            let heap = try PersistentHeap.open(folder.file("app"), engineOptions: EngineOptions())
            guard mode("app") == 0o600, chmod(folder.file("app"), 0o664) == 0 else { exit(2) }
            try heap.close()
            let again = try PersistentHeap.open(folder.file("app"), engineOptions: EngineOptions())
            try again.write { try $0.value("v", initial: 0).value = 6 }
            guard mode("app-log") == 0o664, mode("app-shared") == 0o664 else { exit(3) }
            try again.copy(to: folder.file("copy"))
            guard mode("copy") == 0o664 else { exit(4) }
            umask(0)
            try PersistentHeap.build(folder.file("built")) { _ = try $0.value("v", initial: 3) }
            guard mode("built") == 0o644 else { exit(5) }
            try again.close()
        }
    }

    private static let isRoot = geteuid() == 0

    /// A commit by root leaves the heap to its owner.
    @Test(.enabled(if: isRoot, "skipped: only root can act for another user")) func rootsCommit()
        async throws
    {
        await #expect(processExitsWith: .success) {
            let folder = try TemporaryFolder()
            umask(0o077)
            guard chmod(folder.path, 0o777) == 0 else { exit(2) }
            let path = folder.file("app")
            let heap = try PersistentHeap.open(path, engineOptions: EngineOptions())
            try heap.write { try $0.value("v", initial: 0).value = 5 }
            try heap.close()
            guard chown(path, 12345, 23456) == 0, chmod(path, 0o640) == 0 else { exit(3) }
            let roots = try PersistentHeap.open(path, engineOptions: EngineOptions())
            try roots.write { try $0.value("v", initial: 0).value = 6 }
            try roots.copy(to: folder.file("copy"))
            try roots.exportLines(to: folder.file("lines"))
            for name in ["app", "app-log", "app-shared", "copy", "lines"] {
                var status = stat()
                guard stat(folder.file(name), &status) == 0, status.st_uid == 12345,
                    status.st_gid == 23456,
                    status.st_mode & 0o777 == 0o640
                else { exit(4) }
            }
            // The owner opens it while root has it open, and commits.
            guard chown(folder.path, 12345, 23456) == 0 else { exit(8) }
            guard setgid(23456) == 0, setuid(12345) == 0 else { exit(5) }
            let owners = try PersistentHeap.open(path, engineOptions: EngineOptions())
            guard try owners.read({ try $0.value("v", of: Int.self).value }) == 6 else { exit(6) }
            try owners.write { try $0.value("v", initial: 0).value = 7 }
            try owners.close()
            try roots.close()
            let again = try PersistentHeap.open(path, engineOptions: EngineOptions())
            guard try again.read({ try $0.value("v", of: Int.self).value }) == 7 else { exit(7) }
            try again.close()
            _ = setuid(12345)
        }
    }

    /// Two users of one group share a heap in a folder of the group's.
    @Test(.enabled(if: isRoot, "skipped: only root can act for another user"))
    func usersOfOneGroup() async throws {
        await #expect(processExitsWith: .success) {
            let folder = try TemporaryFolder()
            let path = folder.file("app")
            guard chown(folder.path, 12345, 23456) == 0, chmod(folder.path, 0o2770) == 0 else {
                exit(2)
            }
            /// Runs `body` in a process of that user.
            func asUser(_ user: uid_t, _ body: () throws -> Bool) -> Bool {
                guard setegid(23456) == 0, seteuid(user) == 0 else { return false }
                defer { _ = seteuid(0) }
                return (try? body()) ?? false
            }
            umask(0o022)
            guard
                asUser(
                    12345,
                    {
                        let heap = try PersistentHeap.open(path, engineOptions: EngineOptions())
                        try heap.write { try $0.value("v", initial: 0).value = 5 }
                        try heap.close()
                        return chmod(path, 0o660) == 0
                    })
            else { exit(3) }
            var first: PersistentHeap?
            guard
                asUser(
                    12345,
                    {
                        first = try PersistentHeap.open(path, engineOptions: EngineOptions())
                        try first!.write { try $0.value("v", initial: 0).value = 6 }
                        return true
                    })
            else { exit(4) }
            guard
                asUser(
                    12346,
                    {
                        let second = try PersistentHeap.open(path, engineOptions: EngineOptions())
                        try second.write { try $0.value("v", initial: 0).value += 1 }
                        try second.sync()
                        try second.close()
                        return try first!.read { try $0.value("v", of: Int.self).value } == 7
                    })
            else { exit(5) }
            // A user outside the group sees nothing.
            var status = stat()
            guard stat(path + "-log", &status) == 0, status.st_mode & 0o777 == 0o660,
                status.st_gid == 23456
            else { exit(6) }
            try first!.close()
        }
    }
}
