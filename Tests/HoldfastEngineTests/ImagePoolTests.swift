import Foundation
import HoldfastFormat
import HoldfastSystem
import Synchronization
import TestSupport
import Testing

@testable import HoldfastEngine

/// Several images of one opening: readers and the writer of a process do not wait for each other.
@Suite(.progress) struct ImagePoolTests {
    /// A read transaction that is open on a thread of its own until it ends.
    private func held(_ engine: HeapEngine, _ cell: UInt64) -> HeldRead<Int> {
        HeldRead(engine) { $0.load(cell, as: Int.self) }
    }

    private func heap(
        readerImages: Int = 4, timeout: Duration = .seconds(30), verifies: Bool = false
    ) throws -> (engine: HeapEngine, cell: UInt64, disk: SimulatedDisk) {
        var heap = TestHeap()
        heap.options.readerImages = readerImages
        heap.options.timeout = timeout
        heap.options.verifiesDirtyTracking = verifies
        let engine = try heap.open()
        let cell = try engine.change { access in
            let cell = access.allocate(byteCount: 64)
            access.store(1, at: cell)
            return cell
        }
        return (engine, cell, heap.disk)
    }

    /// A thread that uses the heap alone has one image.
    @Test func aloneThereIsOneImage() throws {
        let (engine, cell, _) = try heap()
        for value in 2 ..< 100 {
            try engine.change { $0.store(value, at: cell) }
            #expect(try engine.look { $0.load(cell, as: Int.self) } == value)
        }
        #expect(engine.pool.openImages == [0])
        try engine.close()
    }

    @Test func aReaderDoesNotWaitForTheWriter() throws {
        let (engine, cell, _) = try heap(verifies: true)
        let context = try engine.beginWrite()
        HeapAccess(context: context, epoch: context.pointee.epoch).store(2, at: cell)
        for _ in 0 ..< 3 {
            #expect(try elsewhere { try engine.look { $0.load(cell, as: Int.self) } } == 1)
        }
        try engine.commit(context)
        #expect(try engine.look { $0.load(cell, as: Int.self) } == 2)
        #expect(try elsewhere { try engine.look { $0.load(cell, as: Int.self) } } == 2)
        #expect(engine.pool.openImages.count == 2)
        try engine.close()
    }

    /// The writer has moved to another image, and the first one is idle: the heap is put at rest
    /// all the same, and until then the opening counts as alive.
    @Test func theFirstImageStays() throws {
        let (engine, cell, disk) = try heap()
        let read = held(engine, cell)
        try engine.change { $0.store(2, at: cell) }
        _ = read.end()
        let writing = engine.pool.writing.load(ordering: .relaxed)
        #expect(writing != 0)
        #expect(try elsewhere { try engine.look { $0.load(cell, as: Int.self) } } == 2)
        for _ in 0 ..< 4 {
            _ = engine.pool.tidy()
            #expect(engine.openViews().count == 1)
        }
        #expect(engine.pool.openImages == [0])
        try engine.change { $0.store(3, at: cell) }
        let shared = try #require(engine.shared)
        let context = try engine.beginWrite()
        let holder = try #require(shared.writeLock.holder)
        #expect(ReaderTable(shared: shared).isAlive(holder))
        engine.abort(context)
        try engine.close()
        #expect(disk.currentFiles().keys.sorted() == [TestHeap.path])
    }

    /// The writer has moved to another image: compaction truncates the file all the same.
    @Test func compactionAfterTheWriterMoved() throws {
        let (engine, cell, disk) = try heap()
        let block = try engine.change { $0.allocate(byteCount: 4 << 20) }
        try engine.checkpoint()
        let read = held(engine, cell)
        try engine.change { $0.free(block, byteCount: 4 << 20) }
        _ = read.end()
        let writing = engine.pool.writing.load(ordering: .relaxed)
        #expect(writing != 0)
        func size() -> Int { disk.currentFiles()[TestHeap.path]?.count ?? 0 }
        let before = size()
        _ = try engine.compact()
        #expect(size() < before - (3 << 20))
        try engine.close()
    }

