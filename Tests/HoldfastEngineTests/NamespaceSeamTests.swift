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

/// Who cannot tell whether the others live may not take part with them. `NamespaceTests` does it
/// with real ones.
@Suite(.progress) struct NamespaceSeamTests {
    private let heap = TestHeap()
    private let refusal = HeapError.otherNamespace(path: TestHeap.path)

    private func options(_ namespaces: UInt64, boot: BootID = BootID(high: 5, low: 6))
        -> EngineOptions
    {
        let directory = TestProcesses()
        directory.namespaces = namespaces
        directory.boot = boot
        var options = heap.options
        options.processes = directory
        return options
    }

    private func open(_ mode: OpenMode, _ options: EngineOptions) throws -> HeapEngine {
        try HeapEngine(path: TestHeap.path, mode: mode, options: options, disk: heap.disk)
    }

    /// In other namespaces, or with a start of the machine that one of them cannot find out: every
    /// mode, and nothing is touched.
    @Test(arguments: [2, 0, 1] as [UInt64]) func joinersAreRefused(namespaces: UInt64) throws {
        let boot = namespaces == 1 ? BootID.unknown : BootID(high: 5, low: 6)
        let first = try open(.readWrite, options(1))
        let cell = try first.change { $0.allocate(byteCount: 64) }
        try first.change { $0.store(5, at: cell) }
        for mode in [OpenMode.readWrite, .readOnly, .privateCopy] {
            #expect(throws: refusal) { try open(mode, options(namespaces, boot: boot)) }
        }
        #expect(first.openViews().count == 1)
        try first.change { $0.store(6, at: cell) }
        try first.close()
        // One after the other they may.
        let second = try open(.readWrite, options(namespaces, boot: boot))
        #expect(try second.look { $0.load(cell, as: Int.self) } == 6)
        #expect(throws: refusal) { try open(.readWrite, options(1)) }
        try second.close()
        #expect(heap.disk.currentFiles().keys.sorted() == [TestHeap.path])
    }

    /// What the dead of another namespace have left is recovered as ever: there is nobody to judge.
    @Test func whatOthersHaveLeft() throws {
        let first = try open(.readWrite, options(1))
        let cell = try first.change { $0.allocate(byteCount: 64) }
        try first.change { $0.store(5, at: cell) }
        let left = SimulatedDisk(files: heap.disk.currentFiles())
        let second = try HeapEngine(
            path: TestHeap.path, mode: .readWrite, options: options(2), disk: left)
        #expect(try second.look { $0.load(cell, as: Int.self) } == 5)
        try second.close()
        #expect(left.currentFiles().keys.sorted() == [TestHeap.path])
    }

    /// But not while somebody reads who began before they wrote, and cannot be told from here what
    /// they knew.
    @Test func whatOthersHaveLeftBesideAGuest() throws {
        let (heap, cell) = try TestHeap.atRest()
        let attempts = Atomic<Int>(0)
        let refusing = TappedDisk(heap.disk) { call throws(SystemError) in
            // For a visit, and for registering.
            if call.operation == .open, attempts.add(1, ordering: .relaxed).newValue <= 2 {
                throw SystemError(.open, call.path, .permissionDenied)
            }
        }
        let guest = try HeapEngine(
            path: TestHeap.path, mode: .readOnly, options: options(2), disk: refusing)
        let context = try guest.beginRead()
        let writer = try VisitTests.Mortal(heap.disk, options: options(1))
        try writer.engine.change { $0.store(6, at: cell) }
        try writer.engine.makeDurable()
        writer.die()
        #expect(throws: refusal) {
            _ = try HeapEngine(
                path: TestHeap.path, mode: .readWrite, options: options(2), disk: heap.disk)
        }
        let access = HeapAccess(context: context, epoch: context.pointee.epoch)
        #expect(access.load(cell, as: Int.self) == 5)
        guest.endRead(context)
        try guest.close()
        let next = try HeapEngine(
            path: TestHeap.path, mode: .readWrite, options: options(2), disk: heap.disk)
        #expect(try next.look { $0.load(cell, as: Int.self) } == 6)
        try next.close()
    }

    /// A visitor is protected by locks alone, and so may read; but it cannot take part.
    @Test func visitors() throws {
        let first = try open(.readWrite, options(1))
        let cell = try first.change { $0.allocate(byteCount: 64) }
        try first.change { $0.store(5, at: cell) }
        try first.close()
        let visitor = try open(.readOnly, options(2))
        let writer = try open(.readWrite, options(1))
        #expect(try visitor.look { $0.load(cell, as: Int.self) } == 5)
        try writer.change { $0.store(6, at: cell) }
        #expect(visitor.openViews() == [])
        #expect(throws: refusal) { try visitor.look { _ in } }
        try visitor.close()
        #expect(try writer.look { $0.load(cell, as: Int.self) } == 6)
        try writer.close()
    }

    #if os(Linux)
        /// Where the namespaces are not known, the write lock's holder may have the number of this
        /// thread and be another's: an error, and not the trap of a program that waits for itself.
        @Test func theHolderHasThisThreadsNumber() throws {
            let engine = try open(.readWrite, options(0))
            let cell = try engine.change { $0.allocate(byteCount: 64) }
            let number = UInt32(
                SystemDisk.linkTarget("/proc/thread-self")!.split(separator: "/").last!)!
            let word = (engine.shared!.base + LogLayout.lockOffset).assumingMemoryBound(
                to: UInt32.self)
            word.pointee = number
            #expect(throws: refusal) { try engine.change { $0.store(1, at: cell) } }
            word.pointee = 0
            try engine.change { $0.store(2, at: cell) }
            try engine.close()
        }
    #endif
}
