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

/// A process that cannot tell whether the others are alive may not share a heap with them.
/// `NamespaceTests` uses real namespaces.
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

    /// With other namespaces, or with a boot that one of the processes cannot determine: every mode
    /// is refused, and nothing is touched.
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

    /// Remains of dead processes of another namespace are recovered as usual: there is no live
    /// process to judge.
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

    /// A transient reader is protected by locks alone, and so may read; but it cannot register.
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
        /// If the namespaces are unknown, the write lock's holder may have this thread's ID and be
        /// another namespace's thread: an error, and not the trap of a program that waits for
        /// itself.
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