    /// A writer that was about to enter an image when it was closed goes elsewhere.
    @Test func noWriterWaitsForAClosedImage() throws {
        let (engine, cell, _) = try heap()
        let read = held(engine, cell)
        try engine.change { $0.store(2, at: cell) }
        _ = read.end()
        while engine.pool.openImages.count > 1 { _ = engine.pool.tidy() }
        let closed = try #require([0, 1].first { !engine.pool.openImages.contains($0) })
        let latch = engine.pool.image(at: closed).latch
        #expect(latch.lockBesideReaders(timeout: .seconds(10)) == .isRead)
        // The same for one that waits already.
        let (other, otherCell, _) = try heap()
        let otherRead = held(other, otherCell)
        try other.change { $0.store(2, at: otherCell) }
        _ = otherRead.end()
        let image = other.pool.image(at: other.pool.openImages[0])
        #expect(image.latch.tryToLockExclusively())
        let admission = Mutex<ReaderWriterLatch.ExclusiveAdmission?>(nil)
        let done = DispatchSemaphore(value: 0)
        Thread.detachNewThread {
            let result = image.latch.lockBesideReaders(timeout: .seconds(10))
            admission.withLock { $0 = result }
            done.signal()
        }
        while image.latch.waiting.exclusive == 0 { usleep(100) }
        image.latch.retire()
        done.wait()
        #expect(admission.withLock { $0 } == .isRead)
        image.latch.reinstate()
        image.latch.unlockExclusively()
        try engine.close()
        try other.close()
    }

    /// Images are closed while readers and the writer move from one to another.
    @Test func imagesAreClosedWhileTheWriterMoves() throws {
        let (engine, cell, _) = try heap(timeout: .seconds(20))
        let isDone = Atomic(false)
        let problems = Mutex<[String]>([])
        let group = DispatchGroup()
        func run(_ body: @escaping @Sendable () throws -> Void) {
            group.enter()
            Thread.detachNewThread {
                do {
                    while !isDone.load(ordering: .relaxed) { try body() }
                } catch { problems.withLock { $0.append("\(error)") } }
                isDone.store(true, ordering: .relaxed)
                group.leave()
            }
        }
        let writes = Atomic(0)
        let most = TestExtent.choose(quick: 3000, full: 100_000)
        for _ in 0 ..< 2 {
            run {
                try engine.change { $0.store($0.load(cell, as: Int.self) + 1, at: cell) }
                if writes.add(1, ordering: .relaxed).newValue >= most {
                    isDone.store(true, ordering: .relaxed)
                }
            }
        }
        for number in 0 ..< 3 {
            run {
                try engine.look { access in
                    let seen = access.load(cell, as: Int.self)
                    if number == 0 { usleep(200) }
                    if access.load(cell, as: Int.self) != seen {
                        problems.withLock { $0.append("the view has changed") }
                    }
                }
            }
        }
        run { _ = engine.pool.tidy() }
        run { engine.pool.closeIdleImages() }
        group.wait()
        #expect(problems.withLock { $0 } == [])
        let (count, total) = (
            writes.load(ordering: .relaxed), try engine.look { $0.load(cell, as: Int.self) }
        )
        #expect(total == count + 1)
        try engine.close()
    }

    /// All images together stay within the memory limit.
    @Test func theMemoryLimitIsDivided() throws {
        let (engine, cell, _) = try heap()
        func shares() -> [Int] {
            engine.pool.openImages.map {
                engine.pool.image(at: $0).heap.follower.comfortablePages.load(ordering: .relaxed)
            }
        }
        let whole = shares()
        #expect(whole.count == 1)
        let read = held(engine, cell)
        try engine.change { $0.store(2, at: cell) }
        #expect(shares() == [whole[0] / 2, whole[0] / 2])
        _ = read.end()
        engine.pool.closeIdleImages()
        while engine.pool.openImages.count > 1 { _ = engine.pool.tidy() }
        #expect(shares() == whole)
        try engine.close()
    }

