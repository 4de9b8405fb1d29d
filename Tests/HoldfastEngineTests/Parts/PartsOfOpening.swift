import HoldfastFormat
import HoldfastSystem
import TestSupport
import Testing

@testable import HoldfastEngine

/// The parts of one opening of a heap, made without a `HeapEngine`, on a simulated disk: what the
/// parts under test are built from.
///
/// One thread, and no locks between writers. `disk` may be that of another opening.
final class PartsOfOpening {
    static let path = "/sim/parts.heap"

    let disk: SimulatedDisk
    let dataFile: DataFile
    let view: HeapView
    let participation: Participation
    let log: JoinedLog
    private let heap: OpenHeap
    private let committer: Committer
    /// Calls of the disk that `calls` has returned already.
    private var seen = 0

    /// Nothing is opened yet.
    init(
        on disk: SimulatedDisk = SimulatedDisk(), mode: OpenMode = .readWrite,
        options: EngineOptions = TestHeap.options
    ) throws {
        self.disk = disk
        heap = try OpenHeap(path: Self.path, mode: mode, options: options, disk: disk)
        dataFile = heap.dataFile
        view = heap.view
        participation = heap.participation
        log = heap.log
        committer = Committer(heap)
    }

    /// Makes the heap, or opens it, and takes part in it.
    static func opened(
        on disk: SimulatedDisk = SimulatedDisk(), options: EngineOptions = TestHeap.options
    ) throws -> PartsOfOpening {
        let parts = try PartsOfOpening(on: disk, options: options)
        try parts.open()
        return parts
    }

    func open() throws { try heap.opener.open() }

    var file: any DiskFile { get throws { try #require(dataFile.file) } }
    var header: HeapHeader { get throws { try dataFile.readHeader(try file) } }
    var ring: RingMapping { get throws { try #require(participation.shared).ring() } }

    /// The file and its header as recovery finds them: opened and mapped, and nothing more.
    func openedFile() throws -> (file: any DiskFile, header: HeapHeader) {
        let file = try HeapMaker(dataFile: dataFile).openOrCreate()
        dataFile.file = file
        let header = try dataFile.readHeader(file)
        dataFile.identity = header.identity
        try view.image.mapFile(file, byteCount: dataFile.byteCount)
        return (file, header)
    }

    // MARK: Transactions

    /// Runs `body` on the image and commits what it has changed.
    @discardableResult
    func commit<R>(_ body: (HeapAccess) -> R) throws -> R {
        view.markUnusedLines()
        let context = view.makeContext(isWritable: true, enclosing: nil)
        let result = body(HeapAccess(context: context, epoch: context.pointee.epoch))
        view.endContext(context)
        try committer.commit()
        return result
    }

    /// A new block of a page, with `value` in its first word.
    func commitPage(holding value: Int) throws -> UInt64 {
        try commit { access in
            let page = access.allocate(byteCount: HeapLayout.pageBytes, alignment: 4096)
            access.store(value, at: page)
            return page
        }
    }

    /// The word at `offset` of the image.
    func value(at offset: UInt64) -> Int {
        (view.image.base + Int(offset)).load(as: Int.self)
    }

    // MARK: The disk

    /// The word at `offset` of the data file.
    func valueInFile(at offset: UInt64) throws -> Int {
        let bytes = try #require(disk.currentFiles()[Self.path])
        return bytes.withUnsafeBytes { $0.load(fromByteOffset: Int(offset), as: Int.self) }
    }

    /// What has been asked of the disk since the last time: "write log header", "sync data", …;
    /// calls of the same kind one after the other count once.
    func calls() -> [String] {
        var names: [Int: String] = [:]
        var found: [String] = []
        for (number, call) in disk.journal.enumerated() {
            let text = Self.text(of: call, &names)
            if number >= seen, found.last != text { found.append(text) }
        }
        seen = disk.journal.count
        return found
    }

    private static func text(of call: SimulatedDisk.Call, _ names: inout [Int: String]) -> String {
        func place(_ file: Int, _ offset: Int) -> String {
            let name = names[file] ?? "?"
            return switch name {
            case "data": offset < 2 * HeapLayout.pageBytes ? "data header" : "data pages"
            case "log": offset < LogLayout.ringOffset ? "log header" : "log records"
            default: name
            }
        }
        switch call {
        case .create(let name, let file):
            names[file] = short(name)
            return "create \(short(name))"
        case .write(let file, let offset, _), .zero(let file, let offset, _):
            return "write \(place(file, offset))"
        case .resize(let file, _): return "resize \(names[file] ?? "?")"
        case .sync(let file): return "sync \(names[file] ?? "?")"
        case .failedSync(let file): return "failed sync \(names[file] ?? "?")"
        case .rename(let from, let to):
            for (file, name) in names where name == short(from) { names[file] = short(to) }
            return "rename to \(short(to))"
        case .remove(let name): return "remove \(short(name))"
        case .createFolder(let name): return "create folder \(name)"
        case .syncDirectory: return "sync folder"
        }
    }

    private static func short(_ name: String) -> String {
        switch name {
        case path: "data"
        case path + LogLayout.durableSuffix: "log"
        case path + LogLayout.sharedSuffix: "shared"
        default: "working file"
        }
    }
}
