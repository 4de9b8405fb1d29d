import Foundation
import Holdfast
import HoldfastInspection
import HoldfastSystem
import Testing
import TestSupport

/// Suspensions as a program sees them.
@Suite(.progress) struct SuspensionTests {
    private let folder = try! TemporaryFolder()

    private func options() -> PersistentHeap.Options {
        var options = PersistentHeap.Options()
        options.timeout = .seconds(20)
        return options
    }

    private func add(_ heap: PersistentHeap) throws {
        try heap.write { try $0.value("v", initial: 0).value += 1 }
    }

    private func value(_ heap: PersistentHeap) throws -> Int {
        try heap.read { try $0.value("v", of: Int.self).value }
    }

    // In asynchronous functions, the compiler chooses the methods for tasks.
    private func version(_ heap: PersistentHeap) throws -> HeapVersion {
        try heap.read { $0.version }
    }

    private func isChanged(_ heap: PersistentHeap, since version: HeapVersion) throws -> Bool {
        try heap.waitForChange(since: version, timeout: .milliseconds(10))
    }

    private func hasLocks() throws -> Bool {
        let file = try SystemDisk.shared.open(folder.file(), .readWrite)
        defer { file.close() }
        for slot in 0 ..< FileLock.slotCount
        where try file.isLockedByOthers(FileLock(slot: slot)) { return true }
        return false
    }

    /// All objects of the process share the suspension, also those that are opened in it.
    @Test func objectsOfOneOpening() throws {
        let first = try PersistentHeap.open(folder.file(), options: options())
        let second = try PersistentHeap.open(folder.file(), mode: .readOnly, options: options())
        try add(first)
        try second.suspend()
        #expect(try !hasLocks())
        #expect(folder.names == ["test.heap"])
        let third = try PersistentHeap.open(folder.file(), options: options())
        #expect(try !hasLocks())
        #expect(try value(third) == 1)
        #expect(try hasLocks())
        try first.suspend()
        try first.close()
        #expect(throws: HeapError.closed(path: folder.file())) { try first.suspend() }
        #expect(throws: HeapError.closed(path: folder.file())) { try first.resume() }
        #expect(try value(second) == 1)
        try second.close()
        try add(third)
        try third.suspend()
        try third.close()
        #expect(folder.names == ["test.heap"])
    }

    /// Descriptors and mappings do not grow in number.
    @Test func manyTimes() throws {
        func descriptors() throws -> Int {
            try FileManager.default.contentsOfDirectory(atPath: "/dev/fd").count
        }
        let heap = try PersistentHeap.open(folder.file(), options: options())
        try add(heap)
        try heap.suspend()
        let before = try descriptors()
        for number in 2 ..< 102 {
            try add(heap)
            #expect(try value(heap) == number)
            try heap.suspend()
        }
        // Other tests of this process open files, too.
        #expect(try descriptors() < before + 80)
        try heap.close()
    }

    /// Iterations over changes go on after a suspension, and miss nothing that was committed
    /// meanwhile.
    @Test func changesGoOn() async throws {
        let heap = try await PersistentHeap.open(folder.file(), options: options())
        try add(heap)
        let seen = try version(heap)
        let changes = heap.changes(since: seen)
        try await heap.suspend()
        #expect(heap.version == seen)
        let other = try PersistentHeap.open(folder.file(), engineOptions: .init())
        try add(other)
        #expect(try !isChanged(heap, since: seen))
        try await heap.resume()
        var found: HeapVersion?
        for await version in changes {
            found = version
            break
        }
        #expect(try found == version(other))
        try other.close()
        try heap.close()
    }

    @Test func kinds() throws {
        let heap = try PersistentHeap.open(folder.file(), options: options())
        try add(heap)
        let snapshot = try heap.snapshot()
        let copy = try PersistentHeap.open(
            folder.file(), mode: .privateCopy, options: options())
        #expect(throws: HeapError.noFile(path: folder.file())) { try copy.suspend() }
        #expect(try value(copy) == 1)
        try heap.suspend()
        #expect(try snapshot.read { try $0.value("v", of: Int.self).value } == 1)
        // They keep locks of their own.
        #expect(try hasLocks())
        try snapshot.close()
        try copy.close()
        #expect(try !hasLocks())
        #expect(folder.names == ["test.heap"])
        #expect(try heap.check().problems.isEmpty)
        try heap.close()
        let memory = try PersistentHeap.inMemory()
        try add(memory)
        try memory.suspend()
        try memory.resume()
        #expect(try value(memory) == 1)
        try memory.close()
    }

    /// A suspended heap is closed with its last reference.
    @Test func droppedWhileSuspended() throws {
        do {
            let heap = try PersistentHeap.open(folder.file(), options: options())
            try add(heap)
            try heap.suspend()
        }
        #expect(try !hasLocks())
        let heap = try PersistentHeap.open(folder.file(), options: options())
        #expect(try value(heap) == 1)
        try heap.close()
    }

    @Test func inATransaction() async {
        await #expect(processExitsWith: .failure) {
            let folder = try TemporaryFolder()
            let heap = try PersistentHeap.open(folder.file())
            try heap.read { _ in try heap.suspend() }
        }
    }

    /// A forked child has the parent's heap, suspended or not, but not as its own.
    @Test func inAForkedChild() async {
        await #expect(processExitsWith: .success) {
            let folder = try TemporaryFolder()
            var options = PersistentHeap.Options()
            options.checkpointsInBackground = false
            let heap = try PersistentHeap.open(folder.file(), options: options)
            try heap.write { try $0.value("v", initial: 0).value = 1 }
            for isSuspended in [false, true] {
                if isSuspended { try heap.suspend() }
                let names = folder.names
                let status = ForkedChild.run {
                    let uses: [() throws -> Void] = [
                        { try heap.suspend() }, { try heap.resume() },
                        { _ = try heap.read { $0.roots.count } },
                    ]
                    for (index, use) in uses.enumerated() {
                        do { try use() } catch HeapError.forked { continue } catch {}
                        return Int32(index + 1)
                    }
                    do { try heap.close() } catch { return 20 }
                    return folder.names == names ? 0 : 21
                }
                guard status == 0 else { exit(status) }
            }
            guard try heap.read({ try $0.value("v", of: Int.self).value }) == 1 else { exit(30) }
            try heap.close()
            guard folder.names == ["test.heap"] else { exit(31) }
        }
    }
}