    /// After many readers of several commits at once, there is one image again.
    @Test func afterABurstOfReaders() throws {
        let (engine, cell, _) = try heap()
        var reads: [(read: HeldRead<Int>, value: Int)] = []
        for value in 1 ... 4 {
            if value > 1 { try engine.change { $0.store(value, at: cell) } }
            for _ in 0 ..< 16 { reads.append((held(engine, cell), value)) }
        }
        #expect(engine.pool.openImages.count >= 4)
        for (read, value) in reads { #expect(read.end() == [value, value]) }
        // Nobody has used the images; the writer leaves the last; it is closed.
        for _ in 0 ..< 3 { _ = engine.pool.tidy() }
        #expect(engine.pool.openImages.count == 1)
        try engine.close()
    }

    @Test func theWriterDoesNotWaitForAReader() throws {
        let (engine, cell, _) = try heap(verifies: true)
        let read = held(engine, cell)
        for value in 2 ..< 50 {
            try engine.change { $0.store(value, at: cell) }
            // A later reader is not kept on the old state.
            #expect(try elsewhere { try engine.look { $0.load(cell, as: Int.self) } } == value)
        }
        try engine.checkpoint()
        #expect(read.end() == [1, 1])
        #expect(engine.pool.openImages.count <= 3)
        try engine.close()
    }

    /// Readers of several old states, one image for each; the next reader waits, and gets the
    /// newest state as soon as one of them ends.
    @Test func theNumberOfImagesIsBounded() throws {
        let (engine, cell, _) = try heap(readerImages: 2, timeout: .milliseconds(50))
        var reads: [HeldRead<Int>] = []
        for value in 2 ... 3 {
            reads.append(held(engine, cell))
            try engine.change { $0.store(value, at: cell) }
        }
        #expect(throws: HeapError.self) {
            try elsewhere { try engine.look { $0.load(cell, as: Int.self) } }
        }
        // The writer goes on.
        try engine.change { $0.store(4, at: cell) }
        #expect(reads[0].end() == [1, 1])
        #expect(try elsewhere { try engine.look { $0.load(cell, as: Int.self) } } == 4)
        #expect(reads[1].end() == [2, 2])
        #expect(engine.pool.openImages.count <= 4)
        try engine.close()
    }

    /// Readers that come to the bound wait until one of the earlier ones ends.
    @Test func aReaderThatWaits() throws {
        let (engine, cell, _) = try heap(readerImages: 1)
        let read = held(engine, cell)
        try engine.change { $0.store(2, at: cell) }
        let seen = Mutex(0)
        let done = DispatchSemaphore(value: 0)
        Thread.detachNewThread {
            let value = try? engine.look { $0.load(cell, as: Int.self) }
            seen.withLock { $0 = value ?? -1 }
            done.signal()
        }
        #expect(read.end() == [1, 1])
        done.wait()
        #expect(seen.withLock { $0 } == 2)
        try engine.close()
    }

