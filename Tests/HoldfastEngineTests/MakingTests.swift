import Foundation
import HoldfastSystem
import Testing
import TestSupport

@testable import HoldfastEngine

/// Heaps that appear while others look for them, and the remains of a process that died while
/// creating one.
@Suite(.progress) struct MakingTests {
    /// The new heap has its name before its creator releases its lock. A process that finds it then
    /// waits, and does not take the creator for a user whose log is missing.
    @Test func foundWhileItIsMade() throws {
        let disk = SimulatedDisk()
        var options = EngineOptions()
        options.timeout = .milliseconds(5)
        var found: [HeapError] = []
        disk.onCall = { _ in
            guard disk.exists("/sim/test.heap"), !disk.exists("/sim/test.heap-shared") else {
                return
            }
            disk.onCall = nil
            do throws(HeapError) {
                _ = try HeapEngine(
                    path: "/sim/test.heap", mode: .readWrite, options: options, disk: disk)
            } catch { found.append(error) }
        }
        let engine = try HeapEngine(
            path: "/sim/test.heap", mode: .readWrite, options: options, disk: disk)
        #expect(
            found == [
                .timedOut(
                    path: "/sim/test.heap", waitingFor: "another process that opens or closes it")
            ])
        try engine.close()
    }

    /// A process that died between linking the heap's name and removing the working name leaves one
    /// file with two names.
    @Test func secondNameOfTheHeapIsNotBuiltOver() throws {
        let folder = try TemporaryFolder()
        let path = folder.file()
        let engine = try HeapEngine(path: path, mode: .readWrite)
        let cell = try engine.change { access in
            let cell = access.allocate(byteCount: 64)
            access.store(5, at: cell)
            return cell
        }
        try engine.close()
        let working = WorkingName.path(for: path, suffix: HeapFileBuilder.workingSuffix)
        try FileManager.default.linkItem(atPath: path, toPath: working)
        // A build that fails.
        let build = try HeapEngine(path: path, mode: .bulkBuild)
        try build.close()
        let again = try HeapEngine(path: path, mode: .readWrite)
        #expect(try again.look { $0.load(cell, as: Int.self) } == 5)
        // And while a process has the heap open: only two builders exclude each other.
        try FileManager.default.linkItem(atPath: path, toPath: working)
        let second = try HeapEngine(path: path, mode: .bulkBuild)
        #expect(throws: HeapError.busy(path: path)) { try HeapEngine(path: path, mode: .bulkBuild) }
        try second.close()
        #expect(try again.look { $0.load(cell, as: Int.self) } == 5)
        try again.close()
        #expect(folder.names == ["test.heap"])
    }
}
