import Foundation
import Holdfast
import HoldfastEngine
import TestSupport

/// A heap's files at one moment, to be damaged.
struct Base {
    var name: String
    var files: [String: [UInt8]]
    /// The same heap at an earlier moment.
    var older: [String: [UInt8]]
    /// The sums of all states that the heap ever had.
    var sums: Set<Int>
    /// Whether pages were being written when the heap was killed: a page torn by a power cut cannot
    /// be told from a damaged one.
    var wasBeingWritten = false

    static let path = "/lab/base.heap"
    static let suffixes = ["", "-log", "-shared"]

    static var options: EngineOptions {
        var options = EngineOptions()
        options.initialLogBytes = 64 * 1024
        options.logLimit = 1 << 20
        options.timeout = .seconds(5)
        return options
    }

    static func open(
        _ disk: SimulatedDisk, mode: OpenMode = .readWrite, options: EngineOptions = Base.options
    ) throws -> PersistentHeap {
        try PersistentHeap.open(path, mode: mode, engineOptions: options, disk: disk)
    }

    /// All bases, made anew.
    static func all() throws -> [Base] {
        [
            try make("closed") { maker in
                try maker.steps(8)
                maker.keepAsOlder()
                try maker.steps(3)
                try maker.heap.close()
            },
            try make("with free space") { maker in
                try maker.steps(8)
                try maker.use { try DamageContents.addWide($0, count: 200) }
                try maker.use { tx in
                    let big = tx.allocate(byteCount: 200_000)
                    _ = tx.allocate(byteCount: 50_000)
                    tx.free(big, byteCount: 200_000)
                    let wide = try tx.map("wide", UInt64.self, Broad.self)
                    for number in 0 ..< 100 as Range<UInt64> { wide[number * 2] = nil }
                }
                maker.keepAsOlder()
                try maker.heap.compact()
                try maker.heap.close()
            },
            try make("large") { maker in
                try maker.steps(4)
                maker.keepAsOlder()
                try maker.use { try DamageContents.addWide($0, count: 4000) }
                try maker.heap.close()
            },
            try make("killed, with a log") { maker in
                try maker.steps(6)
                try maker.reopen()
                try maker.steps(2)
                maker.keepAsOlder()
                try maker.heap.sync()
                try maker.steps(2)
                try maker.heap.sync()
                try maker.steps(1)
            },
            try make("after a power cut, with a log") { maker in
                try maker.steps(6)
                try maker.reopen()
                for _ in 0 ..< 4 {
                    try maker.steps(1)
                    try maker.heap.sync()
                    if maker.step == 8 { maker.keepAsOlder() }
                }
                maker.forgetsSharedFile = true
            },
            try make("with a log and checkpoints") { maker in
                for round in 0 ..< 4 {
                    try maker.steps(3)
                    if round == 1 { maker.keepAsOlder() }
                    if round < 3 { try maker.heap.checkpoint() }
                }
                try maker.heap.sync()
            },
            try make("with a summary") { maker in
                try maker.steps(5)
                maker.keepAsOlder()
                for _ in 0 ..< 40 {
                    try maker.use { try $0.value("launches", initial: 0).value += 1 }
                }
                maker.failWrites(from: 0)
                maker.forgetsSharedFile = true
            },
            try make("killed in a checkpoint") { maker in
                try maker.steps(5)
                try maker.heap.checkpoint()
                maker.keepAsOlder()
                try maker.steps(2)
                maker.failWrites(from: 2)
            },
        ]
    }

    private static func make(_ name: String, _ body: (Maker) throws -> Void) throws -> Base {
        let maker = try Maker()
        try body(maker)
        return try maker.base(name)
    }
}

/// Makes one base.
private final class Maker {
    let disk = SimulatedDisk()
    var heap: PersistentHeap
    var step = 0
    var forgetsSharedFile = false
    private var sums: Set<Int> = []
    private var older: [String: [UInt8]] = [:]
    private var wasBeingWritten = false

    init() throws {
        disk.recordsContents = false
        heap = try Base.open(disk)
        try addSum()
    }

    private func addSum() throws { sums.insert(try heap.read { try DamageContents.sum($0) }) }

    func steps(_ count: Int) throws {
        for _ in 0 ..< count {
            try heap.write { try DamageContents.change($0, step: step) }
            step += 1
            try addSum()
        }
    }

    func use(_ body: (borrowing WriteTransaction) throws -> Void) throws {
        try heap.write(body)
        try addSum()
    }

    func reopen() throws {
        try heap.close()
        heap = try Base.open(disk)
    }

    func keepAsOlder() { older = disk.currentFiles() }

    /// A checkpoint whose writes to the heap file fail from the given one on, as if the process had
    /// ended there.
    func failWrites(from number: Int) {
        var writes = 0
        disk.fault = { _, operation, path in
            guard operation == .write, path == Base.path else { return nil }
            writes += 1
            return writes > number ? .error(5) : nil
        }
        let isFailed: Bool
        do throws(HeapError) {
            try heap.checkpoint()
            isFailed = false
        } catch {
            isFailed = true
        }
        precondition(isFailed, "the checkpoint should have failed")
        wasBeingWritten = true
    }

    func base(_ name: String) throws -> Base {
        var files = disk.currentFiles()
        if forgetsSharedFile { files[Base.path + "-shared"] = nil }
        return Base(
            name: name, files: files, older: older, sums: sums, wasBeingWritten: wasBeingWritten)
    }
}
