import Foundation
import HoldfastFormat
import HoldfastSystem
import Testing
import TestSupport

@testable import HoldfastEngine

/// Snapshots that checkpoints pass, because the opening keeps the pages that they need.
@Suite struct KeptSnapshotTests {
    private let heap: TestHeap

    init() {
        var options = TestHeap.options
        options.logLimit = 256 << 10
        options.viewPatience = .zero
        options.keptBytesPerLogByte = 1 << 20
        heap = TestHeap(options)
    }

    private func options(of number: Int32?) -> EngineOptions {
        var options = heap.options
        if let number {
            options.process = TestProcess(
                identity: ProcessIdentity(number: number, namespace: UInt64(number)))
        }
        return options
    }

    private func open(process number: Int32? = nil) throws -> HeapEngine {
        try HeapEngine(
            path: TestHeap.path, mode: .readWrite, options: options(of: number), disk: heap.disk)
    }

    private func openSnapshot(
        process number: Int32? = nil, withThread: Bool = false
    ) throws -> HeapEngine {
        var options = options(of: number)
        options.isSnapshot = true
        options.mayBeEnded = true
        options.checkpointsInBackground = withThread
        return try HeapEngine(
            path: TestHeap.path, mode: .readOnly, options: options, disk: heap.disk)
    }

    private typealias Place = (offset: UInt64, byteCount: Int)

    /// Blocks of all kinds of sizes, changed at random.
    private struct Blocks {
        var places: [Place] = []
        var random: SplitMix

        mutating func change(_ engine: HeapEngine, most: Int = 60_000) throws {
            try engine.change { access in
                for _ in 0 ..< 12 {
                    switch Int.random(in: 0 ..< 10, using: &random) {
                    case 0 ..< 4:
                        let count = Int.random(in: 1 ... most, using: &random)
                        let offset = access.allocate(byteCount: count)
                        fill(access, offset, count)
                        places.append((offset, count))
                    case 4 ..< 7 where !places.isEmpty:
                        let index = places.indices.randomElement(using: &random)!
                        let (offset, count) = places.remove(at: index)
                        access.free(offset, byteCount: count)
                    default:
                        guard let place = places.randomElement(using: &random) else { continue }
                        fill(access, place.offset, place.byteCount)
                    }
                }
            }
        }

        private mutating func fill(_ access: HeapAccess, _ offset: UInt64, _ count: Int) {
            access.writableAddress(offset, count).initializeMemory(
                as: UInt8.self, repeating: UInt8.random(in: 0 ... 255, using: &random),
                count: count)
        }
    }

    /// The contents of all blocks, as a checksum of each.
    private static func contents(_ places: [Place], _ access: HeapAccess) -> [UInt64] {
        places.map {
            Checksum.of(
                UnsafeRawBufferPointer(
                    start: access.address($0.offset, $0.byteCount), count: $0.byteCount), seed: 1)
        }
    }

