import Foundation
import Synchronization
import TestSupport
import Testing

@testable import HoldfastEngine

/// The order in which the latch admits the threads of a process: counted in turns, not in time.
@Suite(.progress) struct GateTests {
    private static let long: Duration = .seconds(100)
    private let gate = ReaderWriterLatch(patience: long)
    private let order = Order()

    private final class Order: Sendable {
        private let list = Mutex<[String]>([])
        var names: [String] { list.withLock { $0 } }
        func note(_ name: String) { list.withLock { $0.append(name) } }
    }

    /// Runs `body` on a thread of its own; `wait` on the result waits for it.
    private func onThread(_ body: @escaping @Sendable () -> Void) -> DispatchGroup {
        let group = DispatchGroup()
        group.enter()
        Thread.detachNewThread {
            body()
            group.leave()
        }
        return group
    }

    private func waitUntil(_ isSo: () -> Bool) {
        var pauses = 0
        while !isSo() {
            usleep(200)
            pauses += 1
            precondition(pauses < 300_000, "no thread has come to wait")
        }
    }

    /// A thread that enters as a reader, which has to prepare if `isFresh` is false.
    private func reader(_ name: String, isFresh: Bool = true) -> DispatchGroup {
        let (gate, order) = (gate, order)
        return onThread {
            switch gate.enterReading(timeout: Self.long, isFresh: { isFresh || !$0 }) {
            case .first, .joined: break
            case .mustPrepare: gate.beginReading()
            case .timedOut: return
            }
            order.note(name)
            gate.leaveReading {}
        }
    }

    private func writer(_ name: String) -> DispatchGroup {
        let (gate, order) = (gate, order)
        return onThread {
            guard gate.lockExclusively(timeout: Self.long) else { return }
            order.note(name)
            gate.unlockExclusively()
        }
    }

    /// A thread that writes repeatedly admits each reader after the transaction that the reader
    /// met.
    @Test(arguments: [1, 4], [true, false]) func readersWaitForOneWriter(
        readers: Int, isFresh: Bool
    ) {
        #expect(gate.lockExclusively(timeout: .zero))
        let threads = (0 ..< readers).map { _ in reader("reader", isFresh: isFresh) }
        waitUntil { gate.waiting.readers == readers }
        for _ in 0 ..< 3 {
            gate.unlockExclusively()
            #expect(gate.lockExclusively(timeout: Self.long))
            order.note("writer")
        }
        gate.unlockExclusively()
        for thread in threads { thread.wait() }
        #expect(
            order.names == Array(repeating: "reader", count: readers) + [
                "writer", "writer", "writer",
            ])
    }

    /// Even before a writer that is already waiting.
    @Test func readersGoBeforeTheNextWriter() {
        #expect(gate.lockExclusively(timeout: .zero))
        let threads = [writer("writer"), reader("reader")]
        waitUntil { gate.waiting == (1, 1) }
        gate.unlockExclusively()
        for thread in threads { thread.wait() }
        #expect(order.names == ["reader", "writer"])
    }

    /// A succession of readers does not keep a writer out.
    @Test func laterReadersDoNotOvertakeAWriter() {
        guard case .first = gate.enterReading(timeout: .zero, isFresh: { _ in true }) else {
            return #expect(Bool(false))
        }
        var threads = [writer("writer")]
        waitUntil { gate.waiting.exclusive == 1 }
        threads += [reader("reader"), reader("reader")]
        waitUntil { gate.waiting.readers == 2 }
        gate.leaveReading {}
        for thread in threads { thread.wait() }
        #expect(order.names == ["writer", "reader", "reader"])
    }

    /// Readers that come while the last earlier reader ends do not go before a writer more than
    /// once.
    @Test func readersDoNotTakeTurnsPastAWriter() {
        guard case .first = gate.enterReading(timeout: .zero, isFresh: { _ in true }) else {
            return #expect(Bool(false))
        }
        var threads: [DispatchGroup] = []
        gate.leaveReading {
            threads = [reader("reader"), writer("writer")]
            waitUntil { gate.waiting == (1, 1) }
        }
        for thread in threads { thread.wait() }
        #expect(order.names == ["writer", "reader"])
    }

    /// A thread that writes repeatedly passes a sleeping writer, but only a few times.
    @Test func sleepingWritersGetTheirTurn() {
        #expect(gate.lockExclusively(timeout: .zero))
        let thread = writer("other")
        waitUntil { gate.waiting.exclusive == 1 }
        var turns = 0
        while order.names.isEmpty, turns < 1_000_000 {
            gate.unlockExclusively()
            #expect(gate.lockExclusively(timeout: Self.long))
            turns += 1
        }
        gate.unlockExclusively()
        thread.wait()
        #expect(turns <= 17)
    }

    /// A reader that gives up waiting leaves the queue.
    @Test func readersThatGiveUp() {
        #expect(gate.lockExclusively(timeout: .zero))
        #expect(gate.enterReading(timeout: .milliseconds(1), isFresh: { _ in true }) == .timedOut)
        let thread = writer("writer")
        waitUntil { gate.waiting == (1, 0) }
        #expect(gate.enterReading(timeout: .milliseconds(1), isFresh: { _ in true }) == .timedOut)
        gate.unlockExclusively()
        thread.wait()
        #expect(gate.lockExclusively(timeout: .zero))
        gate.unlockExclusively()
    }

    /// The same for a heap with one image: the reader gets the state left by the writer that it
    /// met.
    @Test func aReaderSeesTheNextCommit() throws {
        var heap = TestHeap()
        heap.options.readerImages = 0
        let engine = try heap.open()
        let cell = try engine.change { $0.allocate(byteCount: 64) }
        let context = try engine.beginWrite()
        HeapAccess(context: context, epoch: context.pointee.epoch).store(1, at: cell)
        let seen = Mutex<Int?>(nil)
        let thread = onThread {
            let value = try? engine.look { $0.load(cell, as: Int.self) }
            seen.withLock { $0 = value }
        }
        waitUntil { engine.heap.latch.waiting.readers == 1 }
        try engine.commit(context)
        for value in 2 ..< 10 { try engine.change { $0.store(value, at: cell) } }
        thread.wait()
        #expect(seen.withLock { $0 } == 1)
        try engine.close()
    }
}
