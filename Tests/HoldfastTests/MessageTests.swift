import Foundation
import Holdfast
import HoldfastEngine
import Testing
import TestSupport

/// Messages between processes through a deque: each arrives once and in order, whichever process is
/// killed, and no process enters the kernel while both are busy.
@Suite(.progress, .serialized) struct MessageTests {
    /// A worker process, killed when this object is released.
    private final class Worker {
        private let process = Process()
        private let output = Pipe()
        private let errors = Pipe()

        init(_ arguments: String...) throws {
            process.executableURL = URL(filePath: testWorker)
            process.arguments = ["message"] + arguments
            process.standardOutput = output
            process.standardError = errors
            try process.run()
        }

        deinit { if process.isRunning { kill() } }

        func kill() {
            Foundation.kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
        }

        var isRunning: Bool { process.isRunning }

        /// Waits for it to end by itself; returns its output.
        func result() throws -> String {
            let text = String(
                decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            let complaint = String(
                decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            process.waitUntilExit()
            try #require(process.terminationStatus == 0, "\(complaint)")
            return text.trimmingCharacters(in: .whitespacesAndNewlines)
        }

        /// How often it slept, woke others and waited for a lock.
        func kernelCalls() throws -> [Int] {
            try result().split(separator: " ").compactMap { Int($0) }
        }
    }

    private func received(_ heap: PersistentHeap) throws -> Int {
        try heap.read { try $0.array("received", of: Int.self).count }
    }

    /// Producer and consumer are killed alternately and together, at arbitrary moments, and new
    /// ones continue at the same point.
    @Test(arguments: [1 as UInt64, 2])
    func exactlyOnceAndInOrderThroughKills(seed: UInt64) throws {
        let folder = try TemporaryFolder()
        let heap = try PersistentHeap.open(folder.file())
        let empty = try heap.audit()
        try heap.write { tx in
            _ = try tx.value("target", initial: Int.max)
            _ = try tx.value("sent", initial: 0)
            _ = try tx.deque("queue", of: Int.self)
            _ = try tx.array("received", of: Int.self)
        }
        var random = SplitMix(state: seed)
        var producer = try Worker("produce", folder.file())
        var consumer = try Worker("consume", folder.file())
        var kills = 0
        while kills < 15 {
            // Messages have arrived since the last kill, so both are working.
            let goal = try received(heap) + Int.random(in: 1 ... 300, using: &random)
            while try received(heap) < goal {
                let seen = heap.version
                if try received(heap) < goal {
                    try #require(
                        try heap.waitForChange(since: seen, timeout: .seconds(60)),
                        "no message came through for a minute")
                }
            }
            try #require(producer.isRunning && consumer.isRunning)
            let who = Int.random(in: 0 ..< 5, using: &random)
            if who != 0 { producer.kill() }
            if who != 1 { consumer.kill() }
            if who != 0 { producer = try Worker("produce", folder.file()) }
            if who != 1 { consumer = try Worker("consume", folder.file()) }
            kills += 1
        }
        let total = try heap.write { tx in
            let total = try tx.value("sent", initial: 0).value + 200
            try tx.value("target", initial: 0).value = total
            return total
        }
        _ = try producer.result()
        _ = try consumer.result()
        try heap.read { tx in
            let isRight = try tx.array("received", of: Int.self).elementsEqual(0 ..< total)
            #expect(isRight, "seed \(seed)")
            let isEmpty = try tx.deque("queue", of: Int.self).isEmpty
            #expect(isEmpty, "seed \(seed)")
        }
        // No dead process has left memory behind.
        try heap.write { tx in
            for name in ["target", "sent", "workers"] {
                try tx.removeRoot(name, PersistentValue<Int>.self)
            }
            try tx.removeRoot("queue", PersistentDeque<Int>.self)
            try tx.removeRoot("received", PersistentArray<Int>.self)
        }
        try heap.checkpoint()
        #expect(try heap.audit() == empty, "seed \(seed)")
        try heap.close()
        #expect(folder.names == ["test.heap"])
    }

    /// Without waiters, a commit does not enter the kernel.
    @Test func commitsWakeNobody() throws {
        let folder = try TemporaryFolder()
        #expect(try Worker("commit", folder.file(), "10000").kernelCalls() == [0, 0, 0])
    }

    /// Two processes that commit concurrently need the write lock again and again, and spin instead
    /// of sleeping, however long it takes. Without spinning they sleep, which shows that they
    /// compete.
    @Test(arguments: [true, false])
    func writersLookForTheLock(look: Bool) throws {
        let folder = try TemporaryFolder()
        let heap = try PersistentHeap.open(folder.file())
        try heap.write { _ = try $0.value("number", initial: 0) }
        var waits = 0
        // Whether the two meet at all depends on the system, so without spinning there are several
        // attempts.
        for _ in 0 ..< (look ? 1 : 20) where waits == 0 {
            let workers = try (0 ..< 2).map { _ in
                try Worker("commit", folder.file(), "40000", look ? "60000000000" : "0")
            }
            let calls = try workers.map { try $0.kernelCalls() }
            waits = calls[0][2] + calls[1][2]
            #expect(calls.allSatisfy { $0[0] == 0 && $0[1] == 0 })
        }
        #expect(look ? waits == 0 : waits > 0)
        try heap.close()
    }

    /// Two processes that answer each other. With a limit on spinning that is never reached,
    /// however busy the machine is, neither ever sleeps; without spinning they do, which shows that
    /// the calls are counted.
    @Test(arguments: [true, false])
    func busyProcessesMakeNoCalls(look: Bool) throws {
        let folder = try TemporaryFolder()
        let heap = try PersistentHeap.open(folder.file())
        try heap.write { tx in
            _ = try tx.deque("ping", of: Int.self)
            _ = try tx.deque("pong", of: Int.self)
        }
        let nanoseconds = look ? "60000000000" : "0"
        let pong = try Worker("pong", folder.file(), "500", nanoseconds)
        let ping = try Worker("ping", folder.file(), "500", nanoseconds)
        let calls = [try ping.kernelCalls(), try pong.kernelCalls()]
        if look {
            #expect(calls == [[0, 0, 0], [0, 0, 0]])
        } else {
            #expect(calls[0][0] + calls[1][0] > 0 && calls[0][1] + calls[1][1] > 0, "\(calls)")
        }
        let left = try heap.read {
            [try $0.deque("ping", of: Int.self).count, try $0.deque("pong", of: Int.self).count]
        }
        #expect(left == [0, 0])
        try heap.close()
    }
}
