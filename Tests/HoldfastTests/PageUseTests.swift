import Foundation
import HoldfastEngine
import Testing
import TestSupport

@testable import Holdfast
@testable import HoldfastInspection

private struct Leaf: HeapRecord {
    var name: String
    var next: HeapRef<Leaf>?
}

private let long = "a text that is longer than fifteen bytes"

/// The account of every page: each page occurs once, and every byte in use has the right owner.
@Suite(.progress) struct PageUseTests {
    private let folder = try! TemporaryFolder()

    private func fill(_ heap: PersistentHeap) throws {
        try heap.write { tx in
            let stock = try tx.map("stock", String.self, PersistentArray<Int32>.self)
            for number in 0 ..< 2000 {
                stock[creating: "item \(number)"].append(contentsOf: [1, 2, 3])
            }
            let numbers = try tx.array("numbers", of: Int.self)
            for number in 0 ..< 50_000 { numbers.append(number) }
            let texts = try tx.deque("texts", of: String.self)
            for number in 0 ..< 500 { texts.append("\(long) \(number)") }
            for number in 0 ..< 2000 where number % 7 != 0 { stock["item \(number)"] = nil }
        }
    }

    /// Every page is in exactly one stretch, and the sums agree with the audit, which counts
    /// independently.
    private func expectWhole(_ use: HeapPages, _ audit: AllocatorAudit) {
        var next = 0
        var pages: [String: Int] = [:]
        var bytes = 0
        for (index, stretch) in use.enumerated() {
            #expect(stretch.pages.lowerBound == next && !stretch.pages.isEmpty)
            next = stretch.pages.upperBound
            #expect(
                use.index(ofPage: stretch.pages.lowerBound) == index
                    && use.index(ofPage: next - 1) == index)
            #expect(stretch.usedBytes <= stretch.pages.count * 4096)
            bytes += stretch.usedBytes
            let name =
                switch stretch.kind {
                case .slab(let slab):
                    stretch.usedBytes == slab.usedSlots * slab.slotBytes
                        && slab.usedSlots <= slab.slots ? "slab" : "wrong slab"
                case .header, .allocator, .checksums: "metadata"
                default: "\(stretch.kind)"
                }
            pages[name, default: 0] += stretch.pages.count
        }
        #expect(
            next == use.pageCount && use.index(ofPage: next) == nil && use.index(ofPage: -1) == nil)
        #expect(use.pageCount == Int(audit.pages))
        #expect(bytes == Int(audit.usedBytes))
        #expect(
            use.roots.reduce(0) { $0 + $1.bytes } + use.catalogueBytes + use.unreachedBytes == bytes
        )
        let kinds = [
            "slab": audit.slabPages, "free": audit.freePages, "run": audit.runPages,
            "metadata": audit.metadataPages,
        ]
        #expect(pages == kinds.mapValues { Int($0) }.filter { $0.value > 0 })
    }

    @Test func everyPageAndByteIsAccountedForOnce() throws {
        let heap = try PersistentHeap.open(folder.file())
        try fill(heap)
        let use = try heap.pageUse()
        expectWhole(use, try heap.audit())
        #expect(
            use.problems == [] && use.isComplete && use.unreachedBytes == 0
                && use.unreachedBlocks == 0)
        #expect(use.roots.map(\.root.name) == ["numbers", "stock", "texts"])
        #expect(
            use.roots.map(\.root.type.text) == [
                "Array<Int>", "Map<String, Array<Int32>>", "Deque<String>",
            ])
        let empty = try PersistentHeap.inMemory().pageUse()
        #expect(
            empty.pageCount == 5 && empty.map(\.kind) == [.header, .allocator, .checksums]
                && empty.roots == [])
    }

    /// The bytes reported for a root are those that its removal frees.
    @Test func aRootsBytesAreThoseThatItsRemovalFrees() throws {
        for name in ["stock", "numbers", "texts"] {
            let heap = try PersistentHeap.inMemory()
            try fill(heap)
            let before = try heap.pageUse()
            let auditBefore = try heap.audit()
            let root = try #require(before.roots.first { $0.root.name == name })
            let removed = try heap.write { tx in
                switch name {
                case "stock":
                    return try tx.removeRoot(
                        name, PersistentMap<String, PersistentArray<Int32>>.self)
                case "numbers": return try tx.removeRoot(name, PersistentArray<Int>.self)
                default: return try tx.removeRoot(name, PersistentDeque<String>.self)
                }
            }
            #expect(removed)
            let after = try heap.pageUse()
            let auditAfter = try heap.audit()
            let catalogue = before.catalogueBytes - after.catalogueBytes
            #expect(
                Int(auditBefore.usedBytes - auditAfter.usedBytes) == root.bytes + catalogue,
                "\(name)")
            #expect(root.blocks > 0 && root.isFollowed)
            expectWhole(after, auditAfter)
        }
    }

    @Test func pagesNameTheirOwners() throws {
        let heap = try PersistentHeap.inMemory()
        try fill(heap)
        let offset = try heap.read { tx in
            let first = try tx.array("numbers", of: Int.self).withSpan { span in
                span.withUnsafeBufferPointer { Int(bitPattern: $0.baseAddress!) }
            }
            return first - Int(bitPattern: tx.access.context.pointee.base)
        }
        let use = try heap.pageUse()
        let stretch = use[try #require(use.index(ofPage: offset / 4096))]
        #expect(
            stretch.kind == .run
                && stretch.shares == [
                    HeapPages.Share(owner: .root(0), bytes: stretch.pages.count * 4096)
                ])
        #expect(stretch.pages.count * 4096 >= 50_000 * 8)
        // Strings of one length from two roots are adjacent in the same slabs.
        try heap.write { tx in
            try tx.array("more", of: String.self).append(
                contentsOf: (0 ..< 300).map { "\(long) \($0)" })
        }
        let mixed = try heap.pageUse()
        let more = mixed.roots.firstIndex { $0.root.name == "more" }!
        let texts = mixed.roots.firstIndex { $0.root.name == "texts" }!
        #expect(
            mixed.contains {
                Set($0.shares.map(\.owner)).isSuperset(of: [.root(more), .root(texts)])
            })
        expectWhole(mixed, try heap.audit())
    }

    /// A record belongs to the root that leads to it, through however many references.
    @Test func whatReferencesLeadToBelongsToTheirRoot() throws {
        let heap = try PersistentHeap.inMemory()
        try heap.write { tx in
            for name in ["a", "b"] {
                let root = try tx.value(name, initial: HeapRef<Leaf>?.none)
                for number in 0 ..< (name == "a" ? 100 : 10) {
                    let leaf = try tx.new(Leaf(name: "\(long) \(number)", next: root.value))
                    root.value = leaf
                }
            }
        }
        let use = try heap.pageUse()
        #expect(use.roots.map(\.blocks) == [201, 21] && use.unreachedBlocks == 0)
        try heap.write { tx in
            try tx.value("b", initial: HeapRef<Leaf>?.none).value = nil
            _ = tx.allocate(byteCount: 100_000)
        }
        let cut = try heap.pageUse()
        #expect(cut.roots.map(\.blocks) == [201, 1] && cut.unreachedBlocks == 21)
        #expect(cut.contains { $0.kind == .run && $0.shares.map(\.owner) == [.unreached] })
        expectWhole(cut, try heap.audit())
    }

    private struct Foreign: HeapStruct { var number: Int }

    @Test func aRootOfAnUnknownTypeIsNamed() throws {
        let heap = try PersistentHeap.inMemory()
        try heap.write { tx in
            let stored = PersistentArray<Int>.storeEmpty(in: tx.access)
            try tx.access.addRoot("theirs", as: PersistentArray<Foreign>.self, at: stored.offset)
            try tx.string("ours").append("x")
        }
        TypeRegistry.shared.forget(PersistentArray<Foreign>.self)
        TypeRegistry.shared.forget(Foreign.self)
        let use = try heap.pageUse()
        #expect(use.roots.map(\.root.name) == ["ours", "theirs"])
        if use.isComplete { return }  // Made from its description.
        #expect(use.roots.map(\.isFollowed) == [true, false] && use.roots[1].bytes == 0)
        #expect(use.unreachedBlocks == 1)
        expectWhole(use, try heap.audit())
    }

    /// Holdfast's own roots take space too, and have readable names.
    @Test func rootsOfHoldfastItselfAreNamed() throws {
        let folder = try TemporaryFolder()
        let path = folder.path + "/test.heap"
        try PersistentHeap.open(path).write { try $0.string("text").append("x") }
        let heap = try PersistentHeap.open(path, migrations: [HeapMigration(to: 1) { _ in }])
        #expect(try heap.pageUse().roots.map(\.root.name) == ["(version)", "text"])
        try heap.close()
    }

    @Test func aTebibyteIsOneStretch() throws {
        var options = PersistentHeap.Options()
        options.reservesDiskSpace = false
        let heap = try PersistentHeap.open(folder.file(), options: options)
        try heap.write { tx in
            _ = tx.allocate(byteCount: 1 << 40)
            try tx.string("s").append("x")
        }
        let use = try heap.pageUse()
        #expect(use.count < 100 && use.pageCount > 1 << 28)
        #expect(use.unreachedBytes == 1 << 40 && use.unreachedBlocks == 1)
        expectWhole(use, try heap.audit())
    }

    // MARK: Damage

    @Test func damagedPagesAreNamedIfAskedFor() throws {
        var page = 0
        do {
            let heap = try PersistentHeap.open(folder.file())
            try fill(heap)
            page = try #require(try heap.pageUse().last { $0.kind == .run }).pages.lowerBound
            try heap.close()
        }
        var bytes = try folder.bytes()
        bytes[page * 4096 + 777] ^= 4
        try folder.write(bytes)
        let heap = try PersistentHeap.open(folder.file())
        let plain = try heap.pageUse()
        #expect(plain.damagedPages == [] && !plain.comparedChecksums)
        let compared = try heap.pageUse(comparingChecksums: true)
        #expect(compared.damagedPages == [page] && compared.comparedChecksums)
    }

    /// Whatever the page map and the slabs' headers contain: every page is in the account once, and
    /// nothing traps.
    @Test func damagedRecordsOfTheAllocatorLeaveEveryPageInTheAccount() throws {
        var random = SplitMix(state: 11)
        let heap = try PersistentHeap.inMemory()
        try fill(heap)
        struct Undo: Error {}
        var broken = 0
        var damagedSlabs = 0
        let slabs = try heap.pageUse().compactMap { stretch in
            if case .slab(let slab) = stretch.kind {
                SlabClass.headerOffset(page: stretch.pages.lowerBound, blockBytes: slab.slotBytes)
            } else {
                nil
            }
        }
        for round in 0 ..< 600 {
            do {
                try heap.write { tx in
                    for _ in 0 ..< 3 {
                        let start =
                            round % 3 == 0
                            ? 2 * 4096
                            : round % 3 == 1 ? 3 * 4096 : slabs.randomElement(using: &random)!
                        let limit = round % 3 == 0 ? 640 : round % 3 == 1 ? 4096 : 64
                        let place = UInt64(start + Int.random(in: 0 ..< limit, using: &random))
                        tx.access.store(UInt8.random(in: 0 ... 255, using: &random), at: place)
                    }
                    var verification = Verification(tx.access)
                    verification.recordOwners()
                    verification.run()
                    let use = HeapPages(
                        verification, damagedPages: nil, problems: verification.problems)
                    var next = 0
                    for stretch in use {
                        #expect(stretch.pages.lowerBound == next && !stretch.pages.isEmpty)
                        next = stretch.pages.upperBound
                        if stretch.kind == .unaccounted { broken += 1 }
                        if stretch.kind == .damagedSlab { damagedSlabs += 1 }
                        #expect(stretch.usedBytes <= stretch.pages.count * 4096)
                    }
                    #expect(next == use.pageCount && next > 0)
                    throw Undo()
                }
            } catch is Undo {}
        }
        #expect(broken > 5 && damagedSlabs > 5, "\(broken), \(damagedSlabs)")
    }
}
