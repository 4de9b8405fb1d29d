import Holdfast
import HoldfastEngine
import Testing
import TestSupport

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

/// A transaction that was committed but could not be made durable is distinguishable from one that
/// was not committed.
@Suite(.progress) struct DurabilityErrorTests {
    @Test func committedThoughTheSyncFailed() throws {
        let disk = SimulatedDisk()
        disk.recordsContents = false
        let path = "/sim/test.heap"
        let heap = try PersistentHeap.open(path, engineOptions: EngineOptions(), disk: disk)
        try heap.write { try $0.array("numbers", of: Int.self).append(1) }
        disk.fault = { _, operation, path in
            operation == .sync && path.hasSuffix("-log") ? .error(EIO) : nil
        }
        var thrown: HeapError?
        do {
            try heap.write(durability: .device) { try $0.array("numbers", of: Int.self).append(2) }
        } catch { thrown = error as? HeapError }
        disk.fault = nil
        guard case .committedNotDurable(path, let cause) = thrown else {
            Issue.record("\(String(describing: thrown))")
            return
        }
        #expect(cause == .io(operation: "sync", path: path + "-log", code: EIO))
        #expect("\(thrown!)".contains("was committed"))
        // The commit is there; the next change is refused and not committed.
        #expect(try heap.read { try Array($0.array("numbers", of: Int.self)) } == [1, 2])
        #expect {
            try heap.write(durability: .device) { try $0.array("numbers", of: Int.self).append(3) }
        } throws: { error in
            if case HeapError.failed = error { true } else { false }
        }
        #expect(throws: HeapError.self) { try heap.close() }
    }
}
