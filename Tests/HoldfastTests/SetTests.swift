import Foundation
import Holdfast
import HoldfastEngine
import Testing
import TestSupport

/// Sets, hashed and sorted, compared with the standard library's.
@Suite(.progress) struct SetTests {
    private struct Abort: Error {}

    @Test func againstAModel() throws {
        let folder = try TemporaryFolder()
        var heap = try PersistentHeap.open(folder.file())
        let empty = try heap.audit()
        var random = SplitMix(state: 1)
        var numbers: Set<Int32> = []
        var names: Set<String> = []
        for round in 0 ..< 60 {
            let saved = (numbers, names)
            do {
                try heap.write { tx in
                    let hashed = try tx.set("numbers", of: Int32.self)
                    let sorted = try tx.sortedSet("names", of: String.self)
                    let removes = round % 6 == 5
                    for _ in 0 ..< 3400 {
                        let number = Int32.random(in: -1500 ..< 1500, using: &random)
                        let name = "name \(number), and then some"
                        if Int.random(in: 0 ..< 10, using: &random) < (removes ? 8 : 3) {
                            if hashed.remove(number) != numbers.remove(number) {
                                Issue.record("\(number)")
                            }
                            if sorted.remove(name) != names.remove(name) {
                                Issue.record("\(name)")
                            }
                        } else {
                            if hashed.insert(number).inserted != numbers.insert(number).inserted {
                                Issue.record("\(number)")
                            }
                            if sorted.insert(name).inserted != names.insert(name).inserted {
                                Issue.record("\(name)")
                            }
                        }
                        if hashed.contains(number) != numbers.contains(number) {
                            Issue.record("\(number)")
                        }
                        if sorted.contains(name) != names.contains(name) { Issue.record("\(name)") }
                    }
                    #expect(sorted.checkInvariants().problems == [])
                    if round % 7 == 6 { throw Abort() }
                }
            } catch is Abort {
                (numbers, names) = saved
            }
            if round % 10 == 0 {
                try heap.close()
                heap = try PersistentHeap.open(folder.file())
            }
            try heap.read { tx in
                let hashed = try tx.set("numbers", of: Int32.self)
                let sorted = try tx.sortedSet("names", of: String.self)
                #expect(
                    hashed == numbers && Set(hashed) == numbers && hashed.count == numbers.count)
                #expect(sorted == names && sorted.elementsEqual(names.sorted()))
            }
        }
        try heap.write { tx in
            let removed = [
                try tx.removeRoot("numbers", PersistentSet<Int32>.self),
                try tx.removeRoot("names", PersistentSortedSet<String>.self),
            ]
            #expect(removed == [true, true])
        }
        try heap.checkpoint()
        #expect(try heap.audit() == empty)
        try heap.close()
    }

    /// Every operation of the set algebra, with every kind of other operand.
    private func algebra<S: PersistentSetAlgebra<Int>, T: PersistentSetAlgebra<Int>>(
        _ set: S, _ other: T
    ) {
        var random = SplitMix(state: 3)
        for _ in 0 ..< 60 {
            let left = Set(
                (0 ..< Int.random(in: 0 ..< 80, using: &random)).map { _ in
                    Int.random(in: 0 ..< 60, using: &random)
                })
            let right = Set(
                (0 ..< Int.random(in: 0 ..< 80, using: &random)).map { _ in
                    Int.random(in: 0 ..< 60, using: &random)
                })
            other.removeAll { _ in true }
            other.formUnion(right)
            func check(_ expected: Set<Int>, _ change: () -> Void) {
                set.removeAll { _ in true }
                set.formUnion(left)
                change()
                #expect(set == expected && set.count == expected.count)
            }
            check(left.union(right)) { set.formUnion(other) }
            check(left.subtracting(right)) { set.subtract(Array(right)) }
            check(left.subtracting(right)) { set.subtract(other) }
            check([]) { set.subtract(set) }
            check(left) { set.formIntersection(set) }
            check(left) { set.formUnion(Array(set)) }
            check(left.intersection(right)) { set.formIntersection(Array(right) + Array(right)) }
            check(left.intersection(right)) { set.formIntersection(other) }
            check(left.symmetricDifference(right)) {
                set.formSymmetricDifference(Array(right) + Array(right))
            }
            check(left.symmetricDifference(right)) { set.formSymmetricDifference(other) }
            check(left) {}
            #expect(
                set.isSubset(of: other) == left.isSubset(of: right)
                    && set.isSubset(of: right) == left.isSubset(of: right))
            #expect(set.isSuperset(of: other) == left.isSuperset(of: right))
            #expect(set.isDisjoint(with: other) == left.isDisjoint(with: right))
            #expect((set == other) == (left == right))
            let part = left.filter { $0 % 2 == 0 }
            other.removeAll { !part.contains($0) }
            other.formUnion(part)
            #expect(
                other.isSubset(of: set) && set.isSuperset(of: part)
                    && (set == other) == (part == left))
        }
    }

    @Test func setAlgebra() throws {
        let heap = try PersistentHeap.inMemory()
        try heap.write { tx in
            let sets = [try tx.set("a", of: Int.self), try tx.set("b", of: Int.self)]
            let sorted = [try tx.sortedSet("c", of: Int.self), try tx.sortedSet("d", of: Int.self)]
            algebra(sets[0], sets[1])
            algebra(sets[0], sorted[1])
            algebra(sorted[0], sets[1])
            algebra(sorted[0], sorted[1])
        }
        #expect(try heap.audit().problems == [])
    }

    @Test func sortedSetsHaveNeighboursAndRanges() throws {
        let heap = try PersistentHeap.inMemory()
        try heap.write { tx in
            let set = try tx.sortedSet("set", of: Int.self)
            set.append(sorted: stride(from: 0, to: 1000, by: 10))
            #expect(
                set.element(after: 50) == 60 && set.element(atOrAfter: 50) == 50
                    && set.element(atOrAfter: 51) == 60)
            #expect(
                set.element(before: 50) == 40 && set.element(atOrBefore: 50) == 50
                    && set.element(atOrBefore: 49) == 40)
            #expect(set.element(before: 0) == nil && set.element(after: 990) == nil)
            #expect(
                Array(set[50 ..< 80]) == [50, 60, 70] && Array(set[50 ... 80]).count == 4
                    && set[905...].count == 9)
            #expect(set[..<25].reversed() == [20, 10, 0] && set[...20].last == 20)
            #expect(
                set.first == 0 && set.last == 990 && set.popFirst() == 0 && set.popLast() == 990)
            #expect(set.index(of: 70).map { set.distance(from: set.startIndex, to: $0) } == 6)
            #expect(set.index(of: 71) == nil && set.index(atOrAfter: 71) == set.index(of: 80))
            #expect(set.description.hasPrefix("[10, 20, 30, "))
        }
    }

    /// A hash set's slots contain only its elements: seven numbers and their tags share a line.
    @Test func elementsTakeNoRoomForValues() throws {
        let heap = try PersistentHeap.inMemory()
        try heap.write { tx in _ = try tx.set("set", of: UInt64.self) }
        let before = try heap.audit().usedBytes
        try heap.write { tx in try tx.set("set", of: UInt64.self).formUnion(0 ..< 7) }
        #expect(try heap.audit().usedBytes - before <= 4096)
        #expect(MemoryLayout<NoValue>.size == 0)
    }
}
