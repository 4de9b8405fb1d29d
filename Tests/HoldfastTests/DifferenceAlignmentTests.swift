import Foundation
import Testing
import TestSupport

@testable import Holdfast
@testable import HoldfastInspection

/// Differences of arrays, whose elements are found again at other indices.
@Suite(.progress, .timeLimit(.minutes(10))) struct DifferenceAlignmentTests {
    private typealias Tree = DifferenceDepthTests.Tree

    private func lists(_ old: [Int], _ new: [Int]) throws -> [String] {
        try DifferenceLines.between(
            { try $0.array("a", of: Int.self).append(contentsOf: old) },
            { try $0.array("a", of: Int.self).append(contentsOf: new) })
    }

    @Test func alignments() throws {
        let numbers = Array(0 ..< 20_000)
        #expect(try lists(numbers, numbers) == [])
        #expect(try lists(numbers, [-1] + numbers) == ["+ a[0] -1"])
        #expect(try lists(numbers, numbers + [-1]) == ["+ a[20000] -1"])
        #expect(try lists([-1] + numbers, numbers) == ["- a[0] -1"])
        var some = numbers
        some.removeSubrange(17_000 ..< 17_003)
        some[9_000] = -9
        some.insert(contentsOf: [-1, -2], at: 700)
        #expect(
            try lists(numbers, some) == [
                "+ a[700] -1", "+ a[701] -2", "~ a[9002] 9000 -> -9", "- a[17004] 17002",
                "- a[17003] 17001", "- a[17002] 17000",
            ])
        // More than is searched, in one place.
        var cut = numbers
        cut.removeSubrange(100 ..< 15_100)
        let lines = try lists(numbers, cut)
        #expect(lines.count == 15_000 && lines.first == "- a[15099] 15099")
    }

    /// Neither equal elements nor quite different ones take the square of their number.
    @Test func alignmentsAreBounded() throws {
        let count = TestExtent.choose(quick: 20_000, full: 400_000, long: 2_000_000)
        let zeros = Array(repeating: 0, count: count)
        #expect(try lists(zeros, Array(repeating: 1, count: count)).count == count)
        #expect(try lists(zeros, zeros + [0, 0]).count == 2)
        let mixed = (0 ..< count).map { $0 % 7 }
        let other = (0 ..< count).map { $0 % 11 }
        let lines = try lists(mixed, other)
        #expect(lines.count > count / 4 && lines.count < 2 * count)
    }

    /// Rows without a field of their own are found by what is in them.
    @Test func elementsThatAreLists() throws {
        func fill(_ tx: borrowing WriteTransaction, _ rows: [Int]) throws {
            let lists = try tx.array("lists", of: PersistentArray<Int>.self)
            let maps = try tx.array("maps", of: PersistentMap<Int, String>.self)
            for row in rows {
                lists.appendNew().append(contentsOf: [row, 7])
                let map = maps.appendNew()
                for key in 0 ..< 5 { map[key] = "text \(row)" }
            }
        }
        let lines = try DifferenceLines.between(
            { try fill($0, [1, 2, 3, 4]) }, { try fill($0, [9, 1, 2, 3]) })
        #expect(lines.count == 4 && lines.prefix(2) == ["+ lists[0] [9,7]", "- lists[4] [4,7]"])
        #expect(
            lines.count == 4 && lines[2].hasPrefix("+ maps[0] [[")
                && lines[3].hasPrefix("- maps[4]"))
    }

    /// Rows are found again although something deep in them has changed.
    @Test func elementsWithParts() throws {
        func fill(_ tx: borrowing WriteTransaction, _ names: [String], _ number: Int) throws {
            let trees = try tx.array("trees", of: Tree.self)
            for name in names {
                trees.append(Tree(number: name.count))
                for count in 0 ..< 200 {
                    trees[ref: trees.count - 1].branches.append(Tree(number: count))
                }
                trees[ref: trees.count - 1].branches[ref: 150].number = number
            }
        }
        let lines = try DifferenceLines.between(
            { try fill($0, ["a", "bb", "ccc"], 1) }, { try fill($0, ["bb", "ccc"], 2) })
        #expect(
            lines.count == 3 && lines[0].hasPrefix("- trees[0] {")
                && lines.dropFirst() == [
                    "~ trees[0].branches[150].number 1 -> 2",
                    "~ trees[1].branches[150].number 1 -> 2",
                ])
    }
}
