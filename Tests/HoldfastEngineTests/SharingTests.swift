import Foundation
import HoldfastFormat
import HoldfastSystem
import Testing
import TestSupport

@testable import HoldfastEngine

/// Several openings of one heap, standing for several processes: each has an image, an entry in the
/// reader table and locks of its own.
@Suite struct SharingTests {
    private let heap = TestHeap()

    private func cell(_ engine: HeapEngine) throws -> UInt64 {
        try engine.change { access in
            let cell = access.allocate(byteCount: 64)
            access.store(5, at: cell)
            return cell
        }
    }

    @Test func commitsAreSeenByAll() throws {
        let first = try heap.open()
        let second = try heap.open()
        let reader = try heap.open(.readOnly)
        let cell = try cell(first)
        for value in 0 ..< 100 {
            try (value % 2 == 0 ? first : second).change { $0.store(value, at: cell) }
            for engine in [first, second, reader] {
                #expect(try engine.look { $0.load(cell, as: Int.self) } == value)
            }
        }
        #expect(first.openViews().count == 3)
        try first.close()
        try second.change { $0.store(1000, at: cell) }
        #expect(try reader.look { $0.load(cell, as: Int.self) } == 1000)
        try reader.close()
        try second.close()
        #expect(heap.disk.currentFiles().keys.sorted() == [TestHeap.path])
        #expect(try heap.open().look { $0.load(cell, as: Int.self) } == 1000)
    }

    /// An opening that was idle while the ring was recycled many times starts over from the data
    /// file.
    @Test func sleeperStartsOver() throws {
        let writer = try heap.open()
        let sleeper = try heap.open()
        let cell = try cell(writer)
        #expect(try sleeper.look { $0.load(cell, as: Int.self) } == 5)
        let block = try writer.change { $0.allocate(byteCount: 8192) }
        for value in 0 ..< 400 {
            try writer.change { access in
                access.store(value, at: cell)
                access.writableAddress(block, 8192).initializeMemory(
                    as: UInt8.self, repeating: UInt8(value % 251), count: 8192)
            }
            if value % 20 == 0 { try writer.checkpoint() }
        }
        #expect(writer.writerLog!.checkpointPosition > sleeper.applied)
        #expect(try sleeper.look { $0.load(cell, as: Int.self) } == 399)
        #expect(try sleeper.look { $0.load(block + 8191, as: UInt8.self) } == UInt8(399 % 251))
        #expect(try sleeper.audit().problems == [])
        try sleeper.change { $0.store(1, at: cell) }
        #expect(try writer.look { $0.load(cell, as: Int.self) } == 1)
    }

    /// The heap grows in one process, and the others grow with it.
    @Test func growthIsShared() throws {
        let first = try heap.open()
        let second = try heap.open()
        var blocks: [UInt64] = []
        for round in 0 ..< 20 {
            let engine = round % 2 == 0 ? first : second
            blocks.append(
                try engine.change { access in
                    let block = access.allocate(byteCount: 300_000)
                    access.store(round, at: block + 299_984)
                    return block
                })
            if round % 7 == 6 { try engine.checkpoint() }
            for (index, block) in blocks.enumerated() {
                #expect(try first.look { $0.load(block + 299_984, as: Int.self) } == index)
                #expect(try second.look { $0.load(block + 299_984, as: Int.self) } == index)
            }
        }
        #expect(try first.audit() == second.audit())
        #expect(try first.audit().problems == [])
        // It also shrinks: either process reuses the space of freed pages.
        try second.change { access in for block in blocks { access.free(block, byteCount: 300_000) }
        }
        try first.checkpoint()
        try second.checkpoint()
        #expect(try first.audit().pages == HeapLayout.initialPages)
        _ = try first.change { $0.allocate(byteCount: 1_000_000) }
        #expect(try second.audit().problems == [])
    }

