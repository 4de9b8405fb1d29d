import HoldfastFormat
import TestSupport

#if canImport(Darwin)
    import Darwin
#else
    import Glibc
#endif

@testable import HoldfastEngine

/// A heap whose contents after commit n depend on n alone. So any opening can continue from the
/// commit that it finds, and any image can be checked by its commit number.
///
/// Commit n writes n into a cell, fills one page (every seventh time all pages), rewrites a block
/// that is longer than the log's ring (every ninth time, so that the ring grows), and allocates or
/// frees a block so that the heap's end moves (twice in sixteen).
enum FailureModel {
    static let path = "/sim/test.heap"
    static let copyPath = "/sim/copy.heap"
    static let pages = 10
    private static let longBytes = 80 * 1024
    private static let movingBytes = 160 * 1024

    static var options: EngineOptions {
        var options = EngineOptions()
        options.initialLogBytes = 64 * 1024
        options.logLimit = 96 * 1024
        options.memoryLimit = 1 << 20
        options.timeout = .seconds(2)
        options.checkpointsInBackground = false
        return options
    }

    // MARK: Contents as a function of the commit number

    private static func changesPage(_ page: Int, in commit: Int) -> Bool {
        commit % 7 == 0 || commit % pages == page
    }

    private static func changesLongBlock(in commit: Int) -> Bool { commit % 9 == 4 }

    private static func last(_ commit: Int, where changes: (Int) -> Bool) -> Int {
        var number = commit
        while number > 0, !changes(number) { number -= 1 }
        return max(number, 0)
    }

    private static func fill(_ commit: Int) -> UInt8 { commit == 0 ? 0 : UInt8(commit % 251 + 1) }

    /// The commit that made the moving block, if the block exists after `commit`.
    private static func movingBlock(after commit: Int) -> Int? {
        let phase = commit % 16
        return 6 ..< 12 ~= phase ? commit - phase + 6 : nil
    }

    // MARK: Changing

    /// Makes commit `number`; 0 creates all blocks.
    static func commit(_ number: Int, in engine: HeapEngine) throws {
        let context = try engine.beginWrite()
        let access = HeapAccess(context: context, epoch: context.pointee.epoch)
        if number == 0 {
            let table = allocate(HeapLayout.pageBytes, 0, access)
            access.catalogue = table
            access.store(allocate(pages * HeapLayout.pageBytes, 0, access), at: table + 8)
            access.store(allocate(longBytes, 0, access), at: table + 16)
        } else {
            change(number, access)
        }
        try engine.commit(context)
    }

    private static func allocate(_ bytes: Int, _ fill: UInt8, _ access: HeapAccess) -> UInt64 {
        let block = access.allocate(byteCount: bytes)
        access.markFresh(block, bytes)
        access.address(block, bytes).initializeMemory(as: UInt8.self, repeating: fill, count: bytes)
        return block
    }

    private static func change(_ number: Int, _ access: HeapAccess) {
        let table = access.catalogue
        func set(_ place: UInt64, _ bytes: Int) {
            access.writableAddress(place, bytes).initializeMemory(
                as: UInt8.self, repeating: fill(number), count: bytes)
        }
        access.store(UInt64(number), at: table)
        let block = access.load(table + 8, as: UInt64.self)
        for page in 0 ..< pages where changesPage(page, in: number) {
            set(block + UInt64(page * HeapLayout.pageBytes), HeapLayout.pageBytes)
        }
        if changesLongBlock(in: number) { set(access.load(table + 16, as: UInt64.self), longBytes) }
        switch number % 16 {
        case 6: access.store(allocate(movingBytes, fill(number), access), at: table + 24)
        case 12:
            let moving = access.load(table + 24, as: UInt64.self)
            if moving != 0 { access.free(moving, byteCount: movingBytes) }
            access.store(UInt64(0), at: table + 24)
        default: break
        }
    }

    // MARK: Checking

    /// The number of the commit that the opening sees; -1 for a heap before commit 0.
    static func value(in engine: HeapEngine) throws(HeapError) -> Int {
        let context = try engine.beginRead()
        defer { engine.endRead(context) }
        let access = HeapAccess(context: context, epoch: context.pointee.epoch)
        return access.catalogue == 0 ? -1 : Int(access.load(access.catalogue, as: UInt64.self))
    }

    /// Why the heap does not have exactly the state of one of the commits in `allowed`; nil if it
    /// does.
    static func problem(in engine: HeapEngine, allowed: ClosedRange<Int>) throws(HeapError)
        -> String?
    {
        if let problem = try engine.audit().problems.first {
            return "the allocator's account: \(problem)"
        }
        let number = try value(in: engine)
        guard allowed.contains(number) else { return "commit \(number) opened, \(allowed) allowed" }
        guard number >= 0 else { return nil }
        let context = try engine.beginRead()
        defer { engine.endRead(context) }
        let access = HeapAccess(context: context, epoch: context.pointee.epoch)
        let table = access.catalogue
        func differs(_ place: UInt64, _ bytes: Int, _ fill: UInt8) -> Bool {
            let raw = UnsafeRawPointer(access.address(place, bytes))
            return !UnsafeRawBufferPointer(start: raw, count: bytes).isFilled(with: fill)
        }
        let block = access.load(table + 8, as: UInt64.self)
        for page in 0 ..< pages {
            let writer = last(number) { changesPage(page, in: $0) }
            if differs(
                block + UInt64(page * HeapLayout.pageBytes), HeapLayout.pageBytes, fill(writer))
            {
                return "page \(page) is not as commit \(number) left it"
            }
        }
        let long = access.load(table + 16, as: UInt64.self)
        if differs(long, longBytes, fill(last(number, where: changesLongBlock))) {
            return "the long block is not as commit \(number) left it"
        }
        let moving = access.load(table + 24, as: UInt64.self)
        guard let maker = movingBlock(after: number) else {
            return moving == 0 ? nil : "a block is there that commit \(number) had freed"
        }
        return moving != 0 && !differs(moving, movingBytes, fill(maker))
            ? nil : "a block is missing after commit \(number)"
    }

    /// Opens a heap on `disk` for writing, and returns its problem; nil if it has none.
    static func problem(on disk: SimulatedDisk, allowed: ClosedRange<Int>, at path: String = path)
        -> String?
    {
        guard disk.exists(path) else { return allowed.contains(-1) ? nil : "the heap is missing" }
        do throws(HeapError) {
            let engine = try HeapEngine(path: path, mode: .readWrite, options: options, disk: disk)
            if let problem = try problem(in: engine, allowed: allowed) { return problem }
            // One of the header's two copies may be torn.
            let damaged = try engine.scrub().damagedPages.filter {
                $0 >= Int(HeapLayout.headerPages)
            }
            guard damaged.isEmpty else { return "pages \(damaged) do not match their checksums" }
            try engine.close()
            return nil
        } catch { return "it does not open: \(error)" }
    }

    static func problem(
        inFiles files: [String: [UInt8]], allowed: ClosedRange<Int>, at path: String = path
    ) -> String? {
        let disk = SimulatedDisk(files: files)
        disk.recordsContents = false
        return problem(on: disk, allowed: allowed, at: path)
    }
}
