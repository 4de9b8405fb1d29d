import HoldfastFormat
import Testing
import TestSupport

@testable import HoldfastEngine

/// The permitted effects of each open mode on the disk.
@Suite(.progress) struct ModeTests {
    @Test func inMemoryTouchesNoDisk() throws {
        let heap = TestHeap()
        let engine = try heap.open(.inMemory)
        let run = try engine.change { access in
            let run = access.allocate(byteCount: 3 << 20)
            access.store(1, at: run + (3 << 20) - 8)
            return run
        }
        try engine.abandon { $0.store(2, at: run + (3 << 20) - 8) }
        #expect(try engine.look { $0.load(run + (3 << 20) - 8, as: Int.self) } == 1)
        try engine.makeDurable()
        try engine.checkpoint()
        #expect(try engine.audit().problems.isEmpty)
        try engine.change { $0.free(run, byteCount: 3 << 20) }
        try engine.close()
        #expect(heap.disk.attempts == 0)
        #expect(heap.disk.currentFiles().isEmpty)
    }

    @Test func privateCopyKeepsNothing() throws {
        let (heap, cell) = try TestHeap.atRest()
        let before = heap.disk.currentFiles()
        let calls = heap.disk.journal.count
        let engine = try heap.open(.privateCopy)
        let second = try heap.open(.privateCopy)
        for value in 0 ..< 50 {
            try engine.change { access in
                access.store(value, at: cell)
                _ = access.allocate(byteCount: 50_000)
            }
        }
        try engine.abandon { $0.store(1000, at: cell) }
        try engine.makeDurable()
        try engine.checkpoint()
        #expect(try engine.look { $0.load(cell, as: Int.self) } == 49)
        #expect(try engine.audit().problems.isEmpty)
        // Each opening has its own.
        #expect(try second.look { $0.load(cell, as: Int.self) } == 5)
        try engine.close()
        try second.close()
        #expect(heap.disk.changes(since: calls).isEmpty)
        #expect(heap.disk.currentFiles() == before)
        #expect(try heap.open(.readOnly).look { $0.load(cell, as: Int.self) } == 5)
    }

    @Test func readOnlyRefusesChanges() throws {
        let (heap, cell) = try TestHeap.atRest()
        let calls = heap.disk.journal.count
        let engine = try heap.open(.readOnly)
        #expect(throws: HeapError.readOnly(path: TestHeap.path)) { try engine.beginWrite() }
        // The lock has been released: a read continues.
        #expect(try engine.look { $0.load(cell, as: Int.self) } == 5)
        try engine.makeDurable()
        try engine.checkpoint()
        try engine.close()
        #expect(heap.disk.changes(since: calls).isEmpty)
    }

    /// A heap that is released without `close` closes itself.
    @Test func lettingGoCloses() throws {
        let heap = TestHeap()
        var engine: HeapEngine? = try heap.open()
        try engine?.change { _ = $0.allocate(byteCount: 100_000) }
        engine = nil
        #expect(heap.disk.currentFiles().keys.sorted() == [TestHeap.path])
        #expect(try heap.open().audit().runPages == 25)
    }

    /// Checkpoints drop private pages without losing data.
    @Test func memoryIsGivenBackAtCheckpoints() throws {
        var options = TestHeap.options
        options.memoryLimit = 1 << 20
        let heap = TestHeap(options)
        let engine = try heap.open()
        let run = try engine.change { $0.allocate(byteCount: 4 << 20) }
        for round in 1 ... 3 as ClosedRange<UInt8> {
            // In pieces: a checkpoint that becomes due runs before the next transaction.
            for start in stride(from: 0, to: 4 << 20, by: 128 << 10) {
                try engine.change { access in
                    access.writableAddress(run + UInt64(start), 128 << 10)
                        .initializeMemory(as: UInt8.self, repeating: round, count: 128 << 10)
                }
                #expect(engine.image.privatePageBound <= (1 << 20) / 4096 + 64)
            }
            try engine.look { access in
                for start in stride(from: 0, to: 4 << 20, by: 4096) {
                    guard access.load(run + UInt64(start) + 17, as: UInt8.self) == round else {
                        Issue.record("round \(round): byte \(start + 17) is lost")
                        return
                    }
                }
            }
        }
        try engine.close()
    }
}

extension SimulatedDisk {
    /// The calls from the given one on that changed files other than the shared file.
    func changes(since first: Int) -> [Call] {
        var met: Set<Int> = []
        return journal[first...].filter {
            switch $0 {
            case .create(let name, let file) where name.hasSuffix(LogLayout.sharedSuffix):
                met.insert(file)
                return false
            case .resize(let file, _): return !met.contains(file)
            case .remove(let name): return !name.hasSuffix(LogLayout.sharedSuffix)
            default: return true
            }
        }
    }
}
