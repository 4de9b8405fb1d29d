import HoldfastFormat
import Testing
import TestSupport

@testable import HoldfastEngine

/// Savepoints at the level of lines: what is restored, what is logged, and what is kept to undo
/// with. Nothing here measures time.
@Suite(.progress) struct SavepointLineTests {
    private struct Undone: Error {}

    private let heap = TestHeap()

    /// A heap with a running log, and a block of many pages in it.
    private func running(bytes: Int = 400_000) throws -> (engine: HeapEngine, run: UInt64) {
        let engine = try heap.open()
        let run = try engine.change { access in
            let run = access.allocate(byteCount: bytes)
            fill(run, bytes, 1, access)
            // Keeps the run from being the heap's last.
            _ = access.allocate(byteCount: 40_000)
            return run
        }
        return (engine, run)
    }

    private func fill(_ offset: UInt64, _ bytes: Int, _ value: UInt8, _ access: HeapAccess) {
        access.writableAddress(offset, bytes).initializeMemory(
            as: UInt8.self, repeating: value, count: bytes)
    }

    private func holds(_ offset: UInt64, _ bytes: Int, _ value: UInt8, _ access: HeapAccess)
        -> Bool
    {
        UnsafeRawBufferPointer(start: access.address(offset, bytes), count: bytes)
            .isFilled(with: value)
    }

    private func undone(_ access: HeapAccess, _ body: (HeapAccess) throws -> Void) throws {
        let inner = try access.beginSavepoint()
        try body(inner)
        #expect(inner.undoSavepoint(because: Undone()) is Undone)
    }

    private func kept(_ access: HeapAccess, _ body: (HeapAccess) throws -> Void) throws {
        let inner = try access.beginSavepoint()
        try body(inner)
        try inner.releaseSavepoint()
    }

    /// Another opening of the heap, which sees it only through the log.
    private func look<R>(_ body: (HeapAccess) throws -> R) throws -> R {
        let other = try heap.open()
        defer { try? other.close() }
        return try other.look(body)
    }

    // MARK: Bytes

    @Test func aLineGetsItsValueAtTheMarkAndNotAtTheBeginning() throws {
        let (engine, run) = try running()
        try engine.change { access in
            access.store(2, at: run)
            try undone(access) { inner in
                inner.store(3, at: run)
                access.store(4, at: run + 8)
                access.store(4, at: run + 4096)
            }
            #expect(access.load(run, as: Int.self) == 2)
            #expect(holds(run + 8, 56, 1, access))
            #expect(holds(run + 4096, 64, 1, access))
        }
        try look { access in
            #expect(access.load(run, as: Int.self) == 2)
            #expect(holds(run + 8, 56, 1, access))
        }
    }

