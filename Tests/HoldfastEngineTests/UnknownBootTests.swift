import HoldfastFormat
import HoldfastSystem
import Synchronization
import Testing
import TestSupport

@testable import HoldfastEngine

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// A process that cannot compare its boot of the machine with that of others does not share a heap
/// with them.
@Suite(.progress) struct UnknownBootTests {
    private let heap = TestHeap()
    private let refusal = HeapError.unknownBoot(path: TestHeap.path)

    private func options(_ boot: BootID) -> EngineOptions {
        var options = heap.options
        options.process = TestProcess(boot: boot)
        return options
    }

    private static let known = BootID(high: 5, low: 6)

    private func open(_ mode: OpenMode, _ options: EngineOptions) throws -> HeapEngine {
        try HeapEngine(path: TestHeap.path, mode: mode, options: options, disk: heap.disk)
    }

    /// Every mode is refused, and nothing is touched.
    @Test(arguments: [BootID.unknown, known]) func joinersAreRefused(boot: BootID) throws {
        let other = boot == .unknown ? Self.known : .unknown
        let first = try open(.readWrite, options(other))
        let cell = try first.change { $0.allocate(byteCount: 64) }
        try first.change { $0.store(5, at: cell) }
        for mode in [OpenMode.readWrite, .readOnly, .privateCopy] {
            #expect(throws: refusal) { try open(mode, options(boot)) }
        }
        #expect(first.openViews().count == 1)
        try first.change { $0.store(6, at: cell) }
        try first.close()
        // One after the other they may.
        let second = try open(.readWrite, options(boot))
        #expect(try second.look { $0.load(cell, as: Int.self) } == 6)
        #expect(throws: refusal) { try open(.readWrite, options(other)) }
        try second.close()
        #expect(heap.disk.currentFiles().keys.sorted() == [TestHeap.path])
    }

    /// Remains of dead processes are recovered as usual.
    @Test func whatOthersHaveLeft() throws {
        let first = try open(.readWrite, options(Self.known))
        let cell = try first.change { $0.allocate(byteCount: 64) }
        try first.change { $0.store(5, at: cell) }
        let left = SimulatedDisk(files: heap.disk.currentFiles())
        let second = try HeapEngine(
            path: TestHeap.path, mode: .readWrite, options: options(.unknown), disk: left)
        #expect(try second.look { $0.load(cell, as: Int.self) } == 5)
        try second.close()
        #expect(left.currentFiles().keys.sorted() == [TestHeap.path])
    }

    /// But not while a reader is active that began before they wrote, whose knowledge is unknown
    /// from here.
    @Test func whatOthersHaveLeftBesideAGuest() throws {
        let (heap, cell) = try TestHeap.atRest()
        let attempts = Atomic<Int>(0)
        let refusing = TappedDisk(heap.disk) { call throws(SystemError) in
            // For the transient read, and for registering.
            if call.operation == .open, attempts.add(1, ordering: .relaxed).newValue <= 2 {
                throw SystemError(.open, call.path, .permissionDenied)
            }
        }
        let guest = try HeapEngine(
            path: TestHeap.path, mode: .readOnly, options: options(.unknown), disk: refusing)
        let context = try guest.beginRead()
        let writer = try VisitTests.Mortal(heap.disk, options: options(Self.known))
        try writer.engine.change { $0.store(6, at: cell) }
        try writer.engine.makeDurable()
        writer.die()
        #expect(throws: refusal) {
            _ = try HeapEngine(
                path: TestHeap.path, mode: .readWrite, options: options(.unknown), disk: heap.disk)
        }
        let access = HeapAccess(context: context, epoch: context.pointee.epoch)
        #expect(access.load(cell, as: Int.self) == 5)
        guest.endRead(context)
        try guest.close()
        let next = try HeapEngine(
            path: TestHeap.path, mode: .readWrite, options: options(.unknown), disk: heap.disk)
        #expect(try next.look { $0.load(cell, as: Int.self) } == 6)
        try next.close()
    }

    /// A transient reader is protected by locks alone, and so may read; but it cannot register.
    @Test func visitors() throws {
        let first = try open(.readWrite, options(Self.known))
        let cell = try first.change { $0.allocate(byteCount: 64) }
        try first.change { $0.store(5, at: cell) }
        try first.close()
        let visitor = try open(.readOnly, options(.unknown))
        let writer = try open(.readWrite, options(Self.known))
        #expect(try visitor.look { $0.load(cell, as: Int.self) } == 5)
        try writer.change { $0.store(6, at: cell) }
        #expect(visitor.openViews() == [])
        #expect(throws: refusal) { try visitor.look { _ in } }
        try visitor.close()
        #expect(try writer.look { $0.load(cell, as: Int.self) } == 6)
        try writer.close()
    }
}
