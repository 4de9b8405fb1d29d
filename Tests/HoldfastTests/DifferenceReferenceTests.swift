import Foundation
import Testing
import TestSupport

@testable import Holdfast
@testable import HoldfastInspection

/// Differences of heaps with references: which records are the same in both.
@Suite(.progress, .timeLimit(.minutes(10))) struct DifferenceReferenceTests {
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
            try DifferenceLines.between(
                { try fill($0, [1, 2, 3], 2) }, { try fill($0, [3, 1, 2], 2) }) == [])
        let lines = try DifferenceLines.between(
            { try fill($0, [1, 2, 3], 2) }, { try fill($0, [3, 1, 2], 3) })
        #expect(lines == ["~ people[1].friend {\"ref\":1} -> {\"ref\":2}"])
    }

    /// Lists of references are aligned by what these lead to.
    @Test func listsOfReferences() throws {
        func fill(_ tx: borrowing WriteTransaction, _ order: [Int], _ best: [Int]) throws {
            let people = try tx.map("people", Int.self, Person.self)
            for number in order { people[number] = Person(name: "p\(number)") }
            let list = try tx.array("best", of: HeapRef<Person>?.self)
            for number in best { list.append(people[ref: number]?.ref) }
        }
        let lines = try DifferenceLines.between(
            { try fill($0, [1, 2, 3, 4], [3, 1, 2, 4]) },
            { try fill($0, [4, 3, 2, 1], [3, 2, 4, 1, 9]) })
        #expect(
            lines == [
                "- best[1] {\"ref\":1}", "+ best[3] {\"ref\":1}", "+ best[4] null",
            ])
        func nodes(_ tx: borrowing WriteTransaction, _ values: [Int]) throws {
            let list = try tx.array("nodes", of: HeapRef<Node>.self)
            for value in values { list.append(try tx.new(Node(value: value))) }
        }
        let added = try DifferenceLines.between(
            { try nodes($0, [1, 2]) }, { try nodes($0, [1, 2, 3]) })
        #expect(added == ["+ nodes[2] {\"ref\":1}", "+ nodes#1 {\"next\":null,\"value\":3}"])
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
        let renamed = try DifferenceLines.between(
            { try fill($0, "Ada", shares: true) }, { try fill($0, "ADA", shares: true) })
        #expect(renamed == ["~ articles[0].author.name \"Ada\" -> \"ADA\""])
        let split = try DifferenceLines.between(
            { try fill($0, "Ada", shares: true) }, { try fill($0, "Ada", shares: false) })
        #expect(
            split == [
                "~ articles[1].author {\"ref\":1} -> {\"ref\":2}",
                "+ articles#2 {\"friend\":null,\"name\":\"Bob\"}",
            ])
        let joined = try DifferenceLines.between(
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
        #expect(try DifferenceLines.between({ try ring($0, 5) }, { try ring($0, 5) }) == [])
        #expect(
            try DifferenceLines.between({ try ring($0, 5) }, { try ring($0, 5, changed: 2) })
                == ["~ ring.next.next.value 0 -> -1"])
        // Two circles of the same nodes, of different lengths: followed once, not until they meet.
        let longer = try DifferenceLines.between({ try ring($0, 997) }, { try ring($0, 1009) })
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
}
