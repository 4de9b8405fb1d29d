import TestSupport

@testable import HoldfastEngine

// Transactions as closures, for tests of the engine; the typed layer above has its own.
extension HeapEngine {
    /// Runs `body` in a write transaction and commits it; an error of `body` aborts.
    @discardableResult
    func change<R>(_ body: (HeapAccess) throws -> R) throws -> R {
        let context = try beginWrite()
        let result: R
        do {
            result = try body(HeapAccess(context: context, epoch: context.pointee.epoch))
        } catch {
            abort(context)
            throw error
        }
        try commit(context)
        return result
    }

    /// Runs `body` in a write transaction and rolls it back.
    func abandon(_ body: (HeapAccess) -> Void) throws {
        let context = try beginWrite()
        body(HeapAccess(context: context, epoch: context.pointee.epoch))
        abort(context)
    }

    /// Runs `body` in a read transaction.
    func look<R>(_ body: (HeapAccess) throws -> R) throws -> R {
        let context = try beginRead()
        defer { endRead(context) }
        return try body(HeapAccess(context: context, epoch: context.pointee.epoch))
    }
}

/// A heap on a simulated disk that does not record written contents for crash images.
struct TestHeap {
    static let path = "/sim/test.heap"
    let disk: SimulatedDisk
    var options: EngineOptions

    init(_ options: EngineOptions = TestHeap.options) {
        disk = SimulatedDisk()
        disk.recordsContents = false
        self.options = options
    }

    /// A small log, so that filling it with zeros costs little.
    static var options: EngineOptions {
        var options = EngineOptions()
        options.initialLogBytes = 256 * 1024
        return options
    }

    func open(_ mode: OpenMode = .readWrite) throws -> HeapEngine {
        try HeapEngine(path: Self.path, mode: mode, options: options, disk: disk)
    }

    /// A heap at rest with a cell that holds 5.
    static func atRest() throws -> (heap: TestHeap, cell: UInt64) {
        let heap = TestHeap()
        let engine = try heap.open()
        let cell = try engine.change { access in
            let cell = access.allocate(byteCount: 64)
            access.store(5, at: cell)
            return cell
        }
        try engine.close()
        return (heap, cell)
    }

    /// Bytes of the heap file; 0 if it is missing.
    func fileBytes() -> Int { disk.currentFiles()[Self.path]?.count ?? 0 }
}