    /// A view stays fixed, however much others commit and checkpoint, and the log grows as far as
    /// necessary.
    @Test func openViewStandsStill() throws {
        var options = TestHeap.options
        // The view holds the log, however long this takes.
        options.keptBytesPerLogByte = 0
        let heap = TestHeap(options)
        let writer = try heap.open()
        let reader = try heap.open(.readOnly)
        let cell = try cell(writer)
        let blocks = try writer.change { access in
            (0 ..< 50).map { _ in access.allocate(byteCount: 4096) }
        }
        try writer.change { access in for block in blocks { access.store(0, at: block) } }
        let context = try reader.beginRead()
        let access = HeapAccess(context: context, epoch: context.pointee.epoch)
        for value in 1 ... 300 {
            try writer.change { access in
                for block in blocks {
                    access.writableAddress(block, 4096).initializeMemory(
                        as: UInt8.self, repeating: UInt8(value % 256), count: 4096)
                }
                access.store(value, at: cell)
            }
            if value % 50 == 0 {
                try writer.checkpoint()
                #expect(access.load(cell, as: Int.self) == 5)
                #expect(blocks.allSatisfy { access.load($0, as: Int.self) == 0 })
            }
        }
        // 300 times 200 KiB, held by the view.
        #expect(writer.writerLog!.usedBytes > 60_000_000)
        let view = try #require(writer.openViews().first { $0.isOpen })
        #expect(
            view.heldLogBytes == writer.writerLog!.usedBytes
                - Int(reader.applied - writer.writerLog!.checkpointPosition))
        reader.endRead(context)
        #expect(try reader.look { $0.load(cell, as: Int.self) } == 300)
        try writer.checkpoint()
        #expect(writer.writerLog!.usedBytes == 0)
        try reader.close()
        // Alone again: the log returns to its size.
        try writer.change { $0.store(1, at: cell) }
        try writer.checkpoint()
        #expect(writer.writerLog!.capacity <= RingMapping.roundedCapacity(writer.options.logLimit))
        try writer.close()
    }

    /// The entry of a dead process does not hold anything up.
    @Test func deadViewsAreFreed() throws {
        let writer = try heap.open()
        let dying = try heap.open(.readOnly)
        let cell = try cell(writer)
        let context = try dying.beginRead()
        for value in 0 ..< 50 { try writer.change { $0.store(value, at: cell) } }
        try writer.checkpoint()
        #expect(writer.writerLog!.usedBytes > 0)
        dying.loseLocks()
        try writer.checkpoint()
        #expect(writer.writerLog!.usedBytes == 0)
        #expect(writer.openViews().count == 1)
        dying.endRead(context)
    }

    @Test func tooManyProcesses() throws {
        let writer = try heap.open()
        // Entries alone: each opening would also take addresses.
        let table = ReaderTable(shared: try #require(writer.shared))
        var entries: [Int] = []
        while let entry = try table.take(for: TestProcess().identity, .following) {
            entries.append(entry)
        }
        #expect(entries.count == ReaderTable.count - 1)
        #expect(throws: HeapError.tooManyProcesses(path: TestHeap.path, limit: ReaderTable.count)) {
            try heap.open(.readOnly)
        }
        table.giveUp(entries[50])
        try heap.open(.readOnly).close()
    }

    /// A ring with live records grows, whatever lap they are on, and all openings follow.
    @Test func ringGrowsWithRecordsInIt() throws {
        var options = heap.options
        options.initialLogBytes = 64 * 1024
        options.logLimit = 64 * 1024
        let writer = try HeapEngine(
            path: TestHeap.path, mode: .readWrite, options: options, disk: heap.disk)
        let reader = try HeapEngine(
            path: TestHeap.path, mode: .readWrite, options: options, disk: heap.disk)
        let cell = try cell(writer)
        let block = try writer.change { $0.allocate(byteCount: 20_000) }
        for lap in 0 ..< 12 {
            let context = try reader.beginRead()
            let before = HeapAccess(context: context, epoch: context.pointee.epoch).load(
                cell, as: Int.self)
            for step in 0 ..< 4 + lap {
                try writer.change { access in
                    access.writableAddress(block, 20_000).initializeMemory(
                        as: UInt8.self, repeating: UInt8(lap), count: 20_000)
                    access.store(lap * 100 + step, at: cell)
                }
                if step % 3 == 1 { try writer.makeDurable() }
            }
            #expect(
                HeapAccess(context: context, epoch: context.pointee.epoch).load(cell, as: Int.self)
                    == before)
            reader.endRead(context)
            #expect(try reader.look { $0.load(cell, as: Int.self) } == lap * 100 + 3 + lap)
            #expect(try reader.audit().problems == [])
        }
        // After a kill at this moment, everything is present.
        let disk = SimulatedDisk(files: heap.disk.currentFiles())
        let survivor = try HeapEngine(
            path: TestHeap.path, mode: .readWrite, options: options, disk: disk)
        #expect(try survivor.look { $0.load(cell, as: Int.self) } == 1114)
    }

    /// Many threads, each with an opening of its own, like processes: transfers between cells keep
    /// the sum.
    @Test func openingsInThreads() throws {
        let opener = try heap.open()
        let cells = try opener.change { access in
            (0 ..< 20).map { _ in
                let cell = access.allocate(byteCount: 2000)
                access.store(100, at: cell)
                return cell
            }
        }
        let problems = Problems()
        let group = DispatchGroup()
        for number in 0 ..< 6 {
            group.enter()
            Thread.detachNewThread {
                problems.collect {
                    let engine = try heap.open()
                    var random = SplitMix(state: UInt64(number))
                    for step in 0 ..< 300 {
                        if number < 3 {
                            let (from, to) = (
                                cells.randomElement(using: &random)!,
                                cells.randomElement(using: &random)!
                            )
                            try engine.change { access in
                                access.store(access.load(from, as: Int.self) - 1, at: from)
                                access.store(access.load(to, as: Int.self) + 1, at: to)
                            }
                            if step % 100 == 50 + number { try engine.checkpoint() }
                            if step % 50 == 0 { try engine.makeDurable() }
                        } else {
                            let sum = try engine.look { access in
                                cells.reduce(0) { $0 + access.load($1, as: Int.self) }
                            }
                            if sum != 2000 { problems.add("the sum is \(sum)") }
                        }
                    }
                    try engine.close()
                }
                group.leave()
            }
        }
        group.wait()
        #expect(problems.all == [])
        try opener.close()
        #expect(heap.disk.currentFiles().keys.sorted() == [TestHeap.path])
    }
}

/// A process of which the test decides what the system says.
struct TestProcess: RunningProcess {
    var identity = ProcessIdentity(number: 1, namespace: 1)
    var boot = BootID(high: 5, low: 6)
}

extension HeapEngine {
    /// Releases what the kernel would if the process died now. The engine must not be used any
    /// more, except for its open transactions.
    func loseLocks() {
        shared?.file.close()
        heap.dataFile.file?.close()
    }
}
