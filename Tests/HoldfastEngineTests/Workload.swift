import HoldfastFormat
import HoldfastSystem
import TestSupport

@testable import HoldfastEngine

/// A self-checking heap of blocks: a table of slots, each leading to a block that is filled with
/// one byte value.
///
/// The table's first word is the number of commits, so any state that opens identifies itself;
/// `states` has the expected contents.
final class Workload {
    struct Block: Equatable {
        var bytes: Int
        var fill: UInt8
    }

    static let slots = 40
    private static let tableBytes = 8 + slots * 24

    private(set) var engines: [HeapEngine]
    /// The opening that acts: several openings stand for several processes.
    private(set) var current = 0
    var engine: HeapEngine {
        get { engines[current] }
        set { engines[current] = newValue }
    }
    let path: String
    let options: EngineOptions
    let disk: any Disk
    private var random: SplitMix
    private var table: UInt64 = 0
    /// Whether transactions make some of their changes in nested savepoints, and undo some of
    /// these.
    private let usesSavepoints: Bool
    private(set) var undoneSavepoints = 0

    /// The logical state after each commit; index 0 is the empty heap.
    private(set) var states: [[Block?]] = [Array(repeating: nil, count: slots)]
    private(set) var durableCommits = 0
    var commits: Int { states.count - 1 }

    init(
        path: String = "/sim/test.heap", options: EngineOptions, disk: any Disk, seed: UInt64,
        processes: Int = 1, usesSavepoints: Bool = false,
        mode: OpenMode = .readWrite
    ) throws(HeapError) {
        self.usesSavepoints = usesSavepoints
        self.path = path
        self.options = options
        self.disk = disk
        random = SplitMix(state: seed)
        engines = [try HeapEngine(path: path, mode: mode, options: options, disk: disk)]
        while engines.count < processes {
            engines.append(
                try HeapEngine(path: path, mode: .readWrite, options: options, disk: disk))
        }
    }

    /// Makes another opening act from now on.
    func useAnyProcess() { current = Int.random(in: 0 ..< engines.count, using: &random) }

    /// The acting process is killed between two of its calls, and another one starts.
    func killProcess() throws(HeapError) {
        try leave(cleanly: false)
        engine = try HeapEngine(path: path, mode: .readWrite, options: options, disk: disk)
    }

    /// The acting process ends, by closing the heap or by a kill.
    func leave(cleanly: Bool) throws(HeapError) {
        guard !cleanly else { return try engine.close() }
        engine.heap.lifecycle.close()
        engine.file?.close()
    }

    func compact() throws(HeapError) {
        let target = commits
        try engine.compact()
        if engine.writerLog.map({ $0.usedBytes == 0 }) ?? true { durableCommits = target }
    }

    /// Small logs, so that checkpoints, laps of the ring and its resizing all happen within few
    /// transactions.
    static var smallOptions: EngineOptions {
        var options = EngineOptions()
        options.initialLogBytes = 64 * 1024
        options.logLimit = 96 * 1024
        options.memoryLimit = 1 << 20
        return options
    }

    static func access(_ context: HeapEngine.Context) -> HeapAccess {
        HeapAccess(context: context, epoch: context.pointee.epoch)
    }

    // MARK: Changing

    /// One transaction that changes some slots; sometimes aborted.
    func transaction(changes: Int? = nil, largest: Int = 5000, mayAbort: Bool = true)
        throws(HeapError)
    {
        let context = try engine.beginWrite()
        let access = Self.access(context)
        var state = states.last!
        if table == 0 {
            table = access.allocate(byteCount: Self.tableBytes)
            access.markFresh(table, Self.tableBytes)
            access.address(table, Self.tableBytes).initializeMemory(
                as: UInt8.self, repeating: 0, count: Self.tableBytes)
            access.catalogue = table
        }
        for _ in 0 ..< (changes ?? Int.random(in: 1 ... 6, using: &random)) {
            let slot = Int.random(in: 0 ..< Self.slots, using: &random)
            change(slot, &state, access, largest: largest)
            if usesSavepoints { try savepoint(&state, access, largest: largest, depth: 1) }
        }
        access.store(UInt64(states.count), at: table)
        if mayAbort, states.count > 1, Int.random(in: 0 ..< 8, using: &random) == 0 {
            engine.abort(context)
            return
        }
        let isFirst = states.count == 1
        do throws(HeapError) {
            try engine.commit(context)
        } catch {
            if isFirst { table = 0 }
            throw error
        }
        states.append(state)
    }

    private struct Undone: Error {}

    /// Changes some slots in a savepoint, through the accesses from before and from inside.
    private func savepoint(
        _ state: inout [Block?], _ access: HeapAccess, largest: Int, depth: Int
    ) throws(HeapError) {
        let before = state
        let inner = try access.beginSavepoint()
        for _ in 0 ..< Int.random(in: 0 ... 3, using: &random) {
            let slot = Int.random(in: 0 ..< Self.slots, using: &random)
            change(slot, &state, Bool.random(using: &random) ? inner : access, largest: largest)
            if depth < 4, Bool.random(using: &random) {
                try savepoint(&state, inner, largest: largest, depth: depth + 1)
            }
        }
        guard Bool.random(using: &random) else { return try inner.releaseSavepoint() }
        _ = inner.undoSavepoint(because: Undone())
        state = before
        undoneSavepoints += 1
    }

