import Foundation
import Testing
import TestSupport

@testable import Holdfast
@testable import HoldfastInspection

/// What the differences of two heaps say, case by case.
@Suite(.progress, .timeLimit(.minutes(10))) struct DifferenceTests {
    struct Node: HeapRecord {
        var value: Int
        var next: HeapRef<Node>?
    }

    struct Article: HeapRecord {
        var title: String
        var author: SharedRef<Person>
    }

    struct Person: HeapRecord {
        var name: String
        var friend: HeapRef<Person>?
    }

    struct Tree: HeapRecord {
        var number: Int
        var branches = PersistentArray<Tree>()
    }

    /// The differences between two new heaps, one line each.
    private func differences(
        roots: [String]? = nil, _ old: (borrowing WriteTransaction) throws -> Void,
        _ new: (borrowing WriteTransaction) throws -> Void
    ) throws -> [String] {
        let (left, right) = (try PersistentHeap.inMemory(), try PersistentHeap.inMemory())
        try left.write { tx in try old(tx) }
        try right.write { tx in try new(tx) }
        return try Self.lines(left, right, roots: roots)
    }

    static func lines(
        _ old: PersistentHeap, _ new: PersistentHeap, roots: [String]? = nil
    ) throws -> [String] {
        var lines: [String] = []
        try new.differences(from: old, roots: roots) { lines.append(line($0)) }
        return lines
    }

    static func line(_ change: HeapChange) -> String {
        let path = change.path.map { part in
            switch part {
            case .key(let key): "[\(key)]"
            case .index(let index): "[\(index)]"
            case .field(let name): ".\(name)"
            case .payload(let name, let number): ".\(name)[\(number)]"
            case .record(let number): "#\(number)"
            }
        }
        let mark = [.added: "+", .removed: "-", .changed: "~"][change.kind]!
        let values = [change.old, change.new].compactMap { $0 }.joined(separator: " -> ")
        return "\(mark) \(change.root)\(path.joined())\(values.isEmpty ? "" : " " + values)"
    }

    // MARK: Roots

    @Test func rootsComeAndGo() throws {
        let lines = try differences(
            { tx in
                try tx.array("both", of: Int.self).append(1)
                try tx.array("gone", of: Int.self).append(contentsOf: [7, 8])
                _ = try tx.value("number", initial: 1)
                try tx.string("text").append("old")
            },
            { tx in
                try tx.array("both", of: Int.self).append(1)
                _ = try tx.map("new", Int.self, Int.self)
                try tx.map("newer", Int.self, String.self)[3] = "three"
                _ = try tx.value("number", initial: 2)
                try tx.string("text").append("new")
            })
        #expect(
            lines == [
                "- gone", "- gone[1] 8", "- gone[0] 7", "+ new []", "+ newer",
                "+ newer[3] \"three\"", "~ number 1 -> 2", "~ text \"old\" -> \"new\"",
            ])
    }

    @Test func onlyChosenRoots() throws {
        func fill(_ tx: borrowing WriteTransaction, _ number: Int) throws {
            for name in ["a", "b", "c"] { _ = try tx.value(name, initial: number) }
        }
        let lines = try differences(roots: ["c", "a"], { try fill($0, 1) }, { try fill($0, 2) })
        #expect(lines == ["~ a 1 -> 2", "~ c 1 -> 2"])
        let heap = try PersistentHeap.inMemory()
        try heap.write { tx in _ = try tx.value("a", initial: 1) }
        let empty = try PersistentHeap.inMemory()
        #expect(try Self.lines(empty, heap, roots: ["a"]) == ["+ a 1"])
        #expect(try Self.lines(heap, empty, roots: ["a"]) == ["- a 1"])
        #expect(throws: HeapError.rootNotFound(path: empty.path, name: "x")) {
            try empty.differences(from: heap, roots: ["a", "x"]) { _ in }
        }
    }

    private struct Before: HeapRecord {
        static let storedName = "Item"
        var name: String
        var size: Int16
        var colour: String
    }

    private struct After: HeapRecord {
        static let storedName = "Item"
        var name: String
        var price: Double
        var size: Int64
    }

    /// What has the same name is compared, whatever its type is now.
    @Test func rootsOfAnotherType() throws {
        let old = try PersistentHeap.inMemory()
        try old.write { tx in
            let items = try tx.map("items", Int.self, Before.self)
            items[1] = Before(name: "one", size: 4, colour: "red")
            items[2] = Before(name: "two", size: 5, colour: "red")
            try tx.map("other", Int.self, Int.self)[1] = 1
        }
        let new = try PersistentHeap.inMemory()
        try new.write { tx in
            let items = try tx.map("items", Int.self, After.self)
            items[1] = After(name: "one", price: 9, size: 4)
            items[2] = After(name: "2", price: 9, size: 6)
            try tx.map("other", String.self, Int.self)["1"] = 1
        }
        var changes: [HeapChange] = []
        try new.differences(from: old) { changes.append($0) }
        let first = try #require(changes.first)
        #expect(first.path == [] && first.kind == .changed && first.new == nil)
        #expect(first.oldType?.text.contains("colour") == true)
        #expect(first.newType?.text.contains("price") == true)
        let lines = changes.filter { $0.root == "items" && !$0.path.isEmpty }.map(Self.line)
        #expect(
            lines.sorted() == [
                "+ items[1].price 9", "+ items[2].price 9", "- items[1].colour \"red\"",
                "- items[2].colour \"red\"", "~ items[2].name \"two\" -> \"2\"",
                "~ items[2].size 5 -> 6",
            ])
        let others = changes.filter { $0.root == "other" }.map(Self.line)
        #expect(others == ["~ other", "- other[1] 1", "+ other[\"1\"] 1"])
    }

    // MARK: References

    /// A reference to what a map owns leads to the same key, at whatever place.
    @Test func referencesToOwnedRecords() throws {
        func fill(_ tx: borrowing WriteTransaction, _ order: [Int], _ friend: Int) throws {
            let people = try tx.map("people", Int.self, Person.self)
            for number in order { people[number] = Person(name: "p\(number)") }
            people[ref: 1]!.friend = people[ref: friend]!.ref
            let best = try tx.array("best", of: HeapRef<Person>.self)
            for number in [3, 1] { best.append(people[ref: number]!.ref) }
        }
        // Roots are compared in the order of their names: the references come first.
        #expect(
            try differences({ try fill($0, [1, 2, 3], 2) }, { try fill($0, [3, 1, 2], 2) }) == [])
        let lines = try differences(
            { try fill($0, [1, 2, 3], 2) }, { try fill($0, [3, 1, 2], 3) })
        #expect(lines == ["~ people[1].friend {\"ref\":1} -> {\"ref\":2}"])
    }

    /// What only references lead to is compared where the first of them leads to it.
    @Test func sharedRecords() throws {
        func fill(_ tx: borrowing WriteTransaction, _ name: String, shares: Bool) throws {
            let articles = try tx.array("articles", of: Article.self)
            let ada = try tx.share(Person(name: name))
            articles.append(Article(title: "one", author: ada))
            let other = shares ? ada : try tx.share(Person(name: "Bob"))
            articles.append(Article(title: "two", author: other))
        }
        let renamed = try differences(
            { try fill($0, "Ada", shares: true) }, { try fill($0, "ADA", shares: true) })
        #expect(renamed == ["~ articles[0].author.name \"Ada\" -> \"ADA\""])
        let split = try differences(
            { try fill($0, "Ada", shares: true) }, { try fill($0, "Ada", shares: false) })
        #expect(
            split == [
                "~ articles[1].author {\"ref\":1} -> {\"ref\":2}",
                "+ articles#2 {\"friend\":null,\"name\":\"Bob\"}",
            ])
        let joined = try differences(
            { try fill($0, "Ada", shares: false) }, { try fill($0, "Ada", shares: true) })
        #expect(joined.count == 2 && joined[1].hasPrefix("- articles#"))
    }

    private func ring(_ tx: borrowing WriteTransaction, _ count: Int, changed: Int? = nil) throws {
        let nodes = try (0 ..< count).map { number in
            try tx.new(Node(value: number == changed ? -1 : 0))
        }
        for number in 0 ..< count { nodes[number].next = nodes[(number + 1) % count] }
        _ = try tx.value("ring", initial: nodes[0])
    }

    @Test func circles() throws {
        #expect(try differences({ try ring($0, 5) }, { try ring($0, 5) }) == [])
        #expect(
            try differences({ try ring($0, 5) }, { try ring($0, 5, changed: 2) })
                == ["~ ring.next.next.value 0 -> -1"])
        // Two circles of the same nodes, of different lengths: followed once, not until they meet.
        let longer = try differences({ try ring($0, 997) }, { try ring($0, 1009) })
        #expect(longer.count == 13, "\(longer.prefix(3))")
        let added = longer.filter { $0.hasPrefix("+ ring#") }
        #expect(added.count == 12)
    }

    /// A path does not grow with a chain of references.
    @Test func longChains() throws {
        let count = 20_000
        func chain(_ tx: borrowing WriteTransaction, _ first: Int) throws {
            var node = try tx.new(Node(value: first))
            _ = try tx.value("chain", initial: node)
            for number in 1 ..< count {
                let next = try tx.new(Node(value: first + number))
                node.next = next
                node = next
            }
        }
        let (old, new) = (try PersistentHeap.inMemory(), try PersistentHeap.inMemory())
        try old.write { tx in try chain(tx, 0) }
        try new.write { tx in try chain(tx, 1) }
        try onStack {
            var found = 0
            var longest = 0
            var records: Set<HeapChange.Part> = []
            try new.differences(from: old) { change in
                found += 1
                longest = max(longest, change.path.count)
                if case .record? = change.path.first { records.insert(change.path[0]) }
            }
            #expect(found == count && longest < 40)
            #expect(records.count > count / 40)
        }
    }

    // MARK: Lists

    private func lists(_ old: [Int], _ new: [Int]) throws -> [String] {
        try differences(
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
        let count = TestExtent.choose(quick: 60_000, full: 400_000, long: 2_000_000)
        let zeros = Array(repeating: 0, count: count)
        #expect(try lists(zeros, Array(repeating: 1, count: count)).count == count)
        #expect(try lists(zeros, zeros + [0, 0]).count == 2)
        let mixed = (0 ..< count).map { $0 % 7 }
        let other = (0 ..< count).map { $0 % 11 }
        let lines = try lists(mixed, other)
        #expect(lines.count > count / 4 && lines.count < 2 * count)
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
        let lines = try differences(
            { try fill($0, ["a", "bb", "ccc"], 1) }, { try fill($0, ["bb", "ccc"], 2) })
        #expect(
            lines.count == 3 && lines[0].hasPrefix("- trees[0] {")
                && lines.dropFirst() == [
                    "~ trees[0].branches[150].number 1 -> 2",
                    "~ trees[1].branches[150].number 1 -> 2",
                ])
    }

    // MARK: Values

    @Test func values() throws {
        func numbers(_ tx: borrowing WriteTransaction, _ values: [Double]) throws {
            try tx.array("d", of: Double.self).append(contentsOf: values)
        }
        #expect(
            try differences(
                { try numbers($0, [.nan, 0, 1]) }, { try numbers($0, [.nan, -0.0, 1]) })
                == ["~ d[1] 0 -> -0"])
        func text(_ tx: borrowing WriteTransaction, _ text: String) throws {
            try tx.array("t", of: String.self).append(text)
            try tx.map("m", String.self, Int.self)[text] = 1
        }
        // The two spellings of a letter are one key, and two values.
        let lines = try differences({ try text($0, "e\u{301}") }, { try text($0, "\u{E9}") })
        #expect(lines.count == 1 && lines[0].hasPrefix("~ t[0]"))
        func data(_ tx: borrowing WriteTransaction, _ byte: UInt8) throws {
            try tx.bytes("bytes").append(contentsOf: Data(repeating: byte, count: 3))
            _ = try tx.value("id", initial: Encoded(["a": Int(byte)]))
        }
        #expect(
            try differences({ try data($0, 1) }, { try data($0, 0) }) == [
                "~ bytes \"AQEB\" -> \"AAAA\"", "~ id {\"a\":1} -> {\"a\":0}",
            ])
    }

    /// The error of the consumer ends the comparison.
    @Test func theConsumerCanStop() throws {
        struct Stop: Error {}
        let (old, new) = (try PersistentHeap.inMemory(), try PersistentHeap.inMemory())
        try new.write { tx in try tx.array("a", of: Int.self).append(contentsOf: 0 ..< 100) }
        var found = 0
        #expect(throws: Stop.self) {
            try new.differences(from: old) { _ in
                found += 1
                if found == 5 { throw Stop() }
            }
        }
        #expect(found == 5)
        #expect(try Self.lines(new, new) == [])
    }

    /// The fingerprint of the hidden roots, such as versions, is no difference.
    @Test func holdfastsOwnRootsAreLeftOut() throws {
        let folder = try TemporaryFolder()
        let heap = try PersistentHeap.open(folder.file())
        try heap.write { tx in try tx.array("a", of: Int.self).append(1) }
        try heap.copy(to: folder.file("copy"))
        try heap.write { tx in try tx.array("a", of: Int.self).append(2) }
        let copy = try PersistentHeap.open(folder.file("copy"), mode: .readOnly)
        #expect(try Self.lines(copy, heap) == ["+ a[1] 2"])
        try copy.close()
        try heap.close()
    }
}
