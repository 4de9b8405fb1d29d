import MemoryMapping
import Testing
import TestSupport

@testable import HoldfastEngine

/// Other mappings take the addresses behind an image: a transaction is refused, and the next one
/// finds the image elsewhere.
@Suite(.progress) struct ImageMoveTests {
    /// Takes all addresses behind the image, like another part of the program. Nil if other
    /// mappings are already there.
    private func blocker(behind engine: HeapEngine) -> Blocker? {
        Blocker(at: engine.image.base + engine.image.capacity)
    }

    private final class Blocker {
        private let address: UnsafeMutableRawPointer

        init?(at address: UnsafeMutableRawPointer) {
            guard SystemAddresses.take(SystemPage.size, at: address) else { return nil }
            self.address = address
        }

        deinit { SystemAddresses.giveBack(address, SystemPage.size) }
    }

    private func fill(_ access: HeapAccess, _ bytes: Int) -> UInt64 {
        let block = access.allocate(byteCount: bytes)
        if access.isLost { return 0 }
        access.store(4711, at: block + UInt64(bytes) - 8)
        return block
    }

    @Test(arguments: [OpenMode.readWrite, .privateCopy, .inMemory]) func theNextTransactionHasRoom(
        mode: OpenMode
    ) throws {
        let heap = TestHeap()
        try heap.open().close()
        let engine = try heap.open(mode)
        let cell = try engine.change { access in
            let cell = access.allocate(byteCount: 64)
            access.store(5, at: cell)
            return cell
        }
        let neighbour = try #require(blocker(behind: engine))
        let base = engine.image.base
        let size = engine.image.capacity + 10 << 20
        #expect(throws: HeapError.self) { try engine.change { _ = fill($0, size) } }
        #expect(engine.image.base == base)
        // Pages that exist only in memory move too.
        let block = try engine.change { access in
            access.store(access.load(cell, as: Int.self) + 1, at: cell)
            return fill(access, size)
        }
        #expect(engine.image.base != base)
        #expect(try engine.look { $0.load(cell, as: Int.self) } == 6)
        #expect(try engine.look { $0.load(block + UInt64(size) - 8, as: Int.self) } == 4711)
        #expect(try engine.audit().problems.isEmpty)
        if mode != .privateCopy {
            try engine.checkpoint()
            #expect(try engine.scrub().damagedPages.isEmpty)
        }
        _ = neighbour
        try engine.close()
    }

    /// An opening that follows others' commits moves its image when they need more than there is.
    @Test(arguments: [OpenMode.readWrite, .readOnly]) func othersGrowthIsFollowed(mode: OpenMode)
        throws
    {
        let heap = TestHeap()
        let writer = try heap.open()
        let cell = try writer.change { access in
            let cell = access.allocate(byteCount: 64)
            access.store(5, at: cell)
            return cell
        }
        let follower = try heap.open(mode)
        #expect(try follower.look { $0.load(cell, as: Int.self) } == 5)
        let neighbour = try #require(blocker(behind: follower))
        let base = follower.image.base
        let size = follower.image.capacity + 10 << 20
        let block = try writer.change { access in
            access.store(6, at: cell)
            return fill(access, size)
        }
        #expect(try follower.look { $0.load(cell, as: Int.self) } == 6)
        #expect(try follower.look { $0.load(block + UInt64(size) - 8, as: Int.self) } == 4711)
        #expect(follower.image.base != base)
        _ = neighbour
        try follower.close()
        try writer.close()
    }

    /// Transactions that are given up leave no addresses behind.
    @Test func lostTransactionsGiveBackWhatTheyTook() throws {
        let heap = TestHeap()
        let engine = try heap.open()
        try engine.change { _ = $0.allocate(byteCount: 64) }
        let (bytes, capacity) = (engine.image.byteCount, engine.image.capacity)
        for _ in 0 ..< 3 {
            #expect(throws: HeapError.self) {
                try engine.change { access in
                    _ = access.allocate(byteCount: 100 << 20)
                    _ = access.allocate(byteCount: .max)
                    // Blocks allocated by a lost transaction can be used all the same.
                    for size in [1, 64, 4000, 30_000, 40_000, 1 << 20] {
                        let block = access.allocate(byteCount: size)
                        access.writableAddress(block, size).initializeMemory(
                            as: UInt8.self, repeating: 1, count: size)
                        access.free(block, byteCount: size)
                    }
                }
            }
            #expect(engine.image.byteCount <= bytes && engine.image.capacity <= capacity)
        }
        #expect(try engine.audit().problems.isEmpty)
        try engine.close()
    }
}
