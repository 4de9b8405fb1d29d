import HoldfastFormat
import TestSupport
import Testing

@testable import HoldfastEngine

/// What a heap takes of the memory, and the limit of a transaction that follows from it.
@Suite(.progress) struct MemoryShareTests {
    @Test func plentyOfMemory() {
        let shares = MemoryShares(memory: 64 << 30)
        #expect(shares.log == 64 << 20)
        #expect(shares.pages == 256 << 20)
        #expect(shares.views == 1 << 30)
        #expect(shares.transaction == 48 << 30)
        let unknown = MemoryShares(memory: .max)
        #expect(unknown.log == 64 << 20 && unknown.pages == 256 << 20)
    }

    @Test func scarceMemory() {
        let shares = MemoryShares(memory: 256 << 20)
        #expect(shares.log == 16 << 20)
        #expect(shares.pages == 32 << 20)
        #expect(shares.views == 64 << 20)
        #expect(shares.transaction == 192 << 20)
        // Beside a transaction at its limit, the private pages of all images fit.
        #expect(shares.transaction + shares.pages + shares.log < 256 << 20)
    }

    private static let limit = 2 << 20

    /// A heap with eight blocks of half the limit each.
    private func make() throws -> (HeapEngine, TemporaryFolder, blocks: [UInt64]) {
        let folder = try TemporaryFolder()
        var options = EngineOptions()
        options.transactionLimit = Self.limit
        let engine = try HeapEngine(
            path: folder.file("test.heap"), mode: .readWrite, options: options)
        let blocks = try (0 ..< 8).map { _ in
            try engine.change { $0.allocate(byteCount: Self.limit / 2) }
        }
        return (engine, folder, blocks)
    }

    /// Changes the first `pages` pages of the blocks.
    private func touch(_ pages: Int, _ blocks: [UInt64], _ access: HeapAccess) {
        let each = Self.limit / 2 / HeapLayout.pageBytes
        for page in 0 ..< pages {
            access.store(
                page + 1, at: blocks[page / each] + UInt64(page % each * HeapLayout.pageBytes))
        }
    }

    @Test func aTransactionBeyondTheLimitIsLost() throws {
        let (engine, folder, blocks) = try make()
        defer { withExtendedLifetime(folder) {} }
        #expect(throws: HeapError.outOfMemory(path: engine.path)) {
            try engine.change { access in
                touch(1000, blocks, access)
                #expect(access.errorToCome != nil)
                #expect(!access.hasRoom(byteCount: 1 << 20))
            }
        }
        try engine.change { access in
            #expect(access.load(blocks[0], as: Int.self) == 0)
            touch(400, blocks, access)
            #expect(access.errorToCome == nil)
        }
        #expect(try engine.audit().problems == [])
        try engine.close()
    }

    private struct Undone: Error {}

    /// The limit is an error of the savepoint; the transaction goes on.
    @Test func aSavepointBeyondTheLimitIsUndone() throws {
        let (engine, folder, blocks) = try make()
        defer { withExtendedLifetime(folder) {} }
        try engine.change { access in
            touch(1, blocks, access)
            let inner = try access.beginSavepoint()
            touch(1000, blocks, inner)
            #expect(inner.errorToCome != nil)
            #expect(inner.undoSavepoint(because: Undone()) is Undone)
            #expect(access.errorToCome == nil)
        }
        let context = try engine.beginRead()
        let access = HeapAccess(context: context, epoch: context.pointee.epoch)
        #expect(access.load(blocks[0], as: Int.self) == 1)
        #expect(access.load(blocks[0] + 4096, as: Int.self) == 0)
        engine.endRead(context)
        try engine.close()
    }

    /// Pages that are freed and changed again count once.
    @Test func blocksThatComeAndGoAreNotTooMany() throws {
        let (engine, folder, _) = try make()
        defer { withExtendedLifetime(folder) {} }
        try engine.change { access in
            for _ in 0 ..< 2000 {
                let block = access.allocate(byteCount: 100_000)
                touch(24, [block], access)
                access.free(block, byteCount: 100_000)
            }
            #expect(access.errorToCome == nil)
        }
        try engine.close()
    }
}
