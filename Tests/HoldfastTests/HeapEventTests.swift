import Foundation
import Holdfast
import HoldfastEngine
import HoldfastSystem
import Synchronization
import Testing
import TestSupport

/// What an opening tells `Options.metrics`.
@Suite(.progress, .ownThreads) struct HeapEventTests {
    private final class Events: Sendable {
        private let all = Mutex<[HeapEvent]>([])

        func add(_ event: HeapEvent) { all.withLock { $0.append(event) } }

        /// Those since the last call.
        func take() -> [HeapEvent] {
            all.withLock { all in
                defer { all = [] }
                return all
            }
        }

        var isEmpty: Bool { all.withLock { $0.isEmpty } }
    }

    private let folder = try! TemporaryFolder()

    private func open(_ events: Events) throws -> PersistentHeap {
        var options = PersistentHeap.Options(metrics: { events.add($0) })
        options.checkpointsInBackground = false
        return try PersistentHeap.open(folder.file(), options: options)
    }

    /// The kinds of events, and that every duration and size is there.
    private func kinds(_ events: [HeapEvent]) -> [String] {
        events.map { event in
            switch event {
            case .commit(let bytes, let duration):
                #expect(bytes > 64 && bytes % 8 == 0 && duration > .zero)
                return "commit"
            case .sync(let duration):
                #expect(duration > .zero)
                return "sync"
            case .checkpoint(let pages, let duration):
                #expect(pages > 0 && duration > .zero)
                return "checkpoint"
            case .catchUp(let bytes, let duration):
                #expect(bytes > 64 && duration > .zero)
                return "catchUp"
            case .wait(let duration):
                #expect(duration > .zero)
                return "wait"
            }
        }
    }

    @Test func eachEventIsReportedOnce() throws {
        let events = Events()
        let heap = try open(events)
        #expect(kinds(events.take()) == [])
        try heap.write { try $0.value("a", initial: 0).value = 1 }
        #expect(kinds(events.take()) == ["commit"])
        // Nothing is changed, read, or left to do.
        try heap.write { _ in }
        _ = try heap.read { try $0.value("a", of: Int.self).value }
        #expect(kinds(events.take()) == [])
        try heap.sync()
        #expect(kinds(events.take()) == ["sync"])
        try heap.sync()
        #expect(kinds(events.take()) == [])
        try heap.write { try $0.value("a", initial: 0).value = 2 }
        try heap.checkpoint()
        let both = kinds(events.take())
        #expect(both.first == "commit" && both.contains("checkpoint"))
        try heap.close()
    }

    @Test func catchingUpWithAnotherOpening() throws {
        let mine = Events()
        let heap = try open(mine)
        try heap.write { try $0.value("a", initial: 0).value = 1 }
        let others = Events()
        let other = try PersistentHeap.open(
            folder.file(), mode: .readOnly,
            engineOptions: { () -> EngineOptions in
                var options = EngineOptions()
                options.metrics = { others.add($0) }
                return options
            }(), disk: SystemDisk.shared)
        _ = try other.read { try $0.value("a", of: Int.self).value }
        _ = others.take()
        try heap.write { try $0.value("a", initial: 0).value = 2 }
        let value = try other.read { try $0.value("a", of: Int.self).value }
        #expect(value == 2)
        #expect(kinds(others.take()) == ["catchUp"])
        try other.close()
        try heap.close()
    }

    /// A writer that finds another in the middle of its transaction.
    @Test func waitingForAWriter() throws {
        let events = Events()
        let heap = try open(events)
        // The second writer must have come to its wait before the first ends, which is not known
        // from here: the first takes longer from time to time.
        for milliseconds in [10, 100, 1000, 10_000, 100_000] {
            let hasBegun = DispatchSemaphore(value: 0)
            let isDone = DispatchSemaphore(value: 0)
            Thread.detachNewThread {
                try? heap.write { tx in
                    hasBegun.signal()
                    Thread.sleep(forTimeInterval: Double(milliseconds) / 1000)
                    try tx.value("a", initial: 0).value += 1
                }
                isDone.signal()
            }
            hasBegun.wait()
            try heap.write { try $0.value("a", initial: 0).value += 1 }
            isDone.wait()
            let kinds = kinds(events.take())
            #expect(kinds.filter { $0 == "commit" }.count == 2)
            let waits = kinds.filter { $0 == "wait" }.count
            #expect(waits <= 1)
            if waits == 1 { return try heap.close() }
        }
        Issue.record("no writer has waited")
    }
}
