import Foundation
import HoldfastEngine
import Testing
import TestSupport

@testable import Holdfast

private struct Node: HeapRecord {
    var value: Int
    var next: HeapRef<Node>?
}

private struct Article: HeapRecord {
    var title: String
    var author: SharedRef<Node>
}

/// Using a handle of one heap or transaction in another: its contents are copied, or the program
/// traps with a message. Each mistake is made in a process of its own.
@Suite(.progress) struct HeapBoundaryTests {
    private func said(_ sentence: String, _ result: ExitTest.Result?) -> Bool {
        guard let result else { return false }
        return String(decoding: result.standardErrorContent, as: UTF8.self).contains(sentence)
    }

    private let foreign = "was stored through another transaction or into another heap"

    // MARK: Another heap

    @Test func collectionsOfAnotherHeapAreCopied() throws {
        let source = try PersistentHeap.inMemory()
        let target = try PersistentHeap.inMemory()
        try source.write { tx in
            let lists = try tx.map("lists", String.self, PersistentArray<String>.self)
            lists[creating: "a"].append("a text that is longer than fifteen bytes")
        }
        try source.read { from in
            let list = try from.map("lists", String.self, PersistentArray<String>.self)["a"]
            try target.write { tx in
                try tx.map("lists", String.self, PersistentArray<String>.self)["b"] = list
            }
        }
        // The copy is independent of its source.
        try source.write { tx in
            _ = try tx.removeRoot("lists", PersistentMap<String, PersistentArray<String>>.self)
        }
        let copied = try target.read {
            try $0.map("lists", String.self, PersistentArray<String>.self)["b"].map(Array.init)
        }
        #expect(copied == ["a text that is longer than fifteen bytes"])
        #expect(try target.audit().problems == [])
    }

