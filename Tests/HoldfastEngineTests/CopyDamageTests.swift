import HoldfastFormat
import HoldfastSystem
import Testing
import TestSupport

@testable import HoldfastEngine

/// A copy gives each of its pages a new checksum. So it must not be made of a damaged one: it would
/// look sound for good.
@Suite(.progress) struct CopyDamageTests {
    private static let target = "/sim/copy.heap"
    private let path = TestHeap.path

    /// A heap at rest with slabs, runs, a free run, pages that were never written, and a second
    /// part of the page map; and the kind of each page.
    private func sample() throws -> (bytes: [UInt8], kinds: [PageDescriptor.Kind]) {
        let heap = TestHeap()
        let engine = try heap.open()
        let free = try engine.change { access in
            for size in [16, 700, 9000] {
                access.store(UInt64(size), at: access.allocate(byteCount: size))
            }
            let free = access.allocate(byteCount: 20 * 4096)
            access.writableAddress(free, 20 * 4096).initializeMemory(
                as: UInt8.self, repeating: 7, count: 20 * 4096)
            let used = access.allocate(byteCount: 300 * 4096)
            access.writableAddress(used, 50_000).initializeMemory(
                as: UInt8.self, repeating: 9, count: 50_000)
            access.store(1, at: access.allocate(byteCount: 40_000))
            return free
        }
        try engine.checkpoint()
        try engine.change { $0.free(free, byteCount: 20 * 4096) }
        let kinds = engine.pageKinds
        try engine.close()
        return (heap.disk.currentFiles()[path]!, kinds)
    }

    /// A snapshot of a heap on a disk that a test can change.
    private final class Bench {
        let disk: SimulatedDisk
        let snapshot: HeapEngine
        private let file: any DiskFile

        init(_ files: [String: [UInt8]]) throws {
            disk = SimulatedDisk(files: files)
            disk.recordsContents = false
            var options = TestHeap.options
            options.isSnapshot = true
            snapshot = try HeapEngine(
                path: TestHeap.path, mode: .readOnly, options: options, disk: disk)
            file = try disk.open(TestHeap.path, .readWrite)
        }

        /// The damaged pages that a copy names while `bytes` stand at `offset`; nil if it is made.
        func copy(with bytes: (UInt8) -> UInt8, at offset: Int, count: Int = 1) throws -> [Int]? {
            var old = [UInt8](repeating: 0, count: count)
            _ = try file.read(&old, at: offset)
            try file.write(old.map(bytes), at: offset)
            defer { try? file.write(old, at: offset) }
            return try copy()
        }

        func copy(replacing: Bool = false) throws -> [Int]? {
            do throws(HeapError) {
                try snapshot.writeCopy(to: CopyDamageTests.target, replacing: replacing)
            } catch .damagedPages(_, let pages) {
                return pages
            }
            return nil
        }

        /// The names of copies and parts of them.
        var names: [String] {
            disk.currentFiles().keys.filter { !$0.hasPrefix(TestHeap.path) }.sorted()
        }
    }

    @Test func noDamagedPageIsCopied() throws {
        let (bytes, kinds) = try sample()
        #expect(Set(kinds) == [.metadata, .slab, .run, .free] && kinds.count > 256)
        let bench = try Bench([path: bytes])
        var random = SplitMix(state: 5)
        for page in 0 ..< bytes.count / 4096 {
            let bit: UInt8 = 1 << UInt8.random(in: 0 ..< 8, using: &random)
            let offset = page * 4096 + Int.random(in: 0 ..< 4096, using: &random)
            let found = try bench.copy(with: { $0 ^ bit }, at: offset)
            // The header is made anew, and what is free is left out.
            if page < 2 || page >= kinds.count || kinds[page] == .free {
                #expect(found == nil, "page \(page)")
                try bench.disk.remove(Self.target)
            } else {
                #expect(found?.contains(page) == true, "page \(page): \(found ?? [])")
                #expect(bench.names == [], "page \(page)")
            }
        }
        #expect(try bench.copy() == nil)
    }

    /// What was written and reads as zeros has been lost.
    @Test func aLostPageIsNotCopiedAsAHole() throws {
        let (bytes, kinds) = try sample()
        let bench = try Bench([path: bytes])
        let page = try #require(
            kinds.indices.last { page in
                let isWritten = bytes[page * 4096 ..< (page + 1) * 4096].contains { $0 != 0 }
                return isWritten && kinds[page] == .run
            })
        #expect(try bench.copy(with: { _ in 0 }, at: page * 4096, count: 4096) == [page])
    }

    /// A copy that fails leaves the file that it was to replace.
    @Test func theReplacedFileStays() throws {
        let (bytes, kinds) = try sample()
        let (old, _) = try TestHeap.atRest()
        let before = old.disk.currentFiles()[path]!
        let page = try #require(kinds.lastIndex(of: .run))
        var damaged = bytes
        damaged[page * 4096 + 4] ^= 1
        let bench = try Bench([path: damaged, Self.target: before])
        #expect(try bench.copy(replacing: true) == [page])
        #expect(bench.names == [Self.target])
        #expect(bench.disk.currentFiles()[Self.target] == before)
    }

    /// The log changes one line of a page. The others are still those of the file, and so is the
    /// damage.
    @Test(arguments: [false, true]) func damageUnderTheLog(killed: Bool) throws {
        let (heap, cell) = try TestHeap.atRest()
        let engine = try heap.open()
        try engine.change { $0.store(6, at: cell) }
        try engine.makeDurable()
        let page = Int(cell >> 12)
        func copy() throws -> [Int]? {
            if killed { return try Bench(heap.disk.currentFiles()).copy() }
            let snapshot = try engine.openSnapshot()
            defer { try? snapshot.close() }
            do throws(HeapError) { try snapshot.writeCopy(to: Self.target) } catch .damagedPages(
                _, let pages)
            {
                return pages
            }
            return nil
        }
        #expect(try copy() == nil)
        if !killed { try heap.disk.remove(Self.target) }
        let file = try heap.disk.open(path, .readWrite)
        try file.write([1, 2, 3], at: page * 4096 + 4000)
        #expect(try copy() == [page])
        withExtendedLifetime(engine) {}
    }
}
