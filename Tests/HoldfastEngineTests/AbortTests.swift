import Testing
import TestSupport

@testable import HoldfastEngine

/// What an abort restores. Lines marked fresh have no before-image, so the mark must not cover
/// bytes beside the block.
@Suite(.progress) struct AbortTests {
    /// Small blocks share lines. Marking one as fresh must not keep a later change of its neighbour
    /// from being undone.
    @Test(arguments: [24, 40, 72, 104])
    func freshNoteSparesTheNeighbours(bytes: Int) throws {
        let engine = try TestHeap().open()
        let blocks = try engine.change { access in
            (0 ..< 3).map { index in
                let block = access.allocate(byteCount: bytes)
                access.writableAddress(block, bytes).initializeMemory(
                    as: UInt8.self, repeating: 7, count: bytes)
                return block
            }
        }
        // The block in the middle is freed and allocated again, so that it lies between two others.
        try engine.change { $0.free(blocks[1], byteCount: bytes) }
        try engine.abandon { access in
            #expect(access.allocate(byteCount: bytes) == blocks[1])
            access.markFresh(blocks[1], bytes)
            access.address(blocks[1], bytes).initializeMemory(
                as: UInt8.self, repeating: 1, count: bytes)
            for neighbour in [blocks[0], blocks[2]] {
                access.writableAddress(neighbour, bytes).initializeMemory(
                    as: UInt8.self, repeating: 2, count: bytes)
            }
        }
        try engine.look { access in
            for neighbour in [blocks[0], blocks[2]] {
                let found = UnsafeRawBufferPointer(
                    start: access.address(neighbour, bytes), count: bytes)
                #expect(found.isFilled(with: 7))
            }
        }
    }

    /// The same through `reallocate`, which marks its block fresh itself.
    @Test func reallocationSparesTheNeighbours() throws {
        let engine = try TestHeap().open()
        let (neighbour, moved) = try engine.change { access in
            let pair = (access.allocate(byteCount: 24), access.allocate(byteCount: 200))
            access.store(UInt64(7), at: pair.0)
            return pair
        }
        try engine.abandon { access in
            let new = access.reallocate(moved, from: 200, to: 20, preserving: 20)
            #expect(new == neighbour + 24)
            access.store(UInt64(8), at: neighbour)
        }
        #expect(try engine.look { $0.load(neighbour, as: UInt64.self) } == 7)
    }

    /// A transaction that is larger than the log makes a checkpoint in the middle of its commit.
    /// That checkpoint writes the state of the last commit; afterwards the heap has the state of
    /// this one.
    @Test func checkpointInsideCommitWritesTheOldState() throws {
        var options = TestHeap.options
        options.initialLogBytes = 64 * 1024
        options.logLimit = 64 * 1024
        let heap = TestHeap(options)
        let engine = try heap.open()
        let cell = try engine.change { access in
            let cell = access.allocate(byteCount: 400_000)
            access.writableAddress(cell, 400_000).initializeMemory(
                as: UInt8.self, repeating: 1, count: 400_000)
            return cell
        }
        var seenInFile: UInt8?
        heap.disk.onCall = { _ in
            // The state in the file just before the record of the second commit is synced, or
            // nothing at all.
            if let file = heap.disk.currentFiles()[TestHeap.path], file.count > Int(cell) {
                seenInFile = file[Int(cell)]
            }
        }
        try engine.change { access in
            access.writableAddress(cell, 400_000).initializeMemory(
                as: UInt8.self, repeating: 2, count: 400_000)
        }
        heap.disk.onCall = nil
        #expect(seenInFile == 1)
        #expect(try engine.look { $0.load(cell + 399_999, as: UInt8.self) } == 2)
        let files = heap.disk.currentFiles()
        let survivor = try HeapEngine(
            path: TestHeap.path, mode: .readWrite, options: options,
            disk: SimulatedDisk(files: files))
        #expect(try survivor.look { $0.load(cell, as: UInt8.self) } == 2)
        #expect(try survivor.look { $0.load(cell + 399_999, as: UInt8.self) } == 2)
    }

    /// Lines changed, freed with their pages, allocated again and changed again within one
    /// transaction: the oldest before-image wins.
    @Test func reuseWithinOneTransactionIsUndone() throws {
        let engine = try TestHeap().open()
        let (run, wall) = try engine.change { access in
            let run = access.allocate(byteCount: 50_000)
            access.writableAddress(run, 50_000).initializeMemory(
                as: UInt8.self, repeating: 5, count: 50_000)
            return (run, access.allocate(byteCount: 4096, alignment: 4096))
        }
        let before = try engine.audit()
        try engine.abandon { access in
            for round in 0 ..< 3 {
                access.writableAddress(run, 50_000)
                    .initializeMemory(as: UInt8.self, repeating: UInt8(10 + round), count: 50_000)
                access.free(run, byteCount: 50_000)
                #expect(access.allocate(byteCount: 50_000) == run)
            }
            access.store(UInt64(1), at: wall)
        }
        #expect(try engine.audit() == before)
        try engine.look { access in
            let found = UnsafeRawBufferPointer(start: access.address(run, 50_000), count: 50_000)
            #expect(found.isFilled(with: 5))
        }
    }
}
