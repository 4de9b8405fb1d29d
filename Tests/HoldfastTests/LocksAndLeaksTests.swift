import Foundation
import Synchronization
import Testing
import TestSupport

@testable import Holdfast
@testable import HoldfastInspection

private struct Link: HeapRecord {
    var name: String
    var next: SharedRef<Link>?
}

private struct Oops: Error {}

/// No exit from a transaction leaves a lock behind, and no operation except the program's own
/// leaves a block behind; those blocks are counted.
@Suite(.progress) struct LocksAndLeaksTests {
    private let folder = try! TemporaryFolder()

    private func options() -> PersistentHeap.Options {
        var options = PersistentHeap.Options()
        options.timeout = .milliseconds(300)
        return options
    }

    // MARK: Locks

    @Test func throwingUnlocksForOtherThreads() throws {
        let heap = try PersistentHeap.open(folder.file(), options: options())
        #expect(throws: Oops.self) { try heap.write { _ in throw Oops() } }
        #expect(throws: Oops.self) { try heap.read { _ in throw Oops() } }
        let done = DispatchSemaphore(value: 0)
        let count = Atomic(0)
        Thread.detachNewThread {
            if (try? heap.write { try $0.array("a", of: Int.self).append(1) }) != nil {
                count.add(1, ordering: .relaxed)
            }
            done.signal()
        }
        done.wait()
        #expect(count.load(ordering: .relaxed) == 1)
        try heap.close()
    }

    /// Two threads that each hold one heap and request the other's would wait for ever. One gets an
    /// error and releases its heap, and the other continues.
    @Test func heapsTakenInOppositeOrderEndInAnError() throws {
        let heaps = [
            try PersistentHeap.open(folder.file("a.heap"), options: options()),
            try PersistentHeap.open(folder.file("b.heap"), options: options()),
        ]
        let holding = [DispatchSemaphore(value: 0), DispatchSemaphore(value: 0)]
        let refused = Atomic(0)
        let other = Atomic(0)
        let done = DispatchSemaphore(value: 0)
        for number in 0 ..< 2 {
            Thread.detachNewThread {
                do {
                    try heaps[number].write { _ in
                        holding[number].signal()
                        holding[1 - number].wait()
                        try heaps[1 - number].write { _ in }
                    }
                } catch HeapError.timedOut {
                    refused.add(1, ordering: .relaxed)
                } catch {
                    other.add(1, ordering: .relaxed)
                }
                done.signal()
            }
        }
        done.wait()
        done.wait()
        #expect(
            (1 ... 2).contains(refused.load(ordering: .relaxed))
                && other.load(ordering: .relaxed) == 0)
        for heap in heaps {
            try heap.write { try $0.array("a", of: Int.self).append(1) }
            try heap.close()
        }
    }

    // MARK: Leaks

    @Test func whatAThrowingTransactionAllocatedIsFree() throws {
        let heap = try PersistentHeap.open(folder.file())
        try heap.write { tx in try tx.array("a", of: Int.self).append(1) }
        let before = try heap.audit().usedBytes
        #expect(throws: Oops.self) {
            try heap.write { tx in
                for number in 0 ..< 1000 {
                    _ = try tx.share(
                        Link(name: "a name that is longer than fifteen bytes, \(number)"))
                }
                _ = tx.allocate(byteCount: 1 << 20)
                throw Oops()
            }
        }
        #expect(try heap.audit().usedBytes == before)
        #expect(try heap.check().unreachedBlocks == 0)
        try heap.close()
    }

    @Test func recordsThatNothingLeadsToAreCounted() throws {
        let heap = try PersistentHeap.open(folder.file())
        try heap.write { tx in
            let array = try tx.array("links", of: SharedRef<Link>.self)
            array.append(try tx.share(Link(name: "kept", next: nil)))
        }
        #expect(try heap.check(knowing: [Link.self]).unreachedBlocks == 0)
        try heap.write { tx in
            _ = try tx.share(Link(name: "a name that has a block of its own", next: nil))
        }
        #expect(try heap.check(knowing: [Link.self]).unreachedBlocks == 2)
        try heap.close()
    }

    /// Reference counting never frees a cycle.
    @Test func circlesOfSharedRecordsAreCounted() throws {
        let heap = try PersistentHeap.open(folder.file())
        try heap.write { tx in
            let array = try tx.array("links", of: SharedRef<Link>.self)
            let first = try tx.share(Link(name: "a", next: nil))
            let second = try tx.share(Link(name: "b", next: first))
            first.next = second
            array.append(first)
            array.removeAll()
        }
        #expect(try heap.check(knowing: [Link.self]).unreachedBlocks == 2)
        try heap.close()
    }
}
