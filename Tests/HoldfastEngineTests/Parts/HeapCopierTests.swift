import HoldfastFormat
import HoldfastSystem
import TestSupport
import Testing

@testable import HoldfastEngine

/// `HeapCopier`, made of a data file and the view of it.
@Suite(.progress) struct HeapCopierTests {
    private static let copyPath = "/sim/copy.heap"

    private func copier(of parts: PartsOfOpening) -> HeapCopier {
        HeapCopier(dataFile: parts.dataFile, view: parts.view) { _ in }
    }

    /// The copy is whole and durable before it has its name.
    @Test func copyHasItsNameWhenItIsWhole() throws {
        let parts = try PartsOfOpening.opened()
        _ = try parts.commitPage(holding: 7)
        _ = parts.calls()
        try copier(of: parts).copy(to: Self.copyPath, replacing: false, progress: nil)
        #expect(
            parts.calls() == [
                "create working file", "resize working file", "write working file",
                "sync working file", "write working file", "sync working file",
                "rename to working file", "sync folder",
            ])
    }

    /// A page that is found damaged is not written, and nothing is left of the copy.
    @Test func aDamagedPageEndsIt() throws {
        let parts = try PartsOfOpening.opened()
        let page = try parts.commitPage(holding: 7)
        let error = HeapError.damagedPages(path: PartsOfOpening.path, pages: [3])
        var compared: Set<Int> = []
        let copier = HeapCopier(dataFile: parts.dataFile, view: parts.view) {
            (pages) throws(HeapError) in
            compared.formUnion(pages)
            if compared.contains(Int(page >> 12)) { throw error }
        }
        #expect(throws: error) {
            try copier.copy(to: Self.copyPath, replacing: false, progress: nil)
        }
        #expect(compared.contains(3) && compared.count > 1)
        let left = parts.disk.currentFiles().keys.filter { $0.hasPrefix(Self.copyPath) }
        #expect(left == [])
    }

    /// It is a heap at rest, with an identity of its own, that opens without its original.
    @Test func copyIsAHeap() throws {
        let parts = try PartsOfOpening.opened()
        let page = try parts.commitPage(holding: 7)
        var progress: [Int] = []
        try copier(of: parts).copy(to: Self.copyPath, replacing: false) { done, all in
            #expect(all == Int(parts.view.committedPages))
            progress.append(done)
        }
        #expect(progress.last == Int(parts.view.committedPages))
        #expect(progress == progress.sorted())
        let bytes = try #require(parts.disk.currentFiles()[Self.copyPath])
        let copy = try PartsOfOpening.opened(
            on: SimulatedDisk(files: [PartsOfOpening.path: bytes]))
        #expect(copy.value(at: page) == 7)
        #expect(try copy.header.commitNumber == 1)
        #expect(try copy.header.identity != parts.header.identity)
        #expect(try !copy.header.logInUse)
        var verifier = PageVerifier(file: try copy.file, header: try copy.header)
        #expect(try verifier.damaged(among: 2 ..< Int(copy.header.heapPages)).isEmpty)
    }

    /// Free pages are left out: what they held is not in the copy.
    @Test func freePagesAreLeftOut() throws {
        let parts = try PartsOfOpening.opened()
        let secret = 0x5ec2_e75e_c2e7
        let page = try parts.commitPage(holding: secret)
        // So that the free page is not the heap's end.
        let last = try parts.commit { access in
            let last = access.allocate(byteCount: 10 * HeapLayout.pageBytes)
            access.store(9, at: last)
            return last
        }
        try parts.commit { $0.free(page, byteCount: HeapLayout.pageBytes, alignment: 4096) }
        #expect(parts.value(at: page) == secret)
        try copier(of: parts).copy(to: Self.copyPath, replacing: false, progress: nil)
        let bytes = try #require(parts.disk.currentFiles()[Self.copyPath])
        bytes.withUnsafeBytes {
            #expect($0.load(fromByteOffset: Int(page), as: Int.self) == 0)
            #expect($0.load(fromByteOffset: Int(last), as: Int.self) == 9)
        }
    }

    @Test func existingFileIsNotReplaced() throws {
        let parts = try PartsOfOpening.opened()
        _ = try parts.commitPage(holding: 7)
        let other = try parts.disk.open(Self.copyPath, .createNew(isPrivate: false))
        try other.write([1, 2, 3], at: 0)
        other.close()
        _ = parts.calls()
        #expect(throws: HeapError.alreadyExists(path: Self.copyPath)) {
            try copier(of: parts).copy(to: Self.copyPath, replacing: false, progress: nil)
        }
        #expect(parts.calls().isEmpty)
        #expect(parts.disk.currentFiles()[Self.copyPath] == [1, 2, 3])
    }

    @Test func cancelledCopyLeavesNothing() throws {
        var options = TestHeap.options
        options.isCancelled = { true }
        let parts = try PartsOfOpening.opened(options: options)
        _ = try parts.commitPage(holding: 7)
        let before = Set(parts.disk.currentFiles().keys)
        #expect(throws: HeapError.cancelled(path: Self.copyPath)) {
            try copier(of: parts).copy(to: Self.copyPath, replacing: false, progress: nil)
        }
        #expect(Set(parts.disk.currentFiles().keys) == before)
    }

    /// A broken page map ends the copy with an error and without a file.
    @Test func brokenPageMapIsRefused() throws {
        let parts = try PartsOfOpening.opened()
        let page = try parts.commitPage(holding: 7)
        let place =
            HeapLayout.firstPageMapPage << HeapLayout.pageShift + page >> HeapLayout.pageShift
            * PageMap.descriptorBytes
        try parts.commit { $0.store(UInt64(0), at: place) }
        #expect(throws: HeapError.self) {
            try copier(of: parts).copy(to: Self.copyPath, replacing: false, progress: nil)
        }
        #expect(!parts.disk.exists(Self.copyPath))
    }
}
