import Foundation
import HoldfastEngine
import Synchronization
import Testing
import TestSupport

@testable import Holdfast

/// Strict serializability, decided from what random readers and writers have seen: threads of
/// several openings of one file, whose images follow each other through the log as processes do.
@Suite(.progress) struct IsolationTests {
    private static let registerCount = 48
    /// Each register is in a page of its own.
    private static let pageStride = 512

    private struct Store {
        let number: PersistentValue<Int>
        let registers: PersistentArray<Int>

        init(_ tx: borrowing WriteTransaction) throws {
            number = try tx.value("number", initial: 0)
            registers = try tx.array("registers", of: Int.self)
        }

        init(_ tx: borrowing ReadTransaction) throws {
            number = try tx.value("number", of: Int.self)
            registers = try tx.array("registers", of: Int.self)
        }

        func read() -> (number: Int, registers: [Int]) {
            let number = number.value
            let values = (0 ..< registerCount).map { registers[$0 * pageStride] }
            return (number, values)
        }
    }

    private static func write(
        _ heap: PersistentHeap, _ random: inout SplitMix, _ history: inout IsolationHistory
    ) throws {
        let chosen = (0 ..< 1 + random.below(6)).map { _ in random.below(registerCount) }
        let fails = random.below(8) == 0
        let began = ContinuousClock.now
        struct Undone: Error {}
        do {
            let number = try heap.write { tx in
                let store = try Store(tx)
                store.number.value += 1
                for register in chosen {
                    store.registers[register * pageStride] = store.number.value
                }
                if fails { throw Undone() }
                return store.number.value
            }
            history.writes.append(
                .init(number: number, registers: chosen, began: began, ended: .now))
        } catch is Undone {}
    }

    private static func read(
        _ heap: PersistentHeap, _ random: inout SplitMix, _ history: inout IsolationHistory
    ) throws {
        let staysLong = random.below(30) == 0
        let began = ContinuousClock.now
        let (number, registers) = try heap.read { tx in
            let store = try Store(tx)
            let seen = store.read()
            guard staysLong else { return seen }
            usleep(5000)
            // The view has not changed meanwhile.
            let again = store.read()
            return again.number == seen.number ? again : (-1, again.registers)
        }
        history.reads.append(
            .init(number: number, registers: registers, began: began, ended: .now))
    }

    private static func readSnapshot(
        _ heap: PersistentHeap, _ history: inout IsolationHistory
    ) throws {
        let began = ContinuousClock.now
        let snapshot = try heap.snapshot()
        let (number, registers) = try snapshot.read { try Store($0).read() }
        try snapshot.close()
        history.reads.append(
            .init(
                number: number, registers: registers, began: began, ended: .now, isSnapshot: true))
    }

    @Test(arguments: 1 ... 4 as ClosedRange<UInt64>)
    func everythingSeenIsSerializable(seed: UInt64) throws {
        let folder = try TemporaryFolder()
        var options = EngineOptions()
        // Checkpoints, returned memory and a growing ring all the time.
        options.logLimit = 1 << 16
        options.initialLogBytes = 1 << 14
        options.memoryLimit = 1 << 19
        options.readerImages = 1 + Int(seed % 3)
        options.timeout = .seconds(600)
        let heaps = try (0 ..< 2).map { _ in
            try PersistentHeap.open(folder.file(), engineOptions: options)
        }
        try heaps[0].write { tx in
            let store = try Store(tx)
            store.registers.append(
                contentsOf: repeatElement(0, count: Self.registerCount * Self.pageStride))
        }
        let result = Mutex(IsolationHistory())
        let rounds = TestExtent.choose(quick: 300, full: 20_000)
        let group = DispatchGroup()
        for thread in 0 ..< 6 {
            group.enter()
            Thread.detachNewThread {
                defer { group.leave() }
                var random = SplitMix(state: seed &* 1000 &+ UInt64(thread))
                var history = IsolationHistory()
                let heap = heaps[thread % 2]
                do {
                    for _ in 0 ..< rounds {
                        switch random.below(thread < 2 ? 10 : 200) {
                        case 0 ..< 8: try Self.write(heap, &random, &history)
                        case 8 where thread >= 2: try Self.readSnapshot(heap, &history)
                        case 9 where thread >= 2: try heap.checkpoint()
                        default: try Self.read(heap, &random, &history)
                        }
                    }
                } catch { Issue.record("\(error)") }
                result.withLock { $0.append(history) }
            }
        }
        group.wait()
        let history = result.withLock { $0 }
        #expect(history.writes.count > rounds && history.reads.count > rounds)
        #expect(history.violation(registerCount: Self.registerCount) == nil, "seed \(seed)")
        for heap in heaps { try heap.close() }
    }

    /// The checker finds what it is there for.
    @Test func thePlantedFaultsOfHistoriesAreFound() {
        let start = ContinuousClock.now
        func at(_ time: Int) -> ContinuousClock.Instant { start + .milliseconds(time) }
        var sound = IsolationHistory()
        for number in 1 ... 10 {
            sound.writes.append(
                .init(
                    number: number, registers: [number % 3], began: at(number * 10),
                    ended: at(number * 10 + 5)))
        }
        func registers(_ number: Int) -> [Int] {
            (0 ..< 3).map { register in
                Swift.stride(from: number, to: 0, by: -1).first { $0 % 3 == register } ?? 0
            }
        }
        for number in 0 ... 10 {
            sound.reads.append(
                .init(
                    number: number, registers: registers(number), began: at(number * 10 + 6),
                    ended: at(number * 10 + 8)))
        }
        #expect(sound.violation(registerCount: 3) == nil)
        func isFound(_ plant: (inout IsolationHistory) -> Void) -> Bool {
            var history = sound
            plant(&history)
            return history.violation(registerCount: 3) != nil
        }
        // A line that was not applied, and one of a later commit.
        #expect(isFound { $0.reads[6].registers[0] = 3 })
        #expect(isFound { $0.reads[6].registers[1] = 7 })
        // An image one commit too old, and too new.
        #expect(
            isFound {
                $0.reads[6].number = 5; $0.reads[6].registers = registers(5)
            })
        #expect(
            isFound {
                $0.reads[6].number = 7; $0.reads[6].registers = registers(7)
            })
        // A lost commit, and one that was made twice.
        #expect(isFound { $0.writes.remove(at: 4) })
        #expect(isFound { $0.writes[5].number = 5 })
        // Commits in another order than their calls.
        #expect(
            isFound {
                $0.writes[5].number = 5; $0.writes[4].number = 6
            })
    }
}
