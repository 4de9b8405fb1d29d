import Foundation
import Testing
import TestSupport

@testable import Holdfast
@testable import HoldfastInspection

/// Differences of values that are nested deeply, on a small stack, and of damaged heaps.
@Suite(.progress, .timeLimit(.minutes(10))) struct DifferenceDepthTests {
    struct Tree: HeapRecord {
        var number: Int
        var branches = PersistentArray<Tree>()
    }

    /// A tree of that depth, whose lowest node has a number of its own.
    private func heap(depth: Int, last: Int) throws -> PersistentHeap {
        let heap = try PersistentHeap.inMemory()
        try heap.write { tx in
            var array = try tx.array("tree", of: Tree.self)
            for number in 0 ..< depth {
                array.append(Tree(number: number == depth - 1 ? last : number))
                array = array[ref: 0].branches
            }
        }
        return heap
    }

    private static let depth = TestExtent.choose(quick: 20_000, full: 100_000, long: 100_000)

    @Test func deepValues() throws {
        let (old, new) = (
            try heap(depth: Self.depth, last: 1), try heap(depth: Self.depth, last: 2)
        )
        try onStack {
            var changes: [HeapChange] = []
            try new.differences(from: old) { changes.append($0) }
            let lines = changes.map {
                "\($0.kind) \($0.path.count) \($0.old ?? "") \($0.new ?? "")"
            }
            #expect(lines == ["changed \(2 * Self.depth) 1 2"])
            #expect(try DifferenceLines.lines(old, old) == [])
        }
    }

    /// A value that is too deep for one line is given in its parts.
    @Test(arguments: [150, 3000]) func deepValuesComeAndGo(depth: Int) throws {
        let (full, empty) = (try heap(depth: depth, last: 1), try PersistentHeap.inMemory())
        try empty.write { tx in _ = try tx.array("tree", of: Tree.self) }
        let isWhole = depth < 200
        for isAdded in [true, false] {
            try onStack {
                var changes: [HeapChange] = []
                let (old, new) = isAdded ? (empty, full) : (full, empty)
                try new.differences(from: old) { changes.append($0) }
                let kinds = Set(changes.map(\.kind))
                #expect(kinds == [isAdded ? .added : .removed])
                let values = changes.compactMap { isAdded ? $0.new : $0.old }
                if isWhole {
                    #expect(changes.count == 1 && values.count == 1)
                } else {
                    // The node, its number and its branches, and those of the lowest are empty.
                    #expect(changes.count == 3 * depth && values.count == depth + 1)
                    #expect(values.last == "[]" && values[7] == "7")
                }
            }
        }
    }

    /// Payloads in payloads, without a collection in between.
    @Test func deepPayloads() throws {
        let levels = Self.depth / 10
        func heap(_ last: Int) throws -> PersistentHeap {
            let heap = try PersistentHeap.inMemory()
            // Swift itself recurses once per level when it releases such a value.
            try onStack(of: 256 << 20) {
                var chain = DepthTests.Chain.link(DepthTests.Step(number: last, next: .end))
                for number in 0 ..< levels {
                    chain = .link(DepthTests.Step(number: number, next: chain))
                }
                try heap.write { tx in
                    try tx.array("chains", of: DepthTests.Chain.self).append(chain)
                }
            }
            return heap
        }
        let (old, new) = (try heap(1), try heap(2))
        try onStack {
            var changes: [HeapChange] = []
            try new.differences(from: old) { changes.append($0) }
            let lines = changes.map {
                "\($0.kind) \($0.path.count) \($0.old ?? "") \($0.new ?? "")"
            }
            #expect(lines == ["changed \(2 * levels + 3) 1 2"])
        }
    }

    // MARK: Damage

    /// Words of a heap are overwritten at random. Checksums cannot tell, since a transaction does
    /// it. Either nothing important was hit, or there is an error; never a trap or a hang.
    @Test(arguments: 0 ..< UInt64(TestExtent.choose(quick: 150, full: 3000, long: 30_000)))
    func damageIsAnError(seed: UInt64) throws {
        var random = SplitMix(state: seed)
        let heaps = try (0 ..< 2).map { number in
            let heap = try PersistentHeap.inMemory()
            try heap.write { tx in try Self.fill(tx, number) }
            return heap
        }
        let count = try heaps[1].statistics().fileBytes / 8
        try heaps[1].write { tx in
            for _ in 0 ..< 1 + random.next() % 4 {
                let place = (2048 + random.next() % UInt64(count - 2048)) * 8
                guard tx.access.load(place, as: UInt64.self) != 0 else { continue }
                let words: [UInt64] = [0, 1, .max, random.next(), place, place &- 64]
                tx.access.store(words[Int(random.next() % 6)], at: place)
            }
        }
        let sound = try DifferenceLines.lines(heaps[0], heaps[0])
        #expect(sound == [])
        for (old, new) in [(heaps[0], heaps[1]), (heaps[1], heaps[0])] {
            do { try new.differences(from: old) { _ in } } catch let error as HeapError {
                switch error {
                case .damaged, .unknownType: break
                default: Issue.record("\(error)")
                }
            }
        }
    }

    private static func fill(_ tx: borrowing WriteTransaction, _ number: Int) throws {
        let trees = try tx.map("trees", String.self, Tree.self)
        for name in 0 ..< 30 {
            let key = "tree number \(name), with a name in a block"
            trees[key] = Tree(number: name)
            trees[ref: key]!.branches.append(Tree(number: number))
        }
        let sorted = try tx.sortedMap("sorted", Int.self, PersistentDeque<String>.self)
        for key in 0 ..< 100 { sorted[creating: key].append("text \(key + number)") }
        var nodes = [try tx.new(DifferenceReferenceTests.Node(value: number))]
        for value in 0 ..< 20 {
            nodes.append(
                try tx.new(DifferenceReferenceTests.Node(value: value, next: nodes[value])))
        }
        nodes[0].next = nodes[7]
        _ = try tx.value("node", initial: nodes[20])
        try tx.bitSet("bits").insert(number + 700)
        try tx.array("moves", of: DifferenceModelTests.Move.self).append(
            DifferenceModelTests.Move(item: 1, delta: Double(number), note: nil))
    }

    /// A changed value that contradicts nothing is found by its page's checksum.
    @Test func damagedPagesAreAnError() throws {
        let folder = try TemporaryFolder(heap: "a.heap")
        let heap = try PersistentHeap.open(folder.file())
        try heap.write { tx in
            let texts = try tx.array("texts", of: String.self)
            for number in 0 ..< 1000 { texts.append("the balance of account \(number)") }
        }
        try heap.close()
        try folder.write(try folder.bytes(), to: "b.heap")
        var bytes = try folder.bytes()
        let place = try #require(bytes.firstRange(of: Data("account 757".utf8)))
        bytes[place.lowerBound] = UInt8(ascii: "A")
        try folder.write(bytes)
        let damaged = try PersistentHeap.open(folder.file(), mode: .readOnly)
        let sound = try PersistentHeap.open(folder.file("b.heap"), mode: .readOnly)
        for (old, new) in [(damaged, sound), (sound, damaged)] {
            var found = 0
            #expect {
                try new.differences(from: old) { _ in found += 1 }
            } throws: { error in
                if case HeapError.damagedPages(_, let pages) = error {
                    pages.count == 1
                } else {
                    false
                }
            }
            #expect(found == 0)
        }
        try damaged.close()
        try sound.close()
    }
}
