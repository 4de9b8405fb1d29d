import Foundation
import Testing
import TestSupport

@testable import HoldfastEngine

/// Many threads and one heap: readers see whole commits, writers take turns, and durability is
/// shared.
@Suite(.progress) struct ThreadTests {
    /// Runs `body` on threads of its own and waits for all of them. Not Swift tasks, because the
    /// engine's calls block.
    private func onThreads(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
        let group = DispatchGroup()
        for index in 0 ..< count {
            group.enter()
            Thread.detachNewThread {
                body(index)
                group.leave()
            }
        }
        group.wait()
    }

    /// Two cells in different pages that always change together.
    private func pairHeap() throws -> (engine: HeapEngine, left: UInt64, right: UInt64) {
        let engine = try TestHeap().open()
        let (left, right) = try engine.change { access in
            let pair = (access.allocate(byteCount: 8), access.allocate(byteCount: 40_000))
            access.store(0, at: pair.0)
            access.store(0, at: pair.1)
            return pair
        }
        return (engine, left, right)
    }

    @Test func readersSeeWholeCommits() throws {
        let (engine, left, right) = try pairHeap()
        let problems = Problems()
        onThreads(7) { index in
            problems.collect {
                if index == 0 {
                    for value in 1 ... 2000 {
                        try engine.change { access in
                            access.store(value, at: left)
                            access.store(-value, at: right)
                        }
                        if value % 500 == 0 { try engine.checkpoint() }
                    }
                } else {
                    var last = 0
                    while last < 2000 {
                        let (a, b) = try engine.look {
                            ($0.load(left, as: Int.self), $0.load(right, as: Int.self))
                        }
                        if a + b != 0 { return problems.add("half a commit: \(a) and \(b)") }
                        if a < last { return problems.add("back from \(last) to \(a)") }
                        last = a
                    }
                }
            }
        }
        #expect(problems.all == [])
        try engine.close()
    }

    /// An abort is never seen by a reader.
    @Test func readersDoNotSeeAborts() throws {
        let (engine, left, right) = try pairHeap()
        let problems = Problems()
        onThreads(4) { index in
            problems.collect {
                for _ in 0 ..< 500 {
                    if index == 0 {
                        try engine.abandon { access in
                            access.store(1, at: left)
                            access.store(1, at: right)
                        }
                    } else {
                        let sum = try engine.look {
                            $0.load(left, as: Int.self) + $0.load(right, as: Int.self)
                        }
                        if sum != 0 { return problems.add("an aborted change was seen") }
                    }
                }
            }
        }
        #expect(problems.all == [])
    }

    @Test func writersTakeTurns() throws {
        let (engine, left, right) = try pairHeap()
        let problems = Problems()
        onThreads(4) { _ in
            problems.collect {
                for _ in 0 ..< 500 {
                    try engine.change { access in
                        access.store(access.load(left, as: Int.self) + 1, at: left)
                        access.store(access.load(right, as: Int.self) + 1, at: right)
                    }
                }
            }
        }
        #expect(problems.all == [])
        #expect(try engine.look { $0.load(left, as: Int.self) } == 2000)
        #expect(try engine.look { $0.load(right, as: Int.self) } == 2000)
    }

