import Foundation
import TestSupport
@testable import Holdfast
import HoldfastEngine
@testable import HoldfastInspection
import Testing

/// A packed copy has the same contents in less space.
@Suite(.progress) struct PackingTests {
    private typealias Node = SparseContents.Node

    private let folder = try! TemporaryFolder()

    @Test func everythingIsThere() throws {
        let heap = try PersistentHeap.open(folder.file())
        try SparseContents.fill(heap)
        var progress: [Int] = []
        let snapshot = try heap.makeSnapshotEngine()
        let packer = Packer(
            snapshot: snapshot, path: folder.file("copy.heap"), replacing: false
        ) { done, all in
            #expect(done <= all)
            progress.append(done)
        }
        let isPacked = try packer.copy(always: true)
        try snapshot.close()
        #expect(isPacked)
        #expect(progress == progress.sorted() && !progress.isEmpty)
        let copy = try PersistentHeap.open(folder.file("copy.heap"))
        let check = try copy.check()
        #expect(check.isSound && check.unreachedBlocks == 0, "\(check)")
        #expect(try copy.audit().problems.isEmpty)
        #expect(try copy.read { $0.version } == (try heap.read { $0.version }))
        #expect(copy.identity != heap.identity)
        // References lead to the same records as before, and the tables are in the same order.
        #expect(try SparseContents.lines(of: copy) == SparseContents.lines(of: heap))
        let (old, new) = (try heap.statistics(), try copy.statistics())
        #expect(new.heapBytes < old.heapBytes * 2 / 3, "\(new.heapBytes) of \(old.heapBytes)")
        #expect(
            new.heapBytes < new.usedBytes * 5 / 4 + 65536, "\(new.heapBytes) for \(new.usedBytes)")
        try copy.read { tx in
            let nodes = try tx.array("nodes", of: Node.self)
            #expect(nodes[ref: 0].next == nodes[ref: 29] && nodes[ref: 5].next == nodes[ref: 4])
            #expect(nodes[3].shared?.referenceCount == 10 && nodes[3].shared == nodes[6].shared)
            let alone = try tx.value("alone", of: HeapRef<Node>?.self)
            #expect(
                alone.value?.next?.next == alone.value && alone.value?.next?.name == "its friend")
        }
        // A heap like any other.
        try copy.write { tx in
            try tx.map("numbers", Int.self, Double.self).removeAll()
            try tx.removeRoot("nodes", PersistentArray<Node>.self)
            let sorted = try tx.sortedMap("sorted", String.self, PersistentArray<Int>.self)
            #expect(sorted.checkInvariants().problems.isEmpty)
            for number in 0 ..< 2000 { sorted[creating: "x \(number)"].append(1) }
            #expect(sorted.checkInvariants().problems.isEmpty)
        }
        #expect(try copy.check().isSound)
        try copy.close()
        try heap.close()
    }

    /// Blocks known only to the program would be lost, so the pages are copied.
    @Test func whatIsNotReachedIsCopiedByPages() throws {
        let heap = try PersistentHeap.open(folder.file())
        try SparseContents.fill(heap)
        let pointer = try heap.write { tx in tx.allocate(Movement(item: 7, delta: 8, weight: nil)) }
        try heap.copy(to: folder.file("copy.heap"))
        let copy = try PersistentHeap.open(folder.file("copy.heap"))
        #expect(try copy.read { $0[pointer].item } == 7)
        #expect(try copy.statistics().heapBytes == (try heap.statistics().heapBytes))
        try copy.close()
        try heap.close()
    }
}