    /// Without further images, a reader waits for the writer.
    @Test func oneImageOnly() throws {
        let (engine, cell, _) = try heap(readerImages: 0, timeout: .milliseconds(20))
        let context = try engine.beginWrite()
        #expect(throws: HeapError.self) {
            try elsewhere { try engine.look { $0.load(cell, as: Int.self) } }
        }
        engine.abort(context)
        try engine.close()
    }

    /// Growth of the heap reaches every image, also beyond the end of the file that it has mapped.
    @Test func growthBesideReaders() throws {
        let (engine, cell, _) = try heap()
        var blocks: [UInt64] = []
        for round in 0 ..< 20 {
            let read = held(engine, cell)
            let block = try engine.change { access in
                let block = access.allocate(byteCount: 300_000)
                access.store(round, at: block + 299_992)
                return block
            }
            blocks.append(block)
            let all = blocks
            #expect(
                try elsewhere {
                    try engine.look { access in
                        all.map { access.load($0 + 299_992, as: Int.self) }
                    }
                } == Array(0 ... round))
            if round % 7 == 6 { try engine.checkpoint() }
            _ = read.end()
        }
        let problems = try engine.audit().problems
        #expect(problems == [])
        try engine.close()
    }

    /// A further image counts as an open view while a reader has it, and its entry is free once it
    /// is closed.
    @Test func entriesOfImages() throws {
        let (engine, cell, disk) = try heap()
        let read = held(engine, cell)
        try engine.change { $0.store(2, at: cell) }
        let second = held(engine, cell)
        #expect(engine.openViews().filter(\.isOpen).count == 2)
        #expect(try engine.statistics().otherOpenings == [])
        _ = read.end()
        _ = second.end()
        #expect(engine.openViews().count == 1)
        try engine.close()
        #expect(disk.currentFiles().keys.sorted() == [TestHeap.path])
    }

    /// After many readers at once, a heap that one thread uses goes back to one image and its
    /// memory.
    @Test func idleImagesAreClosed() throws {
        let (engine, cell, _) = try heap()
        let block = try engine.change { $0.allocate(byteCount: 1 << 20) }
        for value in 2 ..< 6 {
            let read = held(engine, cell)
            try engine.change { access in
                access.store(value, at: cell)
                for page in 0 ..< UInt64(255) {
                    access.store(value, at: block + page * 4096 + 4096 - block % 4096)
                }
            }
            _ = try elsewhere { try engine.look { $0.load(cell, as: Int.self) } }
            _ = read.end()
        }
        #expect(engine.pool.openImages.count > 1)
        for value in 0 ..< 200 {
            try engine.change { $0.store(value, at: cell) }
            #expect(try engine.look { $0.load(cell, as: Int.self) } == value)
        }
        #expect(engine.pool.openImages.count == 1)
        try engine.close()
    }

    /// Without any further call, the images that nobody uses are closed after a while.
    @Test func unusedImagesAreClosedInTheBackground() throws {
        let (engine, cell, _) = try heap()
        let read = held(engine, cell)
        try engine.change { $0.store(2, at: cell) }
        _ = try elsewhere { try engine.look { $0.load(cell, as: Int.self) } }
        #expect(engine.pool.tidy())
        #expect(engine.pool.openImages.count == 3)
        // Only the held one is in use, and the writer's stays.
        #expect(engine.pool.tidy())
        #expect(engine.pool.openImages.count == 2)
        #expect(read.end() == [1, 1])
        #expect(try engine.look { $0.load(cell, as: Int.self) } == 2)
        while engine.pool.tidy() {}
        #expect(engine.pool.openImages.count == 1)
        #expect(try engine.look { $0.load(cell, as: Int.self) } == 2)
        #expect(engine.pool.openImages.count == 1)
        try engine.close()
    }

    /// Random readers and writers; every reader sees the newest commit that had ended when it
    /// began, or a later one, and whole.
    @Test(arguments: [1, 2, 4]) func everyReadIsCurrent(readerImages: Int) throws {
        let (engine, cell, _) = try heap(readerImages: readerImages)
        let far = try engine.change { access in
            let far = access.allocate(byteCount: 40_000)
            access.store(1, at: far)
            return far
        }
        let newest = Atomic(1)
        let problems = Mutex<[String]>([])
        let isDone = Atomic(false)
        DispatchQueue.concurrentPerform(iterations: 6) { thread in
            do {
                if thread < 2 {
                    for _ in 0 ..< 400 {
                        let value = try engine.change { access in
                            let value = access.load(cell, as: Int.self) + 1
                            access.store(value, at: cell)
                            access.store(value, at: far)
                            return value
                        }
                        newest.max(value, ordering: .sequentiallyConsistent)
                        let seen = try engine.look { $0.load(cell, as: Int.self) }
                        if seen < value { problems.withLock { $0.append("\(seen) < \(value)") } }
                        if value % 100 == 0 { try engine.checkpoint() }
                    }
                    if thread == 0 { isDone.store(true, ordering: .releasing) }
                } else {
                    var last = 0
                    while !isDone.load(ordering: .acquiring) {
                        let floor = newest.load(ordering: .sequentiallyConsistent)
                        let (one, other) = try engine.look { access in
                            let one = access.load(cell, as: Int.self)
                            if thread == 2 { usleep(500) }
                            return (one, access.load(far, as: Int.self))
                        }
                        if one != other || one < floor || one < last {
                            problems.withLock { $0.append("\(one), \(other); \(floor), \(last)") }
                        }
                        last = one
                    }
                }
            } catch { problems.withLock { $0.append("\(error)") } }
        }
        #expect(problems.withLock { $0 } == [])
        #expect(engine.pool.openImages.count <= readerImages + 2)
        #expect(try engine.audit().problems == [])
        try engine.close()
    }
}