    private func change(_ slot: Int, _ state: inout [Block?], _ access: HeapAccess, largest: Int) {
        let place = table + 8 + UInt64(slot * 24)
        let fill = UInt8.random(in: 1 ... 255, using: &random)
        let bytes =
            Int.random(in: 0 ..< 10, using: &random) == 0
            ? Int.random(in: 1 ... largest * 20, using: &random)
            : Int.random(in: 1 ... largest, using: &random)
        let offset = access.load(place, as: UInt64.self)
        switch (state[slot], Int.random(in: 0 ..< 4, using: &random)) {
        case (let old?, 0):
            access.free(offset, byteCount: old.bytes)
            access.store(UInt64(0), at: place)
            state[slot] = nil
        case (let old?, 1):
            let new = access.reallocate(
                offset, from: old.bytes, to: bytes, preserving: min(old.bytes, bytes))
            fillBlock(new, bytes, fill, access)
            access.store(new, at: place)
            access.store(UInt64(bytes), at: place + 8)
            access.store(UInt64(fill), at: place + 16)
            state[slot] = Block(bytes: bytes, fill: fill)
        case (let old?, _):
            fillBlock(offset, old.bytes, fill, access)
            access.store(UInt64(fill), at: place + 16)
            state[slot] = Block(bytes: old.bytes, fill: fill)
        case (nil, _):
            let new = access.allocate(byteCount: bytes)
            fillBlock(new, bytes, fill, access)
            access.store(new, at: place)
            access.store(UInt64(bytes), at: place + 8)
            access.store(UInt64(fill), at: place + 16)
            state[slot] = Block(bytes: bytes, fill: fill)
        }
    }

    private func fillBlock(_ offset: UInt64, _ bytes: Int, _ fill: UInt8, _ access: HeapAccess) {
        access.writableAddress(offset, bytes).initializeMemory(
            as: UInt8.self, repeating: fill, count: bytes)
    }

    func makeDurable() throws(HeapError) {
        let target = commits
        try engine.makeDurable()
        durableCommits = target
    }

    func suspend() throws(HeapError) {
        let target = commits
        // One that is suspended already knows nothing of later commits.
        let wasOpen = engine.heap.lifecycle.isOpen
        try engine.suspend()
        if wasOpen { durableCommits = target }
    }

    /// Durable, except as far as an open view prevented it.
    func checkpoint() throws(HeapError) {
        let target = commits
        try engine.checkpoint()
        if engine.writerLog.map({ $0.usedBytes == 0 }) ?? true { durableCommits = target }
    }

    func reopen() throws(HeapError) {
        let target = commits
        // Closing a closed heap guarantees nothing: its first closing may have failed. Nor does
        // closing a suspended one say anything about the commits of others.
        let wasOpen = engine.heap.lifecycle.isOpen
        try engine.close()
        if wasOpen { durableCommits = target }
        engine = try HeapEngine(path: path, mode: .readWrite, options: options, disk: disk)
    }

    // MARK: Checking

    /// Why the heap does not have exactly the state after one of the commits in `range`; nil if it
    /// does.
    func problem(with engine: HeapEngine, allowing range: ClosedRange<Int>) throws(HeapError)
        -> String?
    {
        let audit = try engine.audit()
        if let problem = audit.problems.first { return "the allocator's account: \(problem)" }
        let context = try engine.beginRead()
        defer { engine.endRead(context) }
        let access = Self.access(context)
        let table = access.catalogue
        let commit = table == 0 ? 0 : Int(access.load(table, as: UInt64.self))
        guard range.contains(commit) else {
            return "commit \(commit) opened, but only \(range) are allowed"
        }
        guard table != 0 else { return nil }
        for slot in 0 ..< Self.slots {
            let place = table + 8 + UInt64(slot * 24)
            let offset = access.load(place, as: UInt64.self)
            guard let expected = states[commit][slot] else {
                if offset != 0 { return "slot \(slot) should be empty after commit \(commit)" }
                continue
            }
            guard offset != 0, access.load(place + 8, as: UInt64.self) == expected.bytes,
                access.load(place + 16, as: UInt64.self) == expected.fill
            else { return "slot \(slot) is not as commit \(commit) left it" }
            let bytes = UnsafeRawBufferPointer(
                start: access.address(offset, expected.bytes), count: expected.bytes)
            if !bytes.isFilled(with: expected.fill) {
                return "block \(slot) is not as commit \(commit) left it"
            }
        }
        return nil
    }

    /// The number of the commit that `engine` has opened.
    func commit(in engine: HeapEngine) throws(HeapError) -> Int {
        let context = try engine.beginRead()
        defer { engine.endRead(context) }
        let access = Self.access(context)
        return access.catalogue == 0 ? 0 : Int(access.load(access.catalogue, as: UInt64.self))
    }

    /// Opens the files left by a crash and returns the problem, if any.
    /// - Parameter scrubs: also compares every page with its checksum, which finds damage that
    ///   opening repairs or need not detect.
    func problem(
        withFiles files: [String: [UInt8]], allowing range: ClosedRange<Int>,
        at path: String? = nil, scrubs: Bool = true
    ) -> String? {
        let path = path ?? self.path
        do throws(HeapError) {
            let disk = SimulatedDisk(files: files)
            disk.recordsContents = false
            // A heap whose creation was not durable yet may be missing.
            if files[path] == nil { return range.contains(0) ? nil : "the heap is missing" }
            let engine = try HeapEngine(path: path, mode: .readWrite, options: options, disk: disk)
            if let problem = try problem(with: engine, allowing: range) { return problem }
            // One of the header's two copies may be torn, until the next is written over it.
            let damaged =
                scrubs
                ? try engine.scrub().damagedPages.filter { $0 >= Int(HeapLayout.headerPages) } : []
            if !damaged.isEmpty { return "pages \(damaged) do not match their checksums" }
            try engine.close()
            return nil
        } catch {
            return "it does not open: \(error)"
        }
    }
}
