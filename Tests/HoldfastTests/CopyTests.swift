import Foundation
import Holdfast
import HoldfastEngine
import HoldfastInspection
import Synchronization
import Testing
import TestSupport

/// Snapshots, copies, compaction and building: operations on a whole heap while others use it.
@Suite(.progress) struct CopyTests {
    private let folder = try! TemporaryFolder()
    private var path: String { folder.file() }

    private static var options: EngineOptions {
        var options = EngineOptions()
        options.initialLogBytes = 256 * 1024
        options.logLimit = 512 * 1024
        return options
    }

    private func open(_ name: String = "test.heap", _ mode: OpenMode = .readWrite) throws
        -> PersistentHeap
    {
        try PersistentHeap.open(folder.file(name), mode: mode, engineOptions: Self.options)
    }

    /// Every element is the commit's number, so a mixture of two states is detected.
    @Sendable private static func fill(_ heap: PersistentHeap, _ number: Int, count: Int = 20_000)
        throws
    {
        try heap.write { tx in
            let array = try tx.array("a", of: Int.self)
            array.removeAll()
            for _ in 0 ..< count { array.append(number) }
            try tx.map("m", Int.self, String.self)[number % 100] =
                "the text of commit \(number), in a block of its own"
        }
    }

    private func number(_ tx: borrowing ReadTransaction) throws -> Int {
        let array = try tx.array("a", of: Int.self)
        let first = array[0]
        #expect(array.allSatisfy { $0 == first })
        return first
    }

    // MARK: Snapshots

    @Test func snapshotStandsStill() throws {
        let heap = try open()
        try Self.fill(heap, 1)
        let snapshot = try heap.snapshot()
        let version = try snapshot.read { $0.version }
        for value in 2 ..< 12 {
            try Self.fill(heap, value, count: value * 10_000)
            if value % 3 == 0 { try heap.checkpoint() }
            let seen = try snapshot.read {
                ($0.version, try number($0), try $0.array("a", of: Int.self).count)
            }
            #expect(seen == (version, 1, 20_000))
        }
        let second = try heap.snapshot()
        try heap.write { tx in _ = try tx.removeRoot("a", PersistentArray<Int>.self) }
        _ = try heap.compact()
        #expect(try snapshot.read { try number($0) } == 1)
        #expect(try second.read { try number($0) } == 11)
        #expect(try heap.views().filter(\.isOpen).count == 2)
        try second.close()
        #expect(throws: HeapError.closed(path: path)) { try second.read { _ in } }
        // The heap may be closed before its snapshots.
        try heap.close()
        #expect(try snapshot.read { try number($0) } == 1)
        try snapshot.close()
        try open().close()
        #expect(folder.names == ["test.heap"])
    }

    // MARK: Copies

    /// Writers continue in other openings while the copy is made: it is one whole commit.
    @Test func copyBesideWriters() throws {
        let heap = try open()
        try Self.fill(heap, 0)
        let (mine, path) = (heap, path)
        let stop = Mutex(false)
        let group = DispatchGroup()
        for index in 0 ..< 2 {
            group.enter()
            Thread.detachNewThread {
                defer { group.leave() }
                do {
                    let writer =
                        index == 0
                        ? mine : try PersistentHeap.open(path, engineOptions: Self.options)
                    var number = index + 1
                    while !stop.withLock({ $0 }) {
                        try Self.fill(writer, number)
                        if number % 16 < 2 { try writer.checkpoint() }
                        number += 2
                    }
                    if index == 1 { try writer.close() }
                } catch { Issue.record("\(error)") }
            }
        }
        var copied: [Int] = []
        for index in 0 ..< 12 {
            let before = heap.version
            var progress: [Int] = []
            try heap.copy(to: folder.file("copy-\(index).heap")) { done, all in
                #expect(done <= all)
                progress.append(done)
            }
            #expect(progress == progress.sorted() && !progress.isEmpty)
            let copy = try open("copy-\(index).heap", .readOnly)
            #expect(try copy.read { $0.version } >= before)
            copied.append(try copy.read { try number($0) })
            let check = try copy.check()
            #expect(check.isSound && check.checkedPages > 40, "\(check)")
            #expect(copy.identity != heap.identity)
            try copy.close()
        }
        stop.withLock { $0 = true }
        group.wait()
        try heap.close()
        #expect(folder.names == (["test.heap"] + (0 ..< 12).map { "copy-\($0).heap" }).sorted())
        // A copy is a heap like any other.
        let copy = try open("copy-11.heap")
        try Self.fill(copy, 7)
        try copy.close()
        #expect(try open("copy-11.heap", .readOnly).read { try number($0) } == 7)
    }

