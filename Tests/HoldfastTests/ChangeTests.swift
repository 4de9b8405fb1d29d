import Foundation
import Holdfast
import HoldfastEngine
import Synchronization
import Testing
import TestSupport

/// Observing commits by this opening or another.
@Suite(.progress) struct ChangeTests {
    private let disk = SimulatedDisk()

    private func open(_ mode: OpenMode = .readWrite) throws -> PersistentHeap {
        disk.recordsContents = false
        var options = EngineOptions()
        options.initialLogBytes = 256 * 1024
        return try PersistentHeap.open(
            "/sim/test.heap", mode: mode, engineOptions: options, disk: disk)
    }

    private func set(_ heap: PersistentHeap, _ value: Int) throws {
        try heap.write { try $0.value("v", initial: 0).value = value }
    }

    private func inThread(_ body: @escaping @Sendable () throws -> Void) -> DispatchSemaphore {
        let done = DispatchSemaphore(value: 0)
        Thread.detachNewThread {
            do { try body() } catch { Issue.record("\(error)") }
            done.signal()
        }
        return done
    }

    // MARK: Versions

    @Test func versionsFollowCommits() throws {
        let writer = try open()
        let other = try open()
        let reader = try open(.readOnly)
        var seen: [HeapVersion] = [writer.version]
        for value in 0 ..< 20 {
            try set(value % 2 == 0 ? writer : other, value)
            if value == 10 { try writer.checkpoint() }
            let version = writer.version
            #expect(version > seen.last!)
            for heap in [other, reader] {
                #expect(heap.version == version)
                let inside = try heap.read { $0.version }
                #expect(inside == version)
            }
            seen.append(version)
        }
        // A transaction without changes makes no new version, and neither does one that is rolled
        // back.
        struct Cancelled: Error {}
        try writer.write { _ in }
        #expect(throws: Cancelled.self) {
            try writer.write { tx in
                try tx.value("v", initial: 0).value = -1
                throw Cancelled()
            }
        }
        #expect(writer.version == seen.last!)
        // An open view keeps its version.
        try reader.read { tx in
            let before = tx.version
            try set(writer, 100)
            let after = tx.version
            #expect(before == after && reader.version > after)
        }
    }

    /// After closing and reopening, and after a crash, versions continue from their last value.
    @Test func versionsOutliveTheirOpenings() throws {
        let first = try open()
        try set(first, 1)
        let version = first.version
        try first.close()
        let second = try open()
        #expect(try second.read { $0.version } >= version)
        try set(second, 2)
        #expect(second.version > version)
        let crashed = SimulatedDisk(files: disk.currentFiles())
        let third = try PersistentHeap.open(
            "/sim/test.heap", engineOptions: EngineOptions(), disk: crashed)
        try third.write { try $0.value("v", initial: 0).value = 3 }
        #expect(third.version > second.version)
    }

    // MARK: Waiting

    @Test func waitingIsWokenByAnotherOpening() throws {
        let writer = try open()
        try set(writer, 0)
        for mode in [OpenMode.readOnly, .readWrite] {
            let waiter = try open(mode)
            var seen = try waiter.read { $0.version }
            for value in 1 ... 30 {
                let done = inThread { try set(writer, value) }
                // Whether before the commit or after it: no commit between the read and the wait is
                // missed.
                #expect(try waiter.waitForChange(since: seen, timeout: .seconds(60)))
                done.wait()
                let (version, number) = try waiter.read {
                    ($0.version, try $0.value("v", of: Int.self).value)
                }
                #expect(version > seen && number == value)
                seen = version
            }
            // Earlier changes are not waited for, and no change is invented.
            try set(writer, 31)
            #expect(try waiter.waitForChange(since: seen, timeout: .zero))
            #expect(try !waiter.waitForChange(since: waiter.version, timeout: .zero))
            #expect(try !waiter.waitForChange(since: waiter.version, timeout: .milliseconds(5)))
            #expect(try !waiter.waitForChange(timeout: .milliseconds(5)))
            try waiter.close()
        }
    }

    /// A reader that was there before any writer is notified of every commit, even without reading
    /// meanwhile: on a heap at rest, and on the files of a killed process.
    @Test(arguments: [false, true]) func waitingBeginsBeforeAnybodyWrites(afterKill: Bool) throws {
        let folder = try TemporaryFolder()
        let first = try PersistentHeap.open(folder.file("first.heap"))
        try set(first, 0)
        if !afterKill { try first.close() }
        // The files on the disk while the heap is open are those that a kill would leave.
        for name in folder.names {
            try FileManager.default.copyItem(
                atPath: folder.file(name),
                toPath: folder.file(name.replacingOccurrences(of: "first", with: "second")))
        }
        let reader = try PersistentHeap.open(folder.file("second.heap"), mode: .readOnly)
        let writer = try PersistentHeap.open(folder.file("second.heap"))
        try set(writer, 1)
        for value in 2 ... 6 {
            let seen = reader.version
            try set(writer, value)
            let isTold = try reader.waitForChange(since: seen, timeout: .seconds(5))
            #expect(isTold, "commit \(value)")
        }
        for heap in [reader, writer, first] { try heap.close() }
    }

    /// `waitForChange(timeout:)` counts from the call.
    @Test func waitingFromNowOn() throws {
        let (writer, waiter) = (try open(), try open())
        try set(writer, 0)
        let stop = Mutex(false)
        let done = inThread {
            var value = 1
            while !stop.withLock({ $0 }) {
                try set(writer, value)
                value += 1
                usleep(500)
            }
        }
        #expect(try waiter.waitForChange(timeout: .seconds(60)))
        stop.withLock { $0 = true }
        done.wait()
    }

    @Test func waitingEndsWithTheHeap() throws {
        let heap = try open()
        try set(heap, 0)
        let isWaiting = DispatchSemaphore(value: 0)
        let done = inThread {
            isWaiting.signal()
            #expect(throws: HeapError.closed(path: "/sim/test.heap")) {
                // Less than the test's patience, and more than a loaded machine needs.
                _ = try heap.waitForChange(timeout: .seconds(600))
            }
        }
        isWaiting.wait()
        try heap.close()
        done.wait()
        #expect(throws: HeapError.closed(path: "/sim/test.heap")) {
            _ = try heap.waitForChange(timeout: .zero)
        }
    }

    // MARK: Sequences

    /// Several listeners each get the newest version; a slow one is not flooded with intermediate
    /// ones.
    @Test func everyListenerGetsTheNewest() async throws {
        let (writer, listener) = (try open(), try open(.readOnly))
        try set(writer, 0)
        let streams = (0 ..< 4).map { _ in listener.changes }
        for value in 1 ... 50 { try set(writer, value) }
        let last = writer.version
        for stream in streams {
            var versions: [HeapVersion] = []
            for await version in stream {
                versions.append(version)
                if version == last { break }
            }
            #expect(versions == versions.sorted() && Set(versions).count == versions.count)
            // Requested only after all commits: one version that had been kept, and at most one
            // that came meanwhile.
            #expect(versions.last == last && versions.count <= 3)
        }
    }

    /// A sequence since a version that was read begins with what was committed in between.
    @Test func changesSinceAVersion() async throws {
        let (writer, listener) = (try open(), try open(.readOnly))
        try set(writer, 0)
        let seen = try await listener.read { $0.version }
        try set(writer, 1)
        try set(writer, 2)
        // One that is running already has told these commits to others.
        let before = listener.changes
        var iterator = listener.changes(since: seen).makeAsyncIterator()
        #expect(await iterator.next() == writer.version)
        try set(writer, 3)
        #expect(await iterator.next() == writer.version)
        // Nothing is newer than the newest.
        let newest = writer.version
        var later = listener.changes(since: newest).makeAsyncIterator()
        try set(writer, 4)
        #expect(await later.next() == writer.version)
        withExtendedLifetime(before) {}
    }

    /// Reading and then listening misses no commit, however they fall between.
    @Test func noCommitIsMissedBetweenReadingAndListening() async throws {
        let (writer, listener) = (try open(), try open())
        try set(writer, 0)
        let others = listener.changes
        let done = inThread { for value in 1 ... 500 { try set(writer, value) } }
        var value = 0
        while value < 500 {
            let seen = try await listener.read { tx in
                (tx.version, try tx.value("v", of: Int.self).value)
            }
            value = seen.1
            if value == 500 { break }
            // A missed commit would make this wait for ever at the last one.
            var last = seen.0
            for await version in listener.changes(since: seen.0) {
                #expect(last < version)
                last = version
                break
            }
        }
        done.wait()
        withExtendedLifetime(others) {}
    }

    /// In the order of the commits, while they are made.
    @Test func versionsComeInOrder() async throws {
        let (writer, listener) = (try open(), try open())
        try set(writer, 0)
        let changes = listener.changes
        let done = inThread { for value in 1 ... 300 { try set(writer, value) } }
        var last: HeapVersion?
        var value = 0
        for await version in changes {
            #expect(last.map { $0 < version } ?? true)
            last = version
            let now = try await listener.read { tx in
                (tx.version, try tx.value("v", of: Int.self).value)
            }
            #expect(now.0 >= version && now.1 >= value)
            value = now.1
            if value == 300 { break }
        }
        #expect(value == 300)
        done.wait()
    }

    @Test func sequencesEndWithTheHeap() async throws {
        let heap = try open()
        try set(heap, 0)
        let streams = [heap.changes, heap.changes]
        let waiting = streams.map { stream in Task { for await _ in stream {} } }
        try heap.close()
        for task in waiting { await task.value }
        // A sequence requested too late ends at once.
        for await _ in heap.changes { Issue.record("a change of a closed heap") }
    }

    /// Cancelling a task ends its sequence; others continue, and so do later ones.
    @Test func cancellation() async throws {
        let (writer, listener) = (try open(), try open())
        try set(writer, 0)
        for round in 0 ..< 20 {
            let kept = listener.changes
            let cancelled = Task { for await _ in listener.changes {} }
            cancelled.cancel()
            await cancelled.value
            try set(writer, round)
            let version = writer.version
            for await seen in kept where seen == version { break }
        }
        // After the last listener has gone, a new one starts the thread again.
        let task = Task { for await _ in listener.changes {} }
        task.cancel()
        await task.value
        let again = listener.changes
        try set(writer, 1000)
        for await version in again where version == writer.version { break }
    }

    /// A heap without references is closed, even after a listener.
    @Test func listeningDoesNotKeepTheHeapOpen() async throws {
        var heap: PersistentHeap? = try open()
        try set(heap!, 0)
        let changes = heap!.changes
        heap = nil
        for await _ in changes {}
        #expect(disk.currentFiles().keys.sorted() == ["/sim/test.heap"])
    }

    /// Heaps in memory report their own changes.
    @Test func heapsInMemory() async throws {
        let heap = try PersistentHeap.inMemory()
        let before = heap.version
        let changes = heap.changes
        try set(heap, 1)
        #expect(heap.version > before)
        #expect(try await heap.waitForChange(since: before, timeout: .zero))
        for await version in changes where version == heap.version { break }
        try heap.close()
    }
}
