import Foundation
import HoldfastFormat
import Testing
import TestSupport

@testable import HoldfastEngine

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Every call to the disk fails in turn while several openings use a heap: the guarantees of
/// `FaultTests` for all of them.
@Suite(.progress) struct SharedFaultTests {
    enum Failure: String, CaseIterable, CustomTestStringConvertible {
        case ioErrorOnce, ioErrorFromThenOn, diskFullOnce, diskFullFromThenOn, shortWriteOnce

        var testDescription: String { rawValue }
        var fault: SimulatedDisk.Fault {
            switch self {
            case .ioErrorOnce, .ioErrorFromThenOn: .error(EIO)
            case .diskFullOnce, .diskFullFromThenOn: .error(ENOSPC)
            case .shortWriteOnce: .shortWrite(ENOSPC)
            }
        }
        var lasts: Bool { self == .ioErrorFromThenOn || self == .diskFullFromThenOn }
    }

    /// Two writers and a reader, each with an opening of its own, that change 30 blocks in turn.
    /// Every block is filled with one byte, and the first word of the table is the number of
    /// commits, so that any state that opens identifies itself.
    private final class Crowd {
        static let blocks = 30
        static let blockBytes = 3000
        let disk: SimulatedDisk
        private(set) var writers: [HeapEngine?] = [nil, nil]
        private(set) var reader: HeapEngine?
        private var random = SplitMix(state: 77)
        private var table: UInt64 = 0
        /// The state after each commit.
        private(set) var states: [[UInt8]] = [Array(repeating: 0, count: blocks)]
        private(set) var durable = 0
        /// The errors of the steps.
        private(set) var errors: [HeapError] = []
        var commits: Int { states.count - 1 }

        static var options: EngineOptions {
            var options = EngineOptions()
            options.initialLogBytes = 64 * 1024
            options.logLimit = 64 * 1024
            options.memoryLimit = 1 << 20
            options.timeout = .seconds(20)
            return options
        }

        init(_ disk: SimulatedDisk) throws {
            self.disk = disk
            writers[0] = try open()
            writers[1] = try open()
            reader = try open(.readOnly)
            table = try writers[0]!.change { access in
                let table = access.allocate(byteCount: 8 + Self.blocks * 8)
                for index in 0 ..< Self.blocks {
                    let block = access.allocate(byteCount: Self.blockBytes)
                    access.writableAddress(block, Self.blockBytes).initializeMemory(
                        as: UInt8.self, repeating: 0, count: Self.blockBytes)
                    access.store(block, at: table + 8 + UInt64(index * 8))
                }
                access.store(0, at: table)
                access.catalogue = table
                return table
            }
            try writers[0]!.makeDurable()
        }

        func open(_ mode: OpenMode = .readWrite, _ disk: SimulatedDisk? = nil) throws(HeapError)
            -> HeapEngine
        {
            try HeapEngine(
                path: TestHeap.path, mode: mode, options: Self.options, disk: disk ?? self.disk)
        }

        /// One step; errors are recorded, and the next step is tried all the same.
        func step(_ number: Int) {
            let index = number % 2
            do throws(HeapError) {
                let writer: HeapEngine
                if let present = writers[index] { writer = present } else { writer = try open() }
                writers[index] = writer
                switch number % 11 {
                case 3, 8:
                    let target = commits
                    try writer.makeDurable()
                    durable = target
                case 5:
                    let target = commits
                    try writer.checkpoint()
                    durable = target
                case 7 where number % 3 == 0: _ = try writer.compact()
                case 9 where number % 4 == 0:
                    let target = commits
                    writers[index] = nil
                    try writer.close()
                    durable = target
                case 10:
                    let old = reader
                    reader = nil
                    try old?.close()
                    reader = try open(.readOnly)
                default: try change(writer, number)
                }
            } catch {
                errors.append(error)
            }
        }

        private func change(_ writer: HeapEngine, _ number: Int) throws(HeapError) {
            var state = states.last!
            let context = try writer.beginWrite()
            let access = HeapAccess(context: context, epoch: context.pointee.epoch)
            for _ in 0 ..< Int.random(in: 1 ... 8, using: &random) {
                let index = Int.random(in: 0 ..< Self.blocks, using: &random)
                let fill = UInt8.random(in: 1 ... 255, using: &random)
                let block = access.load(table + 8 + UInt64(index * 8), as: UInt64.self)
                access.writableAddress(block, Self.blockBytes).initializeMemory(
                    as: UInt8.self, repeating: fill, count: Self.blockBytes)
                state[index] = fill
            }
            // The heap grows and shrinks, too.
            let more = access.allocate(byteCount: 100_000)
            if number % 5 != 0 { access.free(more, byteCount: 100_000) }
            access.store(states.count, at: table)
            try writer.commit(context)
            states.append(state)
        }

        /// Why `engine` does not show exactly the state after one of the commits in `range`; nil if
        /// it does.
        func problem(_ engine: HeapEngine, _ range: ClosedRange<Int>) throws(HeapError) -> String? {
            if let problem = try engine.audit().problems.first { return problem }
            let context = try engine.beginRead()
            defer { engine.endRead(context) }
            let access = HeapAccess(context: context, epoch: context.pointee.epoch)
            let commit = access.load(table, as: Int.self)
            guard range.contains(commit) else {
                return "commit \(commit), but only \(range) are allowed"
            }
            for index in 0 ..< Self.blocks {
                let bytes = access.address(
                    access.load(table + 8 + UInt64(index * 8), as: UInt64.self), Self.blockBytes)
                // Compared with itself shifted by one: all bytes are the same.
                guard bytes.load(as: UInt8.self) == states[commit][index],
                    memcmp(bytes, bytes + 1, Self.blockBytes - 1) == 0
                else {
                    return "block \(index) is not as commit \(commit) left it"
                }
            }
            return nil
        }

