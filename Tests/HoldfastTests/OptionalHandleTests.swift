import Holdfast
import TestSupport
import Testing

/// An absent handle is nil, whatever was on the stack before.
@Suite(.progress) struct OptionalHandleTests {
    /// Leaves nonzero bytes where the next call has its variables.
    @inline(never)
    private func fillStack(_ number: Int) -> Int {
        var numbers = (
            number, number, number, number, number, number, number, number, number, number, number,
            number, number, number
        )
        return withUnsafeBytes(of: &numbers) { $0.reduce(0) { $0 + Int($1) } }
    }

    @inline(never)
    private func count(_ key: Int, _ map: PersistentMap<Int, PersistentArray<Int>>) -> Int? {
        map[key]?.count
    }

    @inline(never)
    private func count(_ key: Int, _ map: PersistentMap<Int, PersistentMap<Int, Int>>) -> Int? {
        map[key]?.count
    }

    @inline(never)
    private func count(_ key: Int, _ map: PersistentMap<Int, PersistentString>) -> Int? {
        map[key]?.utf8Count
    }

    @Test func missingCollectionsAreNil() throws {
        let heap = try PersistentHeap.inMemory()
        try heap.write { tx in
            let arrays = try tx.map("arrays", Int.self, PersistentArray<Int>.self)
            let maps = try tx.map("maps", Int.self, PersistentMap<Int, Int>.self)
            let strings = try tx.map("strings", Int.self, PersistentString.self)
            for key in 0 ..< 3 {
                #expect(fillStack(key + 17) > 0 && count(key, arrays) == nil)
                #expect(fillStack(key + 17) > 0 && count(key, maps) == nil)
                #expect(fillStack(key + 17) > 0 && count(key, strings) == nil)
            }
        }
    }
}
