import Testing
import TestSupport

@testable import HoldfastEngine

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// Copying and building fail at every call to the disk: no partial file is left under any name, and
/// the source is unchanged.
@Suite(.progress) struct CopyFaultTests {
    private static let target = "/sim/copy.heap"
    private static let failures: [SimulatedDisk.Fault] = [
        .error(EIO), .error(ENOSPC), .shortWrite(ENOSPC),
    ]

    /// A heap in use, with commits that are only in the log, and a hole in its middle.
    private func source() throws -> (heap: TestHeap, engine: HeapEngine, block: UInt64) {
        let heap = TestHeap()
        let engine = try heap.open()
        let (hole, block) = try engine.change { access in
            let hole = access.allocate(byteCount: 200_000)
            let block = access.allocate(byteCount: 100_000)
            access.writableAddress(hole, 200_000).initializeMemory(
                as: UInt8.self, repeating: 1, count: 200_000)
            access.writableAddress(block, 100_000).initializeMemory(
                as: UInt8.self, repeating: 5, count: 100_000)
            return (hole, block)
        }
        try engine.checkpoint()
        try engine.change { access in
            access.free(hole, byteCount: 200_000)
            access.writableAddress(block, 100_000).initializeMemory(
                as: UInt8.self, repeating: 6, count: 100_000)
        }
        return (heap, engine, block)
    }

    private func isWhole(_ engine: HeapEngine, _ block: UInt64) throws -> Bool {
        let isFilled = try engine.look { access in
            UnsafeRawBufferPointer(start: access.address(block, 100_000), count: 100_000)
                .isFilled(with: 6)
        }
        let (damaged, problems) = (try engine.scrub().damagedPages, try engine.audit().problems)
        return isFilled && damaged.isEmpty && problems.isEmpty
    }

    private func copy(_ heap: TestHeap, replacing: Bool) throws {
        var options = heap.options
        options.isSnapshot = true
        let snapshot = try HeapEngine(
            path: TestHeap.path, mode: .readOnly, options: options, disk: heap.disk)
        defer { try? snapshot.close() }
        try snapshot.writeCopy(to: Self.target, replacing: replacing)
    }

    private func expectWholeCopy(_ heap: TestHeap, _ block: UInt64) throws {
        let copy = try HeapEngine(
            path: Self.target, mode: .readWrite, options: heap.options, disk: heap.disk)
        #expect(try isWhole(copy, block))
        try copy.close()
    }

    @Test(arguments: [false, true]) func copying(replacing: Bool) throws {
        for failure in Self.failures {
            var failing = 0
            while true {
                let (heap, engine, block) = try source()
                if replacing {
                    try HeapEngine(
                        path: Self.target, mode: .readWrite, options: heap.options, disk: heap.disk
                    ).close()
                }
                let old = heap.disk.currentFiles()[Self.target]
                let first = heap.disk.attempts
                var failed: SimulatedDisk.Operation?
                heap.disk.fault = { attempt, operation, path in
                    // The snapshot's own calls to the source are covered by another test.
                    guard attempt == first + failing else { return nil }
                    failed = operation
                    return failure
                }
                var error: HeapError?
                do { try copy(heap, replacing: replacing) } catch let thrown as HeapError {
                    error = thrown
                }
                heap.disk.fault = nil
                guard let failed else { break }
                let name: Comment = "call \(failing), a \(failed): \(String(describing: error))"
                failing += 1
                let files = heap.disk.currentFiles()
                #expect(files.keys.filter { $0.hasSuffix("-new") } == [], name)
                // If the file replaces another, the folder is synced before the renaming, and
                // always after it.
                if error == nil || failed == .syncDirectory && files[Self.target] != old {
                    // The complete copy has its name, though after an error that may not be
                    // durable.
                    try expectWholeCopy(heap, block)
                } else {
                    #expect(files[Self.target] == old, name)
                }
                #expect(try isWhole(engine, block), name)
                // The next attempt succeeds.
                if files[Self.target] == old {
                    try copy(heap, replacing: replacing)
                    try expectWholeCopy(heap, block)
                }
                try engine.change { $0.store(UInt8(6), at: block) }
                try engine.close()
                #expect(
                    heap.disk.currentFiles().keys.sorted() == [Self.target, TestHeap.path], name)
            }
            #expect(failing > 15)
        }
    }

    @Test(arguments: [false, true]) func building(replacing: Bool) throws {
        for failure in Self.failures {
            var failing = 0
            while true {
                let heap = TestHeap()
                if replacing {
                    let old = try heap.open()
                    try old.change { $0.store(1, at: $0.allocate(byteCount: 64)) }
                    try old.close()
                }
                let old = heap.disk.currentFiles()[TestHeap.path]
                let first = heap.disk.attempts
                var failed: SimulatedDisk.Operation?
                heap.disk.fault = { attempt, operation, _ in
                    guard attempt == first + failing else { return nil }
                    failed = operation
                    return failure
                }
                var error: HeapError?
                var block: UInt64 = 0
                do {
                    let engine = try heap.open(.bulkBuild)
                    defer { try? engine.close() }
                    block = try engine.change { access in
                        let block = access.allocate(byteCount: 100_000)
                        access.writableAddress(block, 100_000).initializeMemory(
                            as: UInt8.self, repeating: 6, count: 100_000)
                        return block
                    }
                    try engine.finishBuild(replacing: replacing)
                } catch let thrown as HeapError { error = thrown }
                heap.disk.fault = nil
                guard let failed else { break }
                let name: Comment = "call \(failing), a \(failed): \(String(describing: error))"
                failing += 1
                let files = heap.disk.currentFiles()
                #expect(files.keys.filter { $0 != TestHeap.path } == [], name)
                // If the file replaces another, the folder is synced before the renaming, and
                // always after it.
                if error == nil || failed == .syncDirectory && files[TestHeap.path] != old {
                    let engine = try heap.open()
                    #expect(try isWhole(engine, block), name)
                    try engine.close()
                } else {
                    #expect(files[TestHeap.path] == old, name)
                }
            }
            #expect(failing > 10)
        }
    }
}
