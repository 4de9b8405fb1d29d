import Foundation
import Holdfast
import HoldfastEngine
import HoldfastInspection
import HoldfastSystem
import Testing
import TestSupport

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

private func isForked(_ body: () throws -> Void) -> Bool {
    do { try body() } catch HeapError.forked(path: _) { return true } catch { return false }
    return false
}

/// A forked child has the parent's heaps in its memory, but they are not its own: its calls are
/// refused, and cannot harm the parent.
///
/// Each test runs in a process of its own, whose only other threads are idle.
@Suite(.progress) struct ForkTests {
    /// Two children of a process that has a heap open have threads with the same numbers. One waits
    /// for the other's transaction like for that of any process.
    @Test func siblingsWaitForEachOther() async {
        await #expect(processExitsWith: .success) {
            let folder = try TemporaryFolder()
            var options = PersistentHeap.Options()
            options.checkpointsInBackground = false
            let unrelated = try PersistentHeap.inMemory(options: options)
            let path = folder.file()
            func add(within: () -> Void) throws {
                let heap = try PersistentHeap.open(path, options: options)
                try heap.write {
                    try $0.value("v", initial: 0).value += 1
                    within()
                }
                try heap.close()
            }
            try add {}
            var ends: [Int32] = [0, 0]
            guard pipe(&ends) == 0 else { exit(2) }
            let holder = ForkedChild.begin()
            if holder == 0 {
                do {
                    try add {
                        _ = write(ends[1], "x", 1)
                        usleep(300_000)
                    }
                } catch { _exit(3) }
                _exit(0)
            }
            let status = ForkedChild.run {
                var byte: UInt8 = 0
                guard read(ends[0], &byte, 1) == 1 else { return 4 }
                do { try add {} } catch { return 5 }
                return 0
            }
            var other: Int32 = 0
            waitpid(holder, &other, 0)
            guard status == 0, other == 0 else { exit(6) }
            let heap = try PersistentHeap.open(path, options: options)
            guard try heap.read({ try $0.value("v", of: Int.self).value }) == 3 else { exit(7) }
            try heap.close()
            try unrelated.close()
        }
    }

    @Test func everyUseIsRefused() async {
        await #expect(processExitsWith: .success) {
            let folder = try TemporaryFolder()
            var options = PersistentHeap.Options()
            options.checkpointsInBackground = false
            let heap = try PersistentHeap.open(folder.file(), options: options)
            try heap.write { try $0.value("v", initial: 0).value = 1 }
            let status = ForkedChild.run {
                let uses: [() throws -> Void] = [
                    { _ = try heap.read { try $0.value("v", of: Int.self).value } },
                    { try heap.write { try $0.value("v", initial: 0).value = 2 } },
                    { try heap.sync() }, { try heap.checkpoint() }, { _ = try heap.compact() },
                    { _ = try heap.check() },
                    { _ = try heap.snapshot() }, { try heap.copy(to: folder.file("copy.heap")) },
                    { _ = try heap.waitForChange(timeout: .zero) },
                ]
                for (index, use) in uses.enumerated() where !isForked(use) {
                    return Int32(index + 1)
                }
                // Closing is allowed and does not affect the parent.
                do { try heap.close() } catch { return 20 }
                return folder.names == ["test.heap", "test.heap-log", "test.heap-shared"] ? 0 : 21
            }
            guard status == 0 else { exit(status) }
            // The parent is not affected.
            try heap.write { try $0.value("v", initial: 0).value += 1 }
            guard try heap.views().count == 1,
                try heap.read({ try $0.value("v", of: Int.self).value }) == 2
            else { exit(30) }
            // No other process could get exclusive access meanwhile.
            let other = try PersistentHeap.open(folder.file(), engineOptions: EngineOptions())
            guard try other.views().count == 2 else { exit(31) }
            try other.close()
            try heap.close()
            guard folder.names == ["test.heap"] else { exit(32) }
        }
    }

    /// The child opens the heap for itself, beside the parent.
    @Test func childOpensItAgain() async {
        await #expect(processExitsWith: .success) {
            let folder = try TemporaryFolder()
            var options = PersistentHeap.Options()
            options.checkpointsInBackground = false
            let heap = try PersistentHeap.open(folder.file(), options: options)
            try heap.write { try $0.value("v", initial: 0).value = 1 }
            let status = ForkedChild.run {
                do {
                    let mine = try PersistentHeap.open(folder.file(), options: options)
                    let second = try PersistentHeap.open(folder.file(), options: options)
                    try mine.write { try $0.value("v", initial: 0).value += 10 }
                    // The parent, this process, and both of its objects share one opening.
                    guard try mine.views().count == 2 else { return 2 }
                    guard try second.read({ try $0.value("v", of: Int.self).value }) == 11 else {
                        return 3
                    }
                    try second.close()
                    try mine.close()
                    return 0
                } catch { return 4 }
            }
            guard status == 0 else { exit(status) }
            guard try heap.views().count == 1,
                try heap.read({ try $0.value("v", of: Int.self).value }) == 11
            else { exit(5) }
            try heap.close()
            guard folder.names == ["test.heap"] else { exit(6) }
        }
    }

    /// A fork inside a write transaction: the child cannot commit the inherited transaction, and
    /// the parent's lock stays the parent's.
    @Test func forkInsideAWrite() async {
        await #expect(processExitsWith: .success) {
            let folder = try TemporaryFolder()
            let engine = try HeapEngine(path: folder.file(), mode: .readWrite)
            func store(_ value: Int, _ context: HeapEngine.Context) {
                let access = HeapAccess(context: context, epoch: context.pointee.epoch)
                if access.catalogue == 0 { access.catalogue = access.allocate(byteCount: 64) }
                access.store(value, at: access.catalogue)
            }
            for commits in [true, false] {
                let context = try engine.beginWrite()
                store(1, context)
                let status = ForkedChild.run {
                    store(2, context)
                    if commits {
                        guard isForked({ try engine.commit(context) }) else { return 2 }
                    } else {
                        engine.abort(context)
                    }
                    return isForked { _ = try engine.beginWrite() } ? 0 : 3
                }
                guard status == 0 else { exit(status) }
                // The write lock is still held: another opening does not get it.
                var options = EngineOptions()
                options.timeout = .zero
                let other = try HeapEngine(path: folder.file(), mode: .readWrite, options: options)
                let done = DispatchSemaphore(value: 0)
                Thread.detachNewThread {
                    do { other.abort(try other.beginWrite()) } catch HeapError.timedOut(
                        path: _, waitingFor: _)
                    {
                        done.signal()
                    } catch {}
                }
                guard done.wait(timeout: .now() + 20) == .success else { exit(4) }
                try engine.commit(context)
                try other.close()
            }
            let context = try engine.beginRead()
            let access = HeapAccess(context: context, epoch: context.pointee.epoch)
            guard access.load(access.catalogue, as: Int.self) == 1 else { exit(5) }
            engine.endRead(context)
            try engine.close()
        }
    }

    /// A fork inside a read: the child must neither continue to read, because nothing protects its
    /// snapshot, nor end the parent's.
    @Test func forkInsideARead() async {
        await #expect(processExitsWith: .success) {
            let folder = try TemporaryFolder()
            let heap = try PersistentHeap.open(folder.file(), engineOptions: EngineOptions())
            try heap.write { try $0.value("v", initial: 0).value = 1 }
            var isChild = false
            let wasRefused = isForked {
                try heap.read { _ in
                    let child = ForkedChild.begin()
                    if child == 0 {
                        isChild = true
                        // Inside, a further read is refused.
                        if !isForked({ try heap.read { _ in } }) { _exit(2) }
                        return
                    }
                    var status: Int32 = 0
                    guard waitpid(child, &status, 0) == child, status == 7 << 8 else { exit(3) }
                    guard try heap.views().filter(\.isOpen).count == 1 else { exit(4) }
                }
            }
            // The child's reads do not count, although the closure has returned.
            if isChild { _exit(wasRefused ? 7 : 5) }
            guard !wasRefused, try heap.views().filter(\.isOpen).isEmpty else { exit(6) }
            try heap.close()
        }
    }

    /// A fork inside the one read of a transient reader: its snapshot is protected by a lock of the
    /// open file, which the child has too and must not release.
    @Test func forkInsideAVisit() async {
        await #expect(processExitsWith: .success) {
            let folder = try TemporaryFolder()
            let heap = try PersistentHeap.open(folder.file(), engineOptions: EngineOptions())
            try heap.write { try $0.value("v", initial: 0).value = 1 }
            try heap.close()
            let visitor = try PersistentHeap.open(
                folder.file(), mode: .readOnly, engineOptions: EngineOptions())
            let stranger = try SystemDisk.shared.open(folder.file(), .readWrite)
            var isChild = false
            let wasRefused = isForked {
                try visitor.read { _ in
                    let child = ForkedChild.begin()
                    if child == 0 {
                        isChild = true
                        return
                    }
                    var status: Int32 = 0
                    guard waitpid(child, &status, 0) == child, status == 7 << 8 else { exit(3) }
                    guard try stranger.isLockedByOthers(.transientRead) else { exit(4) }
                }
            }
            if isChild {
                // Nor by closing it.
                try? visitor.close()
                _exit(wasRefused ? 7 : 5)
            }
            guard !wasRefused, try !stranger.isLockedByOthers(.transientRead),
                try stranger.isLockedByOthers(.transientReader)
            else {
                exit(6)
            }
            try visitor.close()
            guard folder.names == ["test.heap"] else { exit(7) }
        }
    }
}
