import Foundation
import Holdfast
import TestSupport
import Testing

/// Features of a heap's array beyond the standard library's protocols, and its behaviour in edge
/// cases.
@Suite(.progress) struct ArrayTests {
    private struct Refused: Error {}

    private func withArray<Element: Persistable>(
        of type: Element.Type, _ body: (PersistentArray<Element>) throws -> Void
    ) throws {
        let heap = try PersistentHeap.inMemory()
        try heap.write { tx in try body(try tx.array("array", of: Element.self)) }
        #expect(try heap.audit().problems == [])
    }

    @Test func appendingAnArrayToItself() throws {
        try withArray(of: Int.self) { array in
            array.append(contentsOf: [1, 2, 3])
            array.append(contentsOf: array)
            array.append(contentsOf: array[4...])
            #expect(array == [1, 2, 3, 1, 2, 3, 2, 3])
            array.insert(contentsOf: array, at: 2)
            #expect(array == [1, 2, 1, 2, 3, 1, 2, 3, 2, 3, 3, 1, 2, 3, 2, 3])
        }
        try withArray(of: String.self) { array in
            array.append(contentsOf: ["a", "a text of more than fifteen bytes"])
            for _ in 0 ..< 6 { array.append(contentsOf: array) }
            #expect(array.count == 128 && array[127] == array[1] && array[126] == "a")
            array.replaceSubrange(0 ..< 126, with: array[126...].reversed())
            #expect(
                Array(array[..<2]) == ["a text of more than fifteen bytes", "a"] && array.count == 4
            )
        }
    }

    @Test func everySourceOfPlainValues() throws {
        try withArray(of: UInt8.self) { array in
            array.append(contentsOf: [1, 2])
            array.append(contentsOf: Data([3, 4]))
            array.append(contentsOf: [0, 5, 6, 0][1 ..< 3])
            array.append(contentsOf: [7, 8].span)
            array.append(contentsOf: (9 as UInt8) ... 10)
            array.append(contentsOf: [11, 12].lazy.map { $0 })
            array.append(contentsOf: Data(repeating: 0, count: 9)[4 ..< 4])
            let taken = array.append(upTo: 10) { place in
                place.append(13)
                place.append(14)
                return place.freeCapacity
            }
            #expect(array == Array(1 ... 14) && taken == 8)
            #expect(throws: Refused.self) {
                try array.append(upTo: 4) { place throws(Refused) in
                    place.append(15)
                    throw Refused()
                }
            }
            #expect(array.last == 15 && array.count == 15)
        }
    }

    @Test func spansOfARange() throws {
        try withArray(of: Int.self) { array in
            array.append(contentsOf: 0 ..< 100)
            array.withMutableSpan(10 ..< 20) { span in
                for index in span.indices { span[index] = -span[index] }
            }
            #expect(
                array.map(abs) == Array(0 ..< 100) && array[10] == -10 && array[19] == -19
                    && array[20] == 20)
            #expect(array.withMutableSpan(100 ..< 100) { span in span.count } == 0)
        }
    }

    @Test func settingSlices() throws {
        try withArray(of: String.self) { array in
            array.append(contentsOf: (0 ..< 6).map { "element of more than fifteen bytes \($0)" })
            let last = { (element: String) in String(element.last!) }
            array[0 ..< 2] = array[4 ..< 6]
            #expect(array.map(last) == ["4", "5", "2", "3", "4", "5"])
            array[1 ..< 4] = array[2 ..< 5]
            #expect(array.map(last) == ["4", "2", "3", "4", "4", "5"])
            let slice = array[3...]
            array[3] = "new"
            #expect(slice.first == "new", "a slice shows the array as it is")
        }
    }

    @Test func sortingAndSearching() throws {
        try withArray(of: String.self) { array in
            let words = (0 ..< 200).map {
                "a word of more than fifteen bytes, number \($0 * 7919 % 200)"
            }
            array.append(contentsOf: words)
            array.sort()
            #expect(array == words.sorted())
            let present = array.sortedIndex(of: words[3])
            #expect(present.found && array[present.index] == words[3])
            let absent = array.sortedIndex(of: "b")
            #expect(!absent.found && absent.index == 200)
            #expect(array.sortedIndex(of: "").index == 0)
            array.sort(by: >)
            #expect(array == words.sorted(by: >))
            #expect(array.sortedIndex(of: words[3], by: >).found)
            array.reverse()
            #expect(array == words.sorted())
            let pivot = array.partition { $0.hasSuffix("7") }
            #expect(
                pivot == 180 && array[pivot...].allSatisfy { $0.hasSuffix("7") }
                    && array.partitioningIndex { $0.hasSuffix("7") } == pivot)
            #expect(
                Array(array[..<pivot]) == words.sorted().filter { !$0.hasSuffix("7") },
                "both parts keep their order")
        }
    }

    /// Elements that own collections move without being copied: handles stay valid.
    @Test func sortingCollections() throws {
        try withArray(of: PersistentArray<Int>.self) { table in
            for row in [3, 1, 2] {
                let array = table.appendNew()
                array.append(contentsOf: Array(repeating: row, count: row))
            }
            let three = table[0]
            table.sort { $0.count < $1.count }
            #expect(table.map { Array($0) } == [[1], [2, 2], [3, 3, 3]])
            three.append(4)
            #expect(table[2] == [3, 3, 3, 4])
            table.removeAll { $0.count == 2 }
            #expect(table.map(\.count) == [1, 4] && table.description == "[[1], [3, 3, 3, 4]]")
        }
    }

    @Test func closuresThatThrowChangeNothing() throws {
        try withArray(of: String.self) { array in
            let words = ["c", "b", "a", "d"]
            array.append(contentsOf: words)
            #expect(throws: Refused.self) { try array.sort { _, _ in throw Refused() } }
            #expect(throws: Refused.self) {
                try array.removeAll { if $0 == "a" { throw Refused() } else { true } }
            }
            #expect(throws: Refused.self) {
                try array.partition { if $0 == "a" { throw Refused() } else { true } }
            }
            #expect(array == words)
        }
    }

    /// An iteration shows the elements as of its beginning.
    @Test func appendingWhileIterating() throws {
        try withArray(of: Int.self) { array in
            array.append(contentsOf: [1, 2, 3])
            for element in array { for _ in 0 ..< 100 { array.append(element) } }
            #expect(array.count == 303 && array.last == 3)
            for (index, element) in array.enumerated() { array[index] = element * 2 }
            #expect(array.first == 2 && array.last == 6)
        }
    }

    @Test func equalityAndHashing() throws {
        try withArray(of: PersistentArray<String>.self) { table in
            table.appendNew().append(contentsOf: ["a", "b"])
            table.appendNew().append(contentsOf: ["a", "b"])
            table.appendNew().append("c")
            #expect(table[0] == table[1] && table[0] != table[2] && table[0] != ["a"])
            #expect(table[0].hashValue == table[1].hashValue)
            #expect(
                !table[0].isTriviallyIdentical(to: table[1])
                    && table[0].isTriviallyIdentical(to: table[0]))
            #expect(Set(table).count == 2)
            #expect(
                PersistentArray<Int>() == PersistentArray<Int>()
                    && "\(PersistentArray<Int>())" == "[]")
            #expect(table.debugDescription == #"[["a", "b"], ["a", "b"], ["c"]]"#)
        }
    }

    @Test func removingFromBothEnds() throws {
        try withArray(of: String.self) { array in
            array.append(contentsOf: (0 ..< 10).map { "element of more than fifteen bytes \($0)" })
            #expect(array.removeFirst().hasSuffix("0"))
            array.removeFirst(2)
            array.removeLast(3)
            array.removeSubrange(2...)
            #expect(array.map { String($0.last!) } == ["3", "4"])
            #expect(
                array.popFirst() != nil && array.popFirst() != nil && array.popFirst() == nil
                    && array.popLast() == nil)
        }
    }

    // MARK: Mistakes

    private func said(_ sentence: String, _ result: ExitTest.Result?) -> Bool {
        guard let result else { return false }
        return String(decoding: result.standardErrorContent, as: UTF8.self).contains(sentence)
    }

    private static func array(_ body: (PersistentArray<Int>) throws -> Void) throws {
        try PersistentHeap.inMemory().write { tx in
            let array = try tx.array("array", of: Int.self)
            array.append(contentsOf: [1, 2, 3])
            try body(array)
        }
    }

    @Test func indicesOutOfRange() async {
        var result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent])
        {
            try Self.array { _ = $0[3] }
        }
        #expect(said("index 3 is out of range; the array has 3 elements", result))
        result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            try Self.array { $0[-1] = 1 }
        }
        #expect(said("index -1 is out of range", result))
        result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            try Self.array { $0.insert(1, at: 4) }
        }
        #expect(said("index 4 is out of range", result))
        result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            try Self.array { $0.removeSubrange(2 ..< 4) }
        }
        #expect(said("the range 2..<4 is out of bounds; there are 3 elements", result))
        result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            try Self.array { _ = $0[1 ..< 4] }
        }
        #expect(said("the range 1..<4 is out of bounds", result))
        result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            try Self.array { $0.removeFirst(4) }
        }
        #expect(said("cannot remove 4 elements: there are 3", result))
        result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            try Self.array { $0.swapAt(0, 3) }
        }
        #expect(said("index 3 is out of range", result))
    }

    /// A capacity beyond any heap is an error of the transaction.
    @Test func enormousCapacities() throws {
        #expect(throws: HeapError.self) { try Self.array { $0.reserveCapacity(.max) } }
        #expect(throws: HeapError.self) {
            try Self.array { $0.append(contentsOf: repeatElement(0, count: .max)) }
        }
        #expect(throws: HeapError.self) { try Self.array { $0.reserveCapacity(1 << 42) } }
    }

    @Test func shorteningWhileIterating() async {
        var result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent])
        {
            try Self.array { array in for _ in array { array.removeLast() } }
        }
        #expect(said("were inserted or removed during iteration", result))
        result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            try Self.array { array in
                array.sort {
                    array.append(4)
                    return $0 > $1
                }
            }
        }
        #expect(said("was changed inside a closure", result))
        result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
            try PersistentHeap.inMemory().write { tx in
                let table = try tx.array("table", of: PersistentArray<Int>.self)
                table.appendNew().append(contentsOf: [1, 2, 3])
                for _ in table[0] { table.removeAll() }
            }
        }
        #expect(said("no longer leads to its array", result))
    }
}