    /// Everything moves underneath: blocks are changed, freed, and allocated anew, the heap grows
    /// and shrinks, and with it the places of checksums.
    @Test(arguments: 1 ... UInt64(TestExtent.choose(quick: 4, full: 60)))
    func snapshotsStayAsTheyWere(seed: UInt64) throws {
        let writer = try open()
        var blocks = Blocks(random: SplitMix(state: seed))
        for _ in 0 ..< 6 { try blocks.change(writer) }
        try writer.checkpoint()
        var snapshots: [(engine: HeapEngine, places: [Place], contents: [UInt64])] = []
        var reads: [(read: HeldRead<[UInt64]>, contents: [UInt64])] = []
        for round in 0 ..< 40 {
            try blocks.change(writer, most: round % 8 == 3 ? 2_000_000 : 60_000)
            if round % 3 == 0 { try writer.checkpoint() }
            if round % 10 == 5 { _ = try writer.compact() }
            if round % 9 == 0 {
                let snapshot = try openSnapshot()
                let then = try snapshot.look { Self.contents(blocks.places, $0) }
                snapshots.append((snapshot, blocks.places, then))
            }
            if round % 12 == 1 {
                let places = blocks.places
                let then = try writer.look { Self.contents(places, $0) }
                reads.append((HeldRead(writer) { Self.contents(places, $0) }, then))
            }
            if round % 16 == 9 {
                // The heap shrinks to almost nothing.
                try writer.change { access in
                    for place in blocks.places {
                        access.free(place.offset, byteCount: place.byteCount)
                    }
                }
                blocks.places = []
            }
        }
        try writer.checkpoint()
        #expect(writer.writerLog!.usedBytes == 0)
        #expect(writer.openViews().allSatisfy { $0.heldLogBytes == 0 })
        for (engine, places, then) in snapshots {
            #expect(try engine.look { Self.contents(places, $0) } == then)
            #expect(try engine.audit().problems == [])
            // A copy of it is right, too, though the file is ahead.
            try engine.writeCopy(to: "/sim/copy.heap", replacing: true)
            let copy = try HeapEngine(
                path: "/sim/copy.heap", mode: .readOnly, options: heap.options, disk: heap.disk)
            #expect(try copy.look { Self.contents(places, $0) } == then)
            #expect(try copy.scrub().damagedPages == [])
            try copy.close()
            try engine.close()
        }
        for (read, then) in reads { #expect(read.end() == [then, then]) }
        #expect(try writer.scrub().damagedPages == [])
        #expect(try writer.audit().problems == [])
        #expect(try writer.statistics().keptBytes == 0)
        try writer.close()
    }

    /// A writer, a block of 40 pages, and a function that fills it.
    private func filled(
        process number: Int32? = nil
    ) throws -> (HeapEngine, block: UInt64, fill: (UInt8) throws -> Void) {
        let writer = try open(process: number)
        let block = try writer.change { $0.allocate(byteCount: 40 * 4096) }
        func fill(_ value: UInt8) throws {
            try writer.change {
                $0.writableAddress(block, 40 * 4096).initializeMemory(
                    as: UInt8.self, repeating: value, count: 40 * 4096)
            }
        }
        try fill(1)
        try writer.checkpoint()
        return (writer, block, fill)
    }

    private func isFilled(_ engine: HeapEngine, _ block: UInt64, with value: UInt8) throws -> Bool {
        try engine.look {
            UnsafeRawBufferPointer(start: $0.address(block, 40 * 4096), count: 40 * 4096)
                .isFilled(with: value)
        }
    }

    /// Each page is kept once, however often it changes; and nothing is kept once nobody reads.
    @Test func pagesAreKeptOnce() throws {
        let (writer, block, fill) = try filled()
        let snapshot = try openSnapshot()
        var most = 0
        for value in 2 ..< 60 as Range<UInt8> {
            try fill(value)
            most = max(most, writer.writerLog!.capacity)
        }
        // The ring has not grown beyond its limit.
        #expect(most <= 2 * heap.options.logLimit)
        let kept = try writer.statistics().keptBytes
        #expect(kept >= 40 * 4096 && kept < 60 * 4096)
        #expect(try isFilled(snapshot, block, with: 1))
        try snapshot.close()
        #expect(try writer.statistics().keptBytes == 0)
    }

    /// A young view costs nothing while there is room in the log, and neither does one for which
    /// more would have to be kept than it holds up.
    @Test(arguments: [true, false]) func itMustBeWorthwhile(isYoung: Bool) throws {
        var heap = heap
        heap.options.viewPatience = isYoung ? .seconds(3600) : .zero
        heap.options.keptBytesPerLogByte = isYoung ? 1 << 20 : 1
        heap.options.logLimit = 64 << 20
        let writer = try heap.open()
        let blocks = try writer.change { access in
            (0 ..< 100).map { _ in access.allocate(byteCount: 8192) }
        }
        try writer.checkpoint()
        let snapshot = try KeptSnapshotTests(heap).openSnapshot()
        // One line in each of a hundred pages.
        try writer.change { access in for block in blocks { access.store(7, at: block) } }
        try writer.checkpoint()
        #expect(writer.writerLog!.usedBytes > 0)
        #expect(try writer.statistics().keptBytes == 0)
        guard !isYoung else { return }
        // The same lines a hundred times more: now the log is longer than the pages.
        for value in 0 ..< 100 {
            try writer.change { access in for block in blocks { access.store(value, at: block) } }
        }
        // A step of the log later.
        let padding = try writer.change { $0.allocate(byteCount: 9 << 20) }
        try writer.change {
            $0.writableAddress(padding, 9 << 20).initializeMemory(
                as: UInt8.self, repeating: 1, count: 9 << 20)
        }
        try writer.checkpoint()
        #expect(writer.writerLog!.usedBytes == 0)
        #expect(try snapshot.look { $0.load(blocks[7], as: Int.self) } == 0)
    }

    /// What was in use in a kept snapshot and is free now must not become a hole.
    @Test func noHoles() throws {
        let (writer, block, _) = try filled()
        // Behind the block, so that the heap does not end before it when it is free.
        _ = try writer.change { $0.allocate(byteCount: 8192) }
        try writer.checkpoint()
        let snapshot = try openSnapshot()
        try writer.change { $0.free(block, byteCount: 40 * 4096) }
        #expect(try writer.compact() == 0)
        #expect(writer.writerLog!.usedBytes == 0)
        #expect(try isFilled(snapshot, block, with: 1))
        try snapshot.close()
        #expect(try writer.compact() > 0)
    }

    /// Over the budget, the oldest snapshots that nobody reads are ended; those that are read hold
    /// the log.
    @Test func theBudget() throws {
        var heap = heap
        heap.options.viewBudget = 100 * 4096
        let tests = KeptSnapshotTests(heap)
        let (writer, block, fill) = try tests.filled()
        let first = try tests.openSnapshot()
        let read = HeldRead(first) { [block] in $0.load(block, as: UInt8.self) }
        try fill(2)
        try writer.checkpoint()
        let second = try tests.openSnapshot()
        try fill(3)
        try writer.checkpoint()
        #expect(writer.writerLog!.usedBytes == 0)
        let third = try tests.openSnapshot()
        // Too much for three, and the first is read.
        try fill(4)
        try writer.checkpoint()
        #expect(writer.writerLog!.usedBytes == 0)
        #expect(throws: HeapError.viewEnded(path: TestHeap.path)) { try second.look { _ in } }
        #expect(throws: HeapError.viewEnded(path: TestHeap.path)) { _ = try second.moveSnapshot() }
        #expect(try isFilled(third, block, with: 3))
        let fourth = try tests.openSnapshot()
        let reads = [third, fourth].map { engine in
            HeldRead(engine) { [block] in $0.load(block, as: UInt8.self) }
        }
        // Nothing to end: the log is held.
        for value in 5 ..< 9 as Range<UInt8> {
            try fill(value)
            try writer.checkpoint()
        }
        #expect(writer.writerLog!.usedBytes > 0)
        #expect(read.end() == [1, 1])
        #expect(reads.map { $0.end() } == [[3, 3], [4, 4]])
        // They are idle now.
        for value in 9 ..< 12 as Range<UInt8> {
            try fill(value)
            try writer.checkpoint()
        }
        #expect(writer.writerLog!.usedBytes == 0)
        #expect(throws: HeapError.viewEnded(path: TestHeap.path)) { try first.look { _ in } }
        try second.close()
        #expect(throws: HeapError.closed(path: TestHeap.path)) { try second.look { _ in } }
        for engine in [first, third, fourth, writer] { try engine.close() }
    }

    private init(_ heap: TestHeap) { self.heap = heap }

    /// A snapshot of another process is kept there, when its process looks.
    @Test func otherProcesses() throws {
        let (writer, block, fill) = try filled(process: 1)
        let snapshot = try openSnapshot(process: 2)
        for value in 2 ..< 5 as Range<UInt8> {
            try fill(value)
            try writer.checkpoint()
        }
        #expect(writer.writerLog!.usedBytes > 0)
        #expect(snapshot.keeper.isAsked)
        snapshot.keeper.answer()
        #expect(!snapshot.keeper.isAsked)
        try writer.checkpoint()
        // What came after the request needs another one.
        let held = writer.openViews().map(\.heldLogBytes).max() ?? 0
        #expect(held < 2 * 40 * 4096 + 8192)
        #expect(try isFilled(snapshot, block, with: 1))
        for value in 5 ..< 60 as Range<UInt8> {
            try fill(value)
            if snapshot.keeper.isAsked { snapshot.keeper.answer() }
        }
        #expect(writer.writerLog!.capacity <= 8 * heap.options.logLimit)
        #expect(try isFilled(snapshot, block, with: 1))
        // And goes on to the newest state, for which its copies are too old.
        #expect(try snapshot.moveSnapshot())
        #expect(try isFilled(snapshot, block, with: 59))
        try fill(60)
        try writer.checkpoint()
        #expect(try isFilled(snapshot, block, with: 59))
    }

    /// With a thread that looks.
    @Test func otherProcessesByThemselves() throws {
        let (writer, block, fill) = try filled(process: 1)
        let snapshot = try openSnapshot(process: 2, withThread: true)
        for value in 2 ..< 8 as Range<UInt8> { try fill(value) }
        let held = writer.openViews().map(\.heldLogBytes).max()!
        for _ in 0 ..< 600 where writer.openViews().map(\.heldLogBytes).max()! >= held {
            usleep(50_000)
        }
        try writer.checkpoint()
        #expect(writer.writerLog!.usedBytes < held)
        #expect(try isFilled(snapshot, block, with: 1))
        try snapshot.close()
    }
}