    /// Every `makeDurable` that returned covers the thread's own commits, and the threads share
    /// syncs.
    @Test func durabilityIsShared() throws {
        let disk = SimulatedDisk()
        let engine = try HeapEngine(
            path: TestHeap.path, mode: .readWrite, options: TestHeap.options, disk: disk)
        let cells = try engine.change { access in
            (0 ..< 4).map { _ in
                let cell = access.allocate(byteCount: 64)
                access.store(0, at: cell)
                return cell
            }
        }
        let problems = Problems()
        onThreads(4) { index in
            problems.collect {
                for value in 1 ... 50 {
                    try engine.change { $0.store(value, at: cells[index]) }
                    try engine.makeDurable()
                }
            }
        }
        #expect(problems.all == [])
        // At most one sync each; those of the first commit come before.
        let syncs = disk.journal.count { if case .sync = $0 { true } else { false } }
        #expect(syncs <= 3 + 200)
        // Whatever a power cut drops now, all of it was acknowledged.
        var images = CrashImages(of: disk)
        while images.position < images.count { images.advance() }
        for seed in 0 ..< 6 as Range<UInt64> {
            let survivor = try HeapEngine(
                path: TestHeap.path, mode: .readWrite, options: TestHeap.options,
                disk: SimulatedDisk(files: images.image(seed: seed)))
            try survivor.look { access in
                for cell in cells { #expect(access.load(cell, as: Int.self) == 50, "seed \(seed)") }
            }
        }
    }

    /// `makeDurable` does not wait for a transaction that another thread has open.
    @Test func durabilityDoesNotWaitForAWriter() throws {
        let (engine, left, _) = try pairHeap()
        try engine.change { $0.store(1, at: left) }
        let context = try engine.beginWrite()
        let problems = Problems()
        onThreads(1) { _ in problems.collect { try engine.makeDurable() } }
        engine.abort(context)
        #expect(problems.all == [])
        #expect(engine.writerLog!.durablePosition == engine.writerLog!.published)
    }

    /// A read nested in a read of the same thread shares its view, even while a writer waits: it
    /// must not deadlock.
    @Test func nestedReadsShareTheirView() throws {
        let (engine, left, _) = try pairHeap()
        let problems = Problems()
        let isReading = DispatchSemaphore(value: 0)
        onThreads(2) { index in
            problems.collect {
                if index == 0 {
                    try engine.look { outer in
                        isReading.signal()
                        for _ in 0 ..< 2000 {
                            let inner = try engine.look { $0.load(left, as: Int.self) }
                            if inner != outer.load(left, as: Int.self) {
                                problems.add("the view moved")
                            }
                        }
                    }
                } else {
                    isReading.wait()
                    try engine.change { $0.store(9, at: left) }
                }
            }
        }
        #expect(problems.all == [])
        #expect(try engine.look { $0.load(left, as: Int.self) } == 9)
    }

    /// Transactions of two heaps nest in one thread, and may end in any order.
    @Test func twoHeapsInOneThread() throws {
        let first = try TestHeap().open()
        let second = try TestHeap().open()
        let (a, b) = try first.change { outer in
            let a = outer.allocate(byteCount: 8)
            let b = try second.change { inner in
                let b = inner.allocate(byteCount: 8)
                inner.store(2, at: b)
                return b
            }
            outer.store(try second.look { $0.load(b, as: Int.self) } - 1, at: a)
            return (a, b)
        }
        #expect(try first.look { $0.load(a, as: Int.self) } == 1)
        #expect(try second.look { $0.load(b, as: Int.self) } == 2)
    }

    /// Closing waits for readers; afterwards the heap reports that it is closed.
    @Test func closingWaitsForReaders() throws {
        let (engine, left, _) = try pairHeap()
        let problems = Problems()
        let isReading = DispatchSemaphore(value: 0)
        onThreads(2) { index in
            problems.collect {
                if index == 0 {
                    try engine.look { access in
                        isReading.signal()
                        for _ in 0 ..< 2000 { _ = access.load(left, as: Int.self) }
                    }
                } else {
                    isReading.wait()
                    try engine.close()
                }
            }
        }
        #expect(problems.all == [])
        #expect(throws: HeapError.closed(path: TestHeap.path)) { try engine.beginRead() }
        #expect(throws: HeapError.closed(path: TestHeap.path)) { try engine.beginWrite() }
        try engine.makeDurable()
        try engine.close()
    }
}

/// The problems found by any of several threads.
final class Problems: @unchecked Sendable {
    private let lock = NSLock()
    private var list: [String] = []

    var all: [String] { lock.withLock { list } }

    func add(_ problem: String) { lock.withLock { list.append(problem) } }

    func collect(_ body: () throws -> Void) {
        do { try body() } catch { add("\(error)") }
    }
}