    /// Memory that was fresh before the mark has no before-image from then.
    @Test func freshMemoryGetsItsValueAtTheMark() throws {
        let (engine, _) = try running()
        let fresh = try engine.change { access in
            let fresh = access.allocate(byteCount: 100_000)
            access.markFresh(fresh, 100_000)
            access.address(fresh, 100_000).initializeMemory(
                as: UInt8.self, repeating: 5, count: 100_000)
            try undone(access) { inner in
                fill(fresh, 100_000, 6, inner)
                inner.markFresh(fresh, 100_000)
            }
            #expect(holds(fresh, 100_000, 5, access))
            try undone(access) { inner in inner.free(fresh, byteCount: 100_000) }
            #expect(holds(fresh, 100_000, 5, access))
            return fresh
        }
        try look { #expect(holds(fresh, 100_000, 5, $0)) }
        #expect(try engine.audit().problems == [])
    }

    @Test func anInnerSavepointThatEndedWellIsUndoneWithTheOuterOne() throws {
        let (engine, run) = try running()
        let before = try engine.audit()
        let block = try engine.change { access in
            fill(run, 8192, 2, access)
            try undone(access) { outer in
                fill(run, 64, 3, outer)
                try kept(outer) { inner in
                    fill(run, 4096, 4, inner)
                    try kept(inner) { fill(run + 64, 4096, 5, $0) }
                    fill(inner.allocate(byteCount: 200_000), 200_000, 7, inner)
                }
                try undone(outer) { fill(run, 8192, 6, $0) }
                #expect(holds(run, 64, 4, outer))
                #expect(holds(run + 64, 4096, 5, outer))
                #expect(holds(run + 4160, 64, 2, outer))
                fill(run + 128, 64, 8, outer)
            }
            #expect(holds(run, 8192, 2, access))
            return access.allocate(byteCount: 64)
        }
        try look { #expect(holds(run, 8192, 2, $0)) }
        try engine.change { $0.free(block, byteCount: 64) }
        try engine.checkpoint()
        #expect(try engine.audit() == before)
    }

    /// The transaction's own rollback still knows the state of the last commit.
    @Test func anAbortUndoesWhatSavepointsHaveKeptAndUndone() throws {
        let (engine, run) = try running()
        let before = try engine.audit()
        try engine.abandon { access in
            fill(run, 128, 2, access)
            try! kept(access) { inner in
                fill(run, 4096, 3, inner)
                try undone(inner) { fill(run, 8192, 4, $0) }
                inner.free(run, byteCount: 400_000)
            }
            try! undone(access) { inner in
                fill(inner.allocate(byteCount: 300_000), 300_000, 9, inner)
            }
            fill(access.allocate(byteCount: 400_000), 400_000, 9, access)
        }
        #expect(try engine.look { holds(run, 400_000, 1, $0) })
        #expect(try engine.audit() == before)
    }

    /// Pages at the heap's end that were freed before the inner mark matter to the outer one.
    @Test func pagesFreedAtTheEndAndTakenAgainAreRestored() throws {
        let (engine, _) = try running()
        let last = try engine.change { access in
            let last = access.allocate(byteCount: 100_000)
            fill(last, 100_000, 5, access)
            return last
        }
        try engine.change { access in
            let more = access.allocate(byteCount: 100_000)
            fill(more, 100_000, 6, access)
            try undone(access) { outer in
                outer.free(more, byteCount: 100_000)
                outer.free(last, byteCount: 100_000)
                try kept(outer) { inner in
                    let again = inner.allocate(byteCount: 200_000)
                    #expect(again == last)
                    inner.markFresh(again, 200_000)
                    inner.address(again, 200_000).initializeMemory(
                        as: UInt8.self, repeating: 7, count: 200_000)
                }
            }
            #expect(holds(last, 100_000, 5, access))
            #expect(holds(more, 100_000, 6, access))
        }
        try look { #expect(holds(last, 100_000, 5, $0)) }
        #expect(try engine.audit().problems == [])
    }

    /// A run that the transaction has changed is freed in an undone savepoint: freeing unmarks
    /// lines, which must be logged after all.
    @Test func linesUnmarkedByAnUndoneFreeAreLogged() throws {
        let (engine, run) = try running()
        try engine.change { access in
            fill(run, 400_000, 2, access)
            let lines = engine.dirty.lineCount
            try undone(access) { inner in
                inner.free(run, byteCount: 400_000)
                try kept(inner) { fill($0.allocate(byteCount: 100_000), 100_000, 3, $0) }
            }
            #expect(engine.dirty.lineCount == lines)
        }
        try look { #expect(holds(run, 400_000, 2, $0)) }
        #expect(try engine.audit().problems == [])
    }

    /// Freed and taken again inside a savepoint that is kept: logged with its new contents.
    @Test func linesUnmarkedByAKeptFreeAreLoggedWhenTheyChangeAgain() throws {
        let (engine, run) = try running()
        try engine.change { access in
            fill(run, 400_000, 2, access)
            try kept(access) { inner in
                fill(run, 400_000, 3, inner)
                inner.free(run, byteCount: 400_000)
                #expect(inner.allocate(byteCount: 400_000) == run)
                fill(run, 400_000, 4, inner)
            }
        }
        try look { #expect(holds(run, 400_000, 4, $0)) }
    }

    // MARK: The log and the file

    @Test func undoneLinesAreNotLogged() throws {
        let (engine, run) = try running()
        let before = engine.applied
        let pages = engine.pagesInImage
        try engine.change { access in
            access.store(2, at: run)
            try undone(access) { inner in
                fill(run, 40_000, 3, inner)
                _ = inner.allocate(byteCount: 64)
                fill(inner.allocate(byteCount: 10 << 20), 10 << 20, 4, inner)
                #expect(engine.pagesInImage > pages + 2560)
            }
            #expect(engine.pagesInImage == pages)
        }
        // One line: as if there had been no savepoint.
        #expect(engine.applied - before == 72 + (8 + 64))
        #expect(heap.fileBytes() < 1 << 20)
        let published = engine.writerLog!.published
        try engine.change { access in try undone(access) { fill(run, 40_000, 3, $0) } }
        #expect(engine.writerLog!.published == published)
    }

    @Test func aPageIsCountedAsPrivateOnce() throws {
        let (engine, run) = try running()
        try engine.change { access in
            try undone(access) { fill(run, 40_000, 3, $0) }
            let bound = engine.image.privatePageBound
            for _ in 0 ..< 100 { try undone(access) { fill(run, 40_000, 3, $0) } }
            #expect(engine.image.privatePageBound == bound)
        }
    }

    // MARK: Costs, counted in lines and pages

    /// What is kept to undo with follows the lines changed since the mark, whatever the transaction
    /// has changed before.
    @Test func aSavepointKeepsWhatItChanges() throws {
        let (engine, run) = try running()
        let dirty = engine.dirty
        try engine.change { access in
            fill(run, 400_000, 2, access)
            let images = dirty.imageCount
            #expect(images >= 6250)
            let inner = try access.beginSavepoint()
            #expect(dirty.imageCount == images && dirty.innermost!.count == 0)
            for line in 0 ..< 3 {
                inner.store(line, at: run + UInt64(line * 64))
                inner.store(line, at: run + UInt64(line * 64 + 8))
            }
            inner.store(9, at: run + 40_960)
            #expect(dirty.imageCount == images + 4 && dirty.innermost!.count == 2)
            try inner.releaseSavepoint()
            // The transaction has older images of these lines.
            #expect(dirty.imageCount == images)
        }
    }

    /// Savepoints one after the other keep as much as one, at any depth.
    @Test(arguments: [0, 1, 5])
    func savepointsOneAfterTheOtherKeepAsMuchAsOne(depth: Int) throws {
        let (engine, run) = try running()
        let dirty = engine.dirty
        try engine.change { access in
            var accesses = [access]
            for _ in 0 ..< depth { accesses.append(try accesses.last!.beginSavepoint()) }
            for number in 0 ..< 1000 {
                try kept(accesses.last!) { $0.store(number, at: run) }
                try undone(accesses.last!) { $0.store(-1, at: run + 4096) }
            }
            #expect(dirty.imageCount == 1)
            #expect(dirty.lineCount == 1)
            #expect(dirty.pageCount == 1)
            for access in accesses.dropFirst().reversed() { try access.releaseSavepoint() }
            #expect(dirty.imageCount == 1 && dirty.depth == 0)
        }
        try look { #expect($0.load(run, as: Int.self) == 999) }
    }

    /// A line changed under a thousand marks has one before-image, and each level knows the pages
    /// that were changed in it.
    @Test func aThousandLevelsCostNoMoreThanTheirLines() throws {
        let (engine, run) = try running()
        let dirty = engine.dirty
        try engine.change { access in
            fill(run, 400_000, 2, access)
            let images = dirty.imageCount
            var accesses = [access]
            for _ in 0 ..< 1000 { accesses.append(try accesses.last!.beginSavepoint()) }
            #expect(dirty.imageCount == images)
            accesses.last!.store(1, at: run)
            #expect(dirty.imageCount == images + 1)
            #expect(dirty.savepoints.reduce(0) { $0 + $1.count } == 1)
            // Every level sees the same extent of the image.
            let far = accesses[500].allocate(byteCount: 8 << 20)
            accesses[1000].store(7, at: far + (8 << 20) - 8)
            #expect(accesses[2].load(far + (8 << 20) - 8, as: Int.self) == 7)
            for access in accesses[500...].reversed() { try access.releaseSavepoint() }
            #expect(access.load(run, as: Int.self) == 1)
            for access in accesses[1 ..< 500].reversed() {
                _ = access.undoSavepoint(because: Undone())
            }
            #expect(holds(run, 400_000, 2, access))
            #expect(dirty.imageCount == images)
        }
    }

    /// The marks that stores look at show the innermost savepoint's lines and no others.
    @Test func marksAreShownForTheInnermostSavepointOnly() throws {
        let (engine, run) = try running()
        let page = Int(run >> 12)
        try engine.change { access in
            access.store(1, at: run)
            let marks = { access.context.pointee.touchedLines[page] }
            #expect(marks() == 1)
            let outer = try access.beginSavepoint()
            #expect(marks() == 0)
            outer.store(1, at: run + 64)
            #expect(marks() == 2)
            let inner = try outer.beginSavepoint()
            #expect(marks() == 0)
            inner.store(1, at: run + 128)
            #expect(marks() == 4)
            try inner.releaseSavepoint()
            #expect(marks() == 0)
            // Changed in the outer savepoint already: the whole page's marks are shown again.
            let images = engine.dirty.imageCount
            outer.store(2, at: run + 64)
            #expect(marks() == 6)
            #expect(engine.dirty.imageCount == images)
            try outer.releaseSavepoint()
            #expect(marks() == 7)
        }
    }

    /// A table of a savepoint's pages that grows, and shrinks again.
    @Test func manyPagesAreFoundAgain() throws {
        let (engine, run) = try running(bytes: 24 << 20)
        var random = SplitMix(state: 3)
        try engine.change { access in
            for round in 0 ..< 3 {
                try undone(access) { inner in
                    for _ in 0 ..< 9000 {
                        let place = run + UInt64(Int.random(in: 0 ..< 3 << 20, using: &random) * 8)
                        inner.store(UInt64(round), at: place)
                    }
                }
                #expect(engine.dirty.savepoints[0].count == 0)
            }
            #expect(engine.dirty.lineCount == 0 && engine.dirty.imageCount == 0)
        }
        #expect(try engine.look { holds(run, 24 << 20, 1, $0) })
    }

    // MARK: Seeds

    /// Random stores, allocations and frees in random savepoints, compared with copies of the
    /// bytes; every commit is looked at through another opening.
    @Test(arguments: [1 as UInt64, 2, 3, 4])
    func randomSavepointsRestoreEveryByte(seed: UInt64) throws {
        var options = TestHeap.options
        options.verifiesDirtyTracking = seed % 2 == 0
        let heap = TestHeap(options)
        let engine = try heap.open()
        let reader = try heap.open()
        var model = Blocks(random: SplitMix(state: seed))
        var committed = model.blocks
        for _ in 0 ..< TestExtent.choose(quick: 60, full: 600) {
            let context = try engine.beginWrite()
            let access = Workload.access(context)
            try model.run(access, depth: 0)
            #expect(model.isEqual(access))
            if model.random.below(4) == 0 {
                engine.abort(context)
                model.blocks = committed
            } else {
                try engine.commit(context)
                committed = model.blocks
            }
            #expect(try engine.audit().problems == [], "seed \(seed)")
            try #require(try reader.look { model.isEqual($0) }, "seed \(seed)")
            if model.random.below(20) == 0 { try engine.checkpoint() }
        }
        try engine.change { access in
            for block in model.blocks { access.free(block.offset, byteCount: block.bytes.count) }
        }
        try engine.checkpoint()
        #expect(try engine.audit() == TestHeap(options).open().audit(), "something was leaked")
    }
}

/// Blocks of a heap and copies of their bytes, changed together.
private struct Blocks {
    struct Block {
        var offset: UInt64
        var bytes: [UInt8]
    }

    private struct Undone: Error {}

    var random: SplitMix
    var blocks: [Block] = []

    mutating func run(_ access: HeapAccess, depth: Int) throws {
        for _ in 0 ..< random.below(12) {
            guard depth < 5, random.below(4) == 0 else {
                change(access)
                continue
            }
            let saved = blocks
            let inner = try access.beginSavepoint()
            try run(random.below(3) == 0 ? access : inner, depth: depth + 1)
            if random.below(2) == 0 {
                _ = inner.undoSavepoint(because: Undone())
                blocks = saved
                if !isEqual(access) { Issue.record("an undone savepoint left something") }
            } else {
                try inner.releaseSavepoint()
            }
        }
    }

    private mutating func change(_ access: HeapAccess) {
        let index = blocks.isEmpty ? 0 : random.below(blocks.count)
        switch random.below(blocks.count > 30 ? 8 : 6) {
        case 0, 1:
            let sizes = [8, 24, 64, 200, 1000, 5000, 40_000, 150_000]
            let count = sizes[random.below(sizes.count)]
            let offset = access.allocate(byteCount: count)
            let value = UInt8(truncatingIfNeeded: random.next())
            if random.below(2) == 0 {
                access.markFresh(offset, count)
            } else {
                access.markDirty(offset, count)
            }
            access.address(offset, count).initializeMemory(
                as: UInt8.self, repeating: value, count: count)
            blocks.append(Block(offset: offset, bytes: [UInt8](repeating: value, count: count)))
        case 2 where !blocks.isEmpty, 6, 7:
            access.free(blocks[index].offset, byteCount: blocks[index].bytes.count)
            blocks.remove(at: index)
        default:
            guard !blocks.isEmpty else { return }
            let count = blocks[index].bytes.count
            let start = random.below(count)
            let length = min(count - start, 1 + random.below(300))
            let value = UInt8(truncatingIfNeeded: random.next())
            access.writableAddress(blocks[index].offset + UInt64(start), length)
                .initializeMemory(as: UInt8.self, repeating: value, count: length)
            for place in start ..< start + length { blocks[index].bytes[place] = value }
        }
    }

    func isEqual(_ access: HeapAccess) -> Bool {
        blocks.allSatisfy { block in
            block.bytes.withUnsafeBytes {
                UnsafeRawBufferPointer(
                    start: access.address(block.offset, block.bytes.count),
                    count: block.bytes.count
                ).isSame(as: $0)
            }
        }
    }
}

extension SplitMix {
    fileprivate mutating func below(_ limit: Int) -> Int { Int(next() % UInt64(limit)) }
}
