import Dispatch
import Foundation
import HoldfastSystem
import Synchronization
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

    /// A file that gets its final name has one name at every moment: a file with two counts as
    /// somebody else's, for other processes that look for it then, and for all if the renaming
    /// process is killed halfway.
    @Test func namedInOneStep() throws {
        let folder = try TemporaryFolder()
        let path = folder.file()
        let working = path + "-new"
        try folder.write(Data(), to: "test.heap-new")
        let isDone = Atomic(false)
        let looks = Atomic(0)
        let mostNames = Atomic(0)
        let observer = DispatchSemaphore(value: 0)
        Thread.detachNewThread {
            while !isDone.load(ordering: .acquiring) {
                guard
                    let attributes = try? FileManager.default.attributesOfItem(atPath: working),
                    let names = attributes[.referenceCount] as? Int
                else { continue }
                mostNames.max(names, ordering: .relaxed)
                looks.add(1, ordering: .relaxed)
            }
            observer.signal()
        }
        // On a busy machine, the observer may begin late.
        var renames = 0
        while renames < 20_000 || looks.load(ordering: .relaxed) < 200 {
            do {
                try SystemDisk.shared.renameWithoutReplacing(working, to: path)
                try SystemDisk.shared.renameReplacing(path, to: working)
            } catch {
                Issue.record(error)
                break
            }
            renames += 1
        }
        isDone.store(true, ordering: .releasing)
        observer.wait()
        #expect(mostNames.load(ordering: .relaxed) == 1)
        try folder.write(Data(), to: "test.heap")
        #expect {
            try SystemDisk.shared.renameWithoutReplacing(working, to: path)
        } throws: { ($0 as? SystemError)?.errno == .fileExists }
    }

    /// A file of somebody who linked the heap to the working name of a build is left alone.
    @Test func otherNameOfTheHeapIsNotBuiltOver() throws {
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
        #expect {
            try HeapEngine(path: path, mode: .bulkBuild)
        } throws: { error in
            guard case HeapError.foreignFile(working, let reason) = error else { return false }
            return reason.contains("several names")
        }
        try FileManager.default.removeItem(atPath: working)
        let again = try HeapEngine(path: path, mode: .readWrite)
        #expect(try again.look { $0.load(cell, as: Int.self) } == 5)
        try again.close()
        #expect(folder.names == ["test.heap"])
    }
}
