import Foundation
import Holdfast
import HoldfastEngine
import HoldfastFormat
import HoldfastInspection
import HoldfastSystem
import TestSupport

/// Makes the golden heaps, for Tests/make-golden.sh: `test-worker golden rest FOLDER`, `golden
/// killed FOLDER`, `golden torn FOLDER`, and then `golden pack FOLDER GOLDEN`.
struct GoldenMaker {
    let folder: String

    var options: EngineOptions {
        var options = EngineOptions()
        options.reservesBlocks = false
        options.initialLogBytes = 64 << 10
        options.logLimit = 64 << 10
        return options
    }

    func open(_ name: String, disk: any Disk = SystemDisk.shared) throws -> PersistentHeap {
        try PersistentHeap.open("\(folder)/\(name).heap", engineOptions: options, disk: disk)
    }

    /// Replaces random bytes by fixed ones, so that the files are reproducible. The heap is at
    /// rest; the seeds of hash functions can be replaced only while it is empty.
    func setFixed(_ name: String, seeds: Bool) throws {
        let path = "\(folder)/\(name).heap"
        let file = try FileHandle(forUpdating: URL(filePath: path))
        defer { try? file.close() }
        for copy in 0 ..< 2 {
            try file.seek(toOffset: UInt64(copy * HeapLayout.pageBytes))
            guard let bytes = try file.read(upToCount: HeapHeader.byteCount),
                case .header(var header) = bytes.withUnsafeBytes({ HeapHeader.decode($0) }),
                !header.logInUse
            else { fatalError("\(path) has no header, or is in use") }
            header.identity = HeapIdentity(high: 0x0123_4567_89ab_cdef, low: 0xfedc_ba98_7654_3210)
            if seeds {
                header.hashSeed = HeapIdentity(
                    high: 0x1111_2222_3333_4444, low: 0x5555_6666_7777_8888)
            }
            header.creationTime = 1_800_000_000
            header.checkpointTime = 1_800_000_000
            header.logEpoch = 0
            header.checkpointChain = 0
            try file.seek(toOffset: UInt64(copy * HeapLayout.pageBytes))
            try file.write(contentsOf: Data(header.encoded()))
        }
    }

    func make(_ name: String, _ fill: (PersistentHeap) throws -> Void) throws {
        try open(name).close()
        try setFixed(name, seeds: true)
        let heap = try open(name)
        try fill(heap)
        try heap.close()
        try setFixed(name, seeds: false)
    }

    /// Writes a file as text, if it exists.
    func pack(_ name: String, to golden: String) throws {
        let path = "\(folder)/\(name)"
        guard FileManager.default.fileExists(atPath: path) else { return }
        let bytes = try Data(contentsOf: URL(filePath: path))
        let text = HexDump.text(of: bytes)
        guard HexDump.bytes(of: text) == bytes else {
            fatalError("\(path) does not come back from its text")
        }
        try text.write(toFile: "\(golden)/\(name).hex", atomically: true, encoding: .utf8)
    }

    @Sendable static func kill() -> Never {
        _ = Foundation.kill(getpid(), SIGKILL)
        fatalError("a process cannot outlive SIGKILL")
    }

    func make(_ mode: String, _ destination: String?) throws {
        switch mode {
        case "rest":
            try make("empty") { _ in }
            try make("tiny", Contents.fillTiny)
            try make("forms", Contents.fillForms)
            try make("collections", Contents.fillCollections)
            try make("large", Contents.fillLarge)
            let migrated = try PersistentHeap.open(
                "\(folder)/forms.heap", migrations: [HeapMigration(to: 3) { _ in }])
            try migrated.close()
            try setFixed("forms", seeds: false)
        case "killed":
            // Three durable commits, and two that exist only in shared memory.
            try make("killed", Contents.fillBeforeLog)
            let heap = try open("killed")
            for number in 0 ..< 3 { try Contents.change(heap, number) }
            try heap.sync()
            for number in 3 ..< 5 { try Contents.change(heap, number) }
            Self.kill()
        case "torn":
            // Forty commits, which a checkpoint combines into one record; it is interrupted in the
            // middle of its writes.
            try make("torn", Contents.fillBeforeLog)
            let disk = TappedDisk(SystemDisk.shared)
            let heap = try open("torn", disk: disk)
            for number in 0 ..< 40 { try Contents.change(heap, number) }
            let writes = Count()
            disk.tap = { (call: TappedDisk.Call) throws(SystemError) -> Void in
                if call.operation == .write, call.path.hasSuffix(".heap"), writes.next() == 2 {
                    Self.kill()
                }
            }
            try heap.checkpoint()
        case "pack":
            guard let golden = destination else { fatalError("pack needs a folder to write to") }
            // The effect of the machine's end: the file that is never synced is gone.
            try FileManager.default.removeItem(atPath: "\(folder)/torn.heap-shared")
            for name in Contents.atRest + Contents.left {
                for suffix in ["", "-log", "-shared"] {
                    try pack("\(name).heap\(suffix)", to: golden)
                }
            }
            for suffix in ["", "-log"] {
                try FileManager.default.copyItem(
                    atPath: "\(folder)/killed.heap\(suffix)",
                    toPath: "\(folder)/\(Contents.killedWithoutShared).heap\(suffix)")
            }
            for name in Contents.atRest + Contents.left + [Contents.killedWithoutShared] {
                try? FileManager.default.removeItem(atPath: "\(golden)/\(name).jsonl")
                let heap = try open(name)
                try heap.exportLines(knowing: Contents.types, to: "\(golden)/\(name).jsonl")
                try heap.close()
            }
        default: fatalError("\(mode) is none of rest, killed, torn and pack")
        }
    }
}

/// Counts calls of one thread.
final class Count: @unchecked Sendable {
    private var count = 0

    func next() -> Int {
        count += 1
        return count
    }
}