    /// Free pages are left out: the copy of a heap that was once large is small.
    @Test func copiesLeaveOutWhatIsFree() throws {
        let heap = try open()
        try Self.fill(heap, 1)
        try heap.write { tx in
            try tx.array("large", of: Int.self).append(contentsOf: 0 ..< 1_000_000)
        }
        try heap.write { tx in try tx.array("end", of: Int.self).append(contentsOf: 0 ..< 20_000) }
        try heap.checkpoint()
        try heap.write { tx in _ = try tx.removeRoot("large", PersistentArray<Int>.self) }
        try heap.copy(to: folder.file("copy.heap"))
        #expect(blocks("copy.heap") < 2 << 20)
        #expect(blocks("test.heap") > 8 << 20)
        let copy = try open("copy.heap")
        #expect(try copy.audit() == heap.audit())
        #expect(try copy.read { try number($0) } == 1)
        try copy.close()
        try heap.close()
    }

    /// The disk space of a file in bytes.
    private func blocks(_ name: String) -> Int {
        var status = stat()
        return stat(folder.file(name), &status) == 0 ? Int(status.st_blocks) * 512 : 0
    }

    @Test func copiesDoNotReplaceUnasked() throws {
        let heap = try open()
        try Self.fill(heap, 1)
        let target = folder.file("copy.heap")
        try folder.write(Data("something else".utf8), to: "copy.heap")
        #expect(throws: HeapError.alreadyExists(path: target)) { try heap.copy(to: target) }
        #expect(try folder.bytes("copy.heap") == Data("something else".utf8))
        #expect(!folder.names.contains { $0.hasSuffix("-new") })
        try heap.copy(to: target, replacing: true)
        let copy = try open("copy.heap")
        #expect(try copy.read { try number($0) } == 1)
        // Not while any process has it open.
        try Self.fill(heap, 2)
        #expect(throws: HeapError.busy(path: target)) { try heap.copy(to: target, replacing: true) }
        #expect(try copy.read { try number($0) } == 1)
        try copy.close()
        try heap.copy(to: target, replacing: true)
        let second = try open("copy.heap", .readOnly)
        #expect(try second.read { try number($0) } == 2)
        try second.close()
        #expect(throws: HeapError.folderNotFound(path: folder.file("no/copy.heap"))) {
            try heap.copy(to: folder.file("no/copy.heap"))
        }
        try heap.close()
        #expect(folder.names == ["copy.heap", "test.heap"])
        // What only a private copy has is nowhere else.
        let mine = try open("copy.heap", .privateCopy)
        #expect(throws: HeapError.noFile(path: target)) { try mine.copy(to: path, replacing: true) }
        #expect(throws: HeapError.noFile(path: target)) { _ = try mine.snapshot() }
        try mine.close()
    }

    // MARK: Checking

    /// One bit of the file at rest has changed: `check` finds the page, and so does opening with
    /// verification; readers and the file are not affected.
    @Test func checkFindsAFlippedBit() throws {
        let heap = try open()
        try Self.fill(heap, 3)
        try heap.close()
        var bytes = try folder.bytes()
        // A page in use, at a byte that no structure depends on.
        func isInUse(_ page: Int) -> Bool {
            bytes[page * 4096 ..< (page + 1) * 4096].contains { $0 != 0 }
        }
        let inUse = (8 ..< bytes.count / 4096).first { isInUse($0) && bytes[$0 * 4096 + 4095] == 0 }
        let page = try #require(inUse)
        bytes[page * 4096 + 4095] ^= 4
        try folder.write(bytes)
        var options = Self.options
        options.verifiesPages = true
        for mode in [OpenMode.readWrite, .readOnly, .privateCopy] {
            #expect(throws: HeapError.damagedPages(path: path, pages: [page])) {
                try PersistentHeap.open(path, mode: mode, engineOptions: options)
            }
            #expect(folder.names == ["test.heap"])
        }
        #expect(try folder.bytes() == bytes)
        let damaged = try open()
        var progress: [Int] = []
        let check = try damaged.check { done, _ in progress.append(done) }
        #expect(
            check.damagedPages == [page] && !check.isSound && check.problems == []
                && check.loggedPages == 0)
        #expect(progress == progress.sorted() && !progress.isEmpty)
        try damaged.close()
        // Restored, the heap is sound.
        bytes[page * 4096 + 4095] ^= 4
        try folder.write(bytes)
        let whole = try PersistentHeap.open(path, engineOptions: options)
        #expect(try whole.check().isSound)
        // While commits are only in the log, their pages are not compared, and nothing is reported.
        try Self.fill(whole, 4)
        let logged = try whole.check()
        #expect(logged.isSound && logged.loggedPages > 0)
        try whole.close()
    }

    // MARK: Compaction

    @Test func compactionGivesBackSpace() throws {
        let heap = try open()
        let reader = try open("test.heap", .readOnly)
        try Self.fill(heap, 1)
        try heap.write { tx in
            try tx.array("large", of: Int.self).append(contentsOf: 0 ..< 750_000)
            try tx.array("end", of: Int.self).append(contentsOf: 0 ..< 20_000)
        }
        try heap.checkpoint()
        let full = blocks("test.heap")
        try heap.write { tx in _ = try tx.removeRoot("large", PersistentArray<Int>.self) }
        let before = try heap.audit()
        // A view of the newest state is open meanwhile, and stays unchanged.
        try reader.read { tx in
            let end = try tx.array("end", of: Int.self)
            #expect(try heap.compact() > 5_500_000)
            #expect(end[19_999] == 19_999)
        }
        #expect(full - blocks("test.heap") > 5_500_000)
        // Nothing has moved, and freed disk space is used again.
        #expect(try heap.audit() == before)
        #expect(try reader.read { try number($0) } == 1)
        #expect(try heap.check().isSound && reader.check().isSound)
        try heap.write { tx in
            try tx.array("large", of: Int.self).append(contentsOf: 0 ..< 750_000)
        }
        #expect(try reader.read { try $0.array("large", of: Int.self).last } == 749_999)
        try heap.checkpoint()
        #expect(try heap.check().isSound)
        // Without other openings, the end is truncated.
        try heap.write { tx in
            _ = try tx.removeRoot("large", PersistentArray<Int>.self)
            _ = try tx.removeRoot("end", PersistentArray<Int>.self)
        }
        try reader.close()
        _ = try heap.compact()
        var status = stat()
        #expect(stat(path, &status) == 0 && status.st_size < 4 << 20)
        try heap.close()
        let again = try open()
        #expect(try again.check().isSound)
        #expect(try again.read { try number($0) } == 1)
        #expect(throws: HeapError.readOnly(path: path)) {
            try open("test.heap", .readOnly).compact()
        }
        try again.close()
    }

    /// Also while another heap object of the same process has the file open for writing.
    @Test func aReaderCannotResizeTheFile() throws {
        let heap = try open()
        let reader = try open("test.heap", .readOnly)
        let refusal = HeapError.readOnly(path: heap.path)
        #expect(throws: refusal) { try reader.compact() }
        #expect(throws: refusal) { try reader.defragment() }
        #expect(throws: refusal) { try reader.reserve(bytes: 1 << 24) }
        #expect(throws: refusal) { try reader.shrink() }
        try reader.close()
        try heap.close()
    }

    /// An older view keeps the pages that it may still read.
    @Test func compactionSparesOlderViews() throws {
        let heap = try open()
        try heap.write { tx in
            try tx.array("large", of: Int.self).append(contentsOf: 0 ..< 500_000)
            try tx.array("end", of: Int.self).append(contentsOf: 0 ..< 20_000)
        }
        try heap.checkpoint()
        let snapshot = try heap.snapshot()
        try heap.write { tx in _ = try tx.removeRoot("large", PersistentArray<Int>.self) }
        #expect(try heap.compact() == 0)
        #expect(
            try snapshot.read { try $0.array("large", of: Int.self).elementsEqual(0 ..< 500_000) })
        try snapshot.close()
        #expect(try heap.compact() > 3_500_000)
        #expect(try heap.check().isSound)
        try heap.close()
    }
}
