import Holdfast
import TestSupport
import Testing

/// Misuse of sorted collections and sets traps with a message. Each case runs in a process of its
/// own.
@Suite(.progress) struct SortedMisuseTests {
    private func said(_ sentence: String, _ result: ExitTest.Result?) -> Bool {
        guard let result else { return false }
        return String(decoding: result.standardErrorContent, as: UTF8.self).contains(sentence)
    }

    @Test func insertingWhileIterating() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent])
        {
            try PersistentHeap.inMemory().write { tx in
                let map = try tx.sortedMap("map", Int.self, Int.self)
                map[1] = 1
                map[2] = 1
                // Ends in any case if the trap is missing.
                for (key, _) in map.prefix(100) { map[key + 10] = 1 }
            }
        }
        #expect(said("was changed during iteration", result))
    }

    @Test func removingWhileIteratingASet() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent])
        {
            try PersistentHeap.inMemory().write { tx in
                let set = try tx.set("set", of: Int.self)
                set.formUnion(0 ..< 100)
                for element in set { set.remove(element) }
            }
        }
        #expect(said("was changed during iteration", result))
    }

    @Test func insertingWhileRemovingMany() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent])
        {
            try PersistentHeap.inMemory().write { tx in
                let set = try tx.sortedSet("set", of: Int.self)
                set.formUnion(0 ..< 100)
                var calls = 0
                set.removeAll { element in
                    calls += 1
                    return calls < 10 && set.insert(-element - 1).inserted
                }
            }
        }
        #expect(said("was changed during iteration", result))
    }

    @Test func usingAnIndexAfterAChange() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent])
        {
            try PersistentHeap.inMemory().write { tx in
                let map = try tx.sortedMap("map", Int.self, Int.self)
                map[1] = 1
                let index = map.startIndex
                map[0] = 1
                _ = map[index]
            }
        }
        #expect(said("was used after an insertion or removal", result))
    }

    @Test func usingARangeAfterAChange() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent])
        {
            try PersistentHeap.inMemory().write { tx in
                let set = try tx.sortedSet("set", of: Int.self)
                set.formUnion(0 ..< 100)
                let range = set[10 ..< 20]
                set.remove(50)
                _ = range.count
            }
        }
        #expect(said("was used after an insertion or removal", result))
    }

    @Test func goingBeyondTheEnd() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent])
        {
            try PersistentHeap.inMemory().write { tx in
                let set = try tx.sortedSet("set", of: Int.self)
                set.insert(1)
                _ = set[set.endIndex]
            }
        }
        #expect(said("is past the last or before the first entry", result))
    }

    @Test func appendingWhatDoesNotAscend() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent])
        {
            try PersistentHeap.inMemory().write { tx in
                try tx.sortedSet("set", of: String.self).append(sorted: ["a", "c", "b"])
            }
        }
        #expect(
            said(
                "cannot append the key b to a sorted collection: it does not come after",
                result))
    }

    @Test func writingInARead() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent])
        {
            let heap = try PersistentHeap.inMemory()
            try heap.write { tx in try tx.sortedSet("set", of: Int.self).formUnion(0 ..< 10) }
            try heap.read { tx in _ = try tx.sortedSet("set", of: Int.self).remove(3) }
        }
        #expect(said("a read transaction was written through", result))
    }

    @Test func usingARemovedMap() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent])
        {
            try PersistentHeap.inMemory().write { tx in
                let maps = try tx.sortedMap("maps", Int.self, PersistentSortedMap<Int, Int>.self)
                let inner = maps[creating: 1]
                maps[1] = nil
                _ = inner.count
            }
        }
        #expect(said("no longer leads to its sorted collection", result))
    }
}