        func problem(withFiles files: [String: [UInt8]], _ range: ClosedRange<Int>) -> String? {
            do throws(HeapError) {
                let disk = SimulatedDisk(files: files)
                disk.recordsContents = false
                let engine = try open(.readWrite, disk)
                if let problem = try problem(engine, range) { return problem }
                if let damaged = try engine.scrub().damagedPages.first {
                    return "page \(damaged) is damaged"
                }
                try engine.close()
                return nil
            } catch { return "it does not open: \(error)" }
        }

        /// The openings that are still there, with their current states.
        var openings: [HeapEngine] { (writers + [reader]).compactMap { $0 } }
    }

    private static let steps = 33

    private func attempts() throws -> Range<Int> {
        let disk = SimulatedDisk()
        disk.recordsContents = false
        let crowd = try Crowd(disk)
        let first = disk.attempts
        for number in 0 ..< Self.steps { crowd.step(number) }
        #expect(crowd.errors.isEmpty, "\(crowd.errors)")
        #expect(crowd.commits > 15)
        for engine in crowd.openings { try engine.close() }
        return first ..< disk.attempts
    }

    @Test(arguments: Failure.allCases)
    func everyCallFailsInTurn(failure: Failure) throws {
        let calls = try attempts()
        #expect(calls.count > 100)
        for failing in calls where TestExtent.includes(failing, oneIn: 8) {
            let disk = SimulatedDisk()
            let crowd = try Crowd(disk)
            disk.fault = { attempt, _, _ in
                attempt == failing || failure.lasts && attempt > failing ? failure.fault : nil
            }
            for number in 0 ..< Self.steps { crowd.step(number) }
            let name: Comment =
                "\(failure.rawValue) at call \(failing), errors: \(crowd.errors.prefix(3))"
            // If all processes were killed now: every commit that returned.
            let killed = crowd.problem(
                withFiles: disk.currentFiles(), crowd.commits ... crowd.commits)
            #expect(killed == nil, "after a kill: \(name)")
            if !failure.lasts { disk.fault = nil }
            // Every opening that can still read sees every commit that returned, whichever opening
            // made it.
            for engine in crowd.openings {
                do throws(HeapError) {
                    let problem = try crowd.problem(engine, crowd.commits ... crowd.commits)
                    #expect(problem == nil, "in \(engine.mode): \(name)")
                } catch {
                    // A disk that keeps failing may prevent a reader from catching up.
                    #expect(failure.lasts, "in \(engine.mode): \(error), \(name)")
                }
            }
            var images = CrashImages(of: disk)
            while images.position < images.count { images.advance() }
            let cut = crowd.problem(
                withFiles: images.image(seed: UInt64(failing)), crowd.durable ... crowd.commits)
            #expect(cut == nil, "after a power cut: \(name)")
        }
    }

    /// A write or sync that fails in one opening is known in all, at once; none of them tries again
    /// as if nothing had been lost, until all have closed.
    @Test(arguments: [SimulatedDisk.Operation.sync, .write]) func failureIsEverybodys(
        operation: SimulatedDisk.Operation
    ) throws {
        for usesCheckpoint in [false, true] {
            let disk = SimulatedDisk()
            let crowd = try Crowd(disk)
            for number in 0 ..< 3 { crowd.step(number) }
            let suffix = usesCheckpoint ? TestHeap.path : LogLayout.durableSuffix
            disk.fault = { _, called, path in
                called == operation && path.hasSuffix(suffix) ? .error(EIO) : nil
            }
            let (first, second) = (crowd.writers[0]!, crowd.writers[1]!)
            #expect(throws: HeapError.self) {
                usesCheckpoint ? try first.checkpoint() : try first.makeDurable()
            }
            disk.fault = nil
            let calls = disk.journal.count
            for engine in [second, first] {
                for _ in 0 ..< 2 {
                    #expect(throws: HeapError.self) {
                        try engine.change { $0.store(9, at: $0.catalogue) }
                    }
                    // (Until it learns of the failure, a sync with nothing to do succeeds.)
                    #expect(throws: HeapError.self) { try engine.makeDurable() }
                    #expect(throws: HeapError.self) { try engine.checkpoint() }
                    #expect(throws: HeapError.self) { try engine.compact() }
                }
            }
            for engine in crowd.openings {
                #expect(try crowd.problem(engine, crowd.commits ... crowd.commits) == nil)
            }
            // No write or sync has even been attempted.
            #expect(disk.journal.count == calls)
            // Even a new opening, as long as the others exist.
            let late = try crowd.open()
            #expect(try crowd.problem(late, crowd.commits ... crowd.commits) == nil)
            #expect(throws: HeapError.self) { try late.change { $0.store(9, at: $0.catalogue) } }
            #expect(throws: HeapError.self) { try late.makeDurable() }
            for engine in [late, first, second] {
                #expect(throws: HeapError.self) { try engine.close() }
            }
            try crowd.reader?.close()
            let again = try crowd.open()
            #expect(try crowd.problem(again, crowd.commits ... crowd.commits) == nil)
            try again.change { _ = $0.allocate(byteCount: 100) }
            try again.makeDurable()
            try again.close()
            #expect(disk.currentFiles().keys.sorted() == [TestHeap.path])
        }
    }
}