    @Test func aReferenceToARecordOfAnotherHeap() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent])
        {
            let source = try PersistentHeap.inMemory()
            let target = try PersistentHeap.inMemory()
            try source.write { from in
                let far = try from.new(Node(value: 1, next: nil))
                try target.write { tx in try tx.new(Node(value: 2, next: nil)).next = far }
            }
        }
        #expect(said(foreign, result))
        #expect(said("a reference to a Node", result))
    }

    /// The same inside a record that is stored as a whole.
    @Test func aFieldThatRefersToAnotherHeap() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent])
        {
            let source = try PersistentHeap.inMemory()
            let target = try PersistentHeap.inMemory()
            try source.write { from in
                let far = try from.new(Node(value: 1, next: nil))
                try target.write { tx in
                    try tx.array("nodes", of: Node.self).append(Node(value: 2, next: far))
                }
            }
        }
        #expect(said(foreign, result))
    }

    /// An array of references is copied element by element, and each is checked.
    @Test func anArrayOfReferencesToAnotherHeap() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent])
        {
            let source = try PersistentHeap.inMemory()
            let target = try PersistentHeap.inMemory()
            try source.write { from in
                let nodes = try from.array("nodes", of: HeapRef<Node>.self)
                nodes.append(try from.new(Node(value: 1, next: nil)))
                try target.write { tx in
                    try tx.map("map", Int.self, PersistentArray<HeapRef<Node>>.self)[1] = nodes
                }
            }
        }
        #expect(said(foreign, result))
    }

    @Test func aSharedRecordOfAnotherHeap() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent])
        {
            let source = try PersistentHeap.inMemory()
            let target = try PersistentHeap.inMemory()
            try source.write { from in
                let far = try from.share(Node(value: 1, next: nil))
                try target.write { tx in
                    // A record of the same type has the same offset there: increasing its count
                    // would go unnoticed.
                    _ = try tx.share(Node(value: 2, next: nil))
                    try tx.array("articles", of: Article.self).append(
                        Article(title: "a", author: far))
                }
            }
        }
        #expect(said(foreign, result))
    }

    // MARK: Another transaction

    @Test func aReferenceKeptFromAnEarlierTransaction() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent])
        {
            let heap = try PersistentHeap.inMemory()
            let kept = try heap.writeAndKeep { try $0.new(Node(value: 1, next: nil)) }
            try heap.write { tx in try tx.new(Node(value: 2, next: nil)).next = kept }
        }
        #expect(said("a handle was used after its transaction had ended", result))
    }

    @Test func aSharedRecordKeptFromAnEarlierTransaction() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent])
        {
            let heap = try PersistentHeap.inMemory()
            let kept = try heap.writeAndKeep { try $0.share(Node(value: 1, next: nil)) }
            try heap.write { tx in
                try tx.array("articles", of: Article.self).append(Article(title: "a", author: kept))
            }
        }
        #expect(said("a handle was used after its transaction had ended", result))
    }

    @Test func handlesOfEveryKindEndWithTheirTransaction() async {
        func ends(_ kind: String, _ result: ExitTest.Result?) {
            #expect(said("a handle was used after its transaction had ended", result), "\(kind)")
        }
        ends(
            "array",
            await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                let heap = try PersistentHeap.inMemory()
                let kept = try heap.writeAndKeep { try $0.array("a", of: Int.self) }
                try heap.write { tx in kept.append(1) }
            })
        ends(
            "map",
            await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                let heap = try PersistentHeap.inMemory()
                let kept = try heap.writeAndKeep { try $0.map("a", Int.self, Int.self) }
                try heap.read { tx in _ = kept[1] }
            })
        ends(
            "sorted map",
            await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                let heap = try PersistentHeap.inMemory()
                let kept = try heap.writeAndKeep { try $0.sortedMap("a", Int.self, Int.self) }
                try heap.read { tx in _ = kept[1] }
            })
        ends(
            "deque",
            await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                let heap = try PersistentHeap.inMemory()
                let kept = try heap.writeAndKeep { try $0.deque("a", of: Int.self) }
                try heap.read { tx in _ = kept.first }
            })
        ends(
            "string",
            await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                let heap = try PersistentHeap.inMemory()
                let kept = try heap.writeAndKeep { try $0.string("a") }
                try heap.read { tx in _ = "\(kept)" }
            })
        ends(
            "value",
            await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                let heap = try PersistentHeap.inMemory()
                let kept = try heap.writeAndKeep { try $0.value("a", initial: 1) }
                try heap.write { tx in kept.value += 1 }
            })
        ends(
            "reference",
            await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                let heap = try PersistentHeap.inMemory()
                let kept = try heap.writeAndKeep { try $0.new(Node(value: 1, next: nil)) }
                try heap.write { tx in kept.value += 1 }
            })
    }

    /// The heap itself is gone, and so is its mapping.
    @Test func aHandleUsedAfterItsHeapWasClosed() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent])
        {
            let heap = try PersistentHeap.inMemory()
            let kept = try heap.writeAndKeep { try $0.array("a", of: Int.self) }
            try heap.close()
            kept.append(1)
        }
        #expect(said("a handle was used after its transaction had ended", result))
    }

    @Test func iteratorsEndWithTheirTransaction() async {
        func ends(_ kind: String, _ result: ExitTest.Result?) {
            #expect(said("after its transaction had ended", result), "\(kind)")
        }
        ends(
            "array",
            await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                var kept = try PersistentHeap.inMemory().write { tx in
                    let array = try tx.array("a", of: Int.self)
                    array.append(contentsOf: 0 ..< 10)
                    return array.makeIterator()
                }
                _ = kept.next()
            })
        ends(
            "map",
            await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                var kept = try PersistentHeap.inMemory().write { tx in
                    let map = try tx.map("a", Int.self, Int.self)
                    for key in 0 ..< 10 { map[key] = key }
                    return map.makeIterator()
                }
                _ = kept.next()
            })
        ends(
            "map that has been begun",
            await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                var kept = try PersistentHeap.inMemory().write { tx in
                    let map = try tx.map("a", Int.self, Int.self)
                    for key in 0 ..< 10 { map[key] = key }
                    var iterator = map.makeIterator()
                    _ = iterator.next()
                    return iterator
                }
                _ = kept.next()
            })
        ends(
            "sorted map",
            await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                var kept = try PersistentHeap.inMemory().write { tx in
                    let map = try tx.sortedMap("a", Int.self, Int.self)
                    for key in 0 ..< 10 { map[key] = key }
                    return map.makeIterator()
                }
                _ = kept.next()
            })
        ends(
            "deque",
            await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                var kept = try PersistentHeap.inMemory().write { tx in
                    let deque = try tx.deque("a", of: Int.self)
                    for element in 0 ..< 10 { deque.append(element) }
                    return deque.makeIterator()
                }
                _ = kept.next()
            })
    }

    // MARK: Removed

    @Test func usingWhatWasRemoved() async {
        let array = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            try PersistentHeap.inMemory().write { tx in
                let kept = try tx.array("a", of: Int.self)
                try tx.removeRoot("a", PersistentArray<Int>.self)
                kept.append(1)
            }
        }
        #expect(said("no longer leads to its array", array))
        let map = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            try PersistentHeap.inMemory().write { tx in
                let kept = try tx.map("a", Int.self, Int.self)
                try tx.removeRoot("a", PersistentMap<Int, Int>.self)
                kept[1] = 1
            }
        }
        #expect(said("no longer leads to its map", map))
        let set = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            try PersistentHeap.inMemory().write { tx in
                let kept = try tx.set("a", of: Int.self)
                try tx.removeRoot("a", PersistentSet<Int>.self)
                _ = kept.contains(1)
            }
        }
        #expect(said("was removed while the handle was in use", set))
    }

    // MARK: A read transaction

    @Test func everyWayOfChangingIsRefusedInAView() async {
        func refuses(_ kind: String, _ result: ExitTest.Result?) {
            #expect(said("a read transaction was written through", result), "\(kind)")
        }
        refuses(
            "array",
            await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                let heap = try PersistentHeap.inMemory()
                try heap.write { try $0.array("a", of: Int.self).append(1) }
                try heap.read { try $0.array("a", of: Int.self)[0] = 2 }
            })
        refuses(
            "map",
            await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                let heap = try PersistentHeap.inMemory()
                try heap.write { _ = try $0.map("a", Int.self, Int.self) }
                try heap.read { try $0.map("a", Int.self, Int.self)[1] = 2 }
            })
        refuses(
            "value",
            await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                let heap = try PersistentHeap.inMemory()
                try heap.write { _ = try $0.value("a", initial: 1) }
                try heap.read { try $0.value("a", of: Int.self).value = 2 }
            })
        refuses(
            "text",
            await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                let heap = try PersistentHeap.inMemory()
                try heap.write { _ = try $0.string("a") }
                try heap.read { try $0.string("a").append("b") }
            })
        refuses(
            "shared count",
            await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
                let heap = try PersistentHeap.inMemory()
                try heap.write { tx in
                    try tx.array("a", of: SharedRef<Node>.self).append(
                        try tx.share(Node(value: 1, next: nil)))
                }
                try heap.read { tx in
                    let array = try tx.array("a", of: SharedRef<Node>.self)
                    array[0] = array[0]
                }
            })
    }

    /// Even a store that bypasses every handle stays in this process: the mapping is private and
    /// nothing logs it.
    @Test func aStrayStoreReachesNobody() throws {
        let folder = try TemporaryFolder()
        let heap = try PersistentHeap.open(folder.file())
        try heap.write { tx in
            try tx.array("a", of: Int.self).append(contentsOf: repeatElement(7, count: 400))
        }
        try heap.checkpoint()
        let before = try folder.bytes()
        try heap.read { tx in
            let array = try tx.array("a", of: Int.self)
            array.withContiguousStorageIfAvailable {
                UnsafeMutablePointer(mutating: $0.baseAddress!).pointee = 666
            }
            let seen = array[0]
            #expect(seen == 666)
        }
        let after = try folder.bytes()
        #expect(after == before)
        // A change of another line of the same page does not include it.
        try heap.write { tx in try tx.array("a", of: Int.self)[300] = 8 }
        try heap.close()
        let again = try PersistentHeap.open(folder.file())
        #expect(try again.read { try $0.array("a", of: Int.self)[300] } == 8)
        #expect(try again.read { try $0.array("a", of: Int.self)[0] } == 7)
    }
}
