import HoldfastEngine
import Testing
import TestSupport

@testable import Holdfast
@testable import HoldfastInspection

private struct Node: HeapRecord {
    var name: String
    var next: HeapRef<Node>?
    var friend: SharedRef<Node>?
    var tags = PersistentArray<String>()
}

private enum Event: HeapUnion {
    case none
    case note(String)
    static let cases = [
        UnionCase("none", { .none }, if: { if case .none = $0 { true } else { false } }),
        UnionCase("note", Event.note) { if case .note(let text) = $0 { text } else { nil } },
    ]
}

private struct Diary: HeapRecord {
    var events = PersistentDeque<Event>()
    var days = PersistentSortedMap<Int, String>()
    var seen = PersistentSet<String>()
    var first: HeapRef<Node>?
}

private let long = "a text that is longer than fifteen bytes"

/// Following records and references: unreachable blocks are found and freed, and contradictions are
/// reported with their place.
@Suite(.progress) struct UnreachableTests {
    private let folder = try! TemporaryFolder()

    private func node(_ name: String) -> Node {
        Node(name: "\(long) \(name)", next: nil, friend: nil)
    }

    @Test func whatNothingLeadsToIsCollected() throws {
        let heap = try PersistentHeap.open(folder.file())
        try heap.write { tx in _ = try tx.value("first", initial: HeapRef<Node>?.none) }
        try heap.checkpoint()
        let empty = try heap.audit()
        try heap.write { tx in
            let root = try tx.value("first", initial: HeapRef<Node>?.none)
            // Reachable: three nodes in a cycle, one of them with a friend.
            let nodes = try (0 ..< 3).map { try tx.new(node("\($0)")) }
            for index in 0 ..< 3 { nodes[index].next = nodes[(index + 1) % 3] }
            root.value = nodes[0]
            let friend = try tx.share(node("friend"))
            nodes[1].friend = friend
            nodes[1].tags.append(long)
            // Unreachable: a cycle of references, one of shared ones, a single record, and one that
            // refers to a reachable record.
            let lost = try (0 ..< 4).map { try tx.new(node("lost \($0)")) }
            lost[0].next = lost[1]
            lost[1].next = lost[0]
            lost[0].tags.append(contentsOf: [long, long])
            lost[3].next = nodes[0]
            lost[3].friend = friend
            let ring = try (0 ..< 2).map { try tx.share(node("ring \($0)")) }
            ring[0].friend = ring[1]
            ring[1].friend = ring[0]
            let found = try tx.unreachable()
            #expect(Set(found.map(\.place)) == Set(lost.map(\.place) + ring.map(\.place)))
            #expect(found.allSatisfy { $0.type == "Node" })
            let count = friend.referenceCount
            #expect(count == 2)
        }
        #expect(
            try heap.check().isSound == false,
            "a shared record is referred to from what nothing leads to")
        try heap.write { tx in
            let freed = try tx.collectGarbage()
            #expect(freed > 600)
            let again = try tx.collectGarbage()
            #expect(again == 0)
            let left = try tx.unreachable()
            #expect(left.isEmpty)
            let first = try #require(try tx.value("first", initial: HeapRef<Node>?.none).value)
            let friend = try #require(first.next?.friend)
            let count = friend.referenceCount
            #expect(count == 1 && friend.name == "\(long) friend")
            let tags = first.next.map { Array($0.tags) }
            #expect(tags == [long])
        }
        let check = try heap.check()
        #expect(check.isSound && check.unreachedBlocks == 0)
        try heap.write { tx in
            try tx.value("first", initial: HeapRef<Node>?.none).value = nil
            try tx.collectGarbage()
        }
        try heap.checkpoint()
        #expect(try heap.audit() == empty)
    }

    @Test func unknownRootsKeepTheirObjects() throws {
        let theirs = "Array<Unknown>"
        do {
            let heap = try PersistentHeap.open(folder.file())
            try heap.write { tx in
                let access = tx.access
                // As left by another program.
                let stored = PersistentArray<Int>.storeEmpty(in: access)
                RootCatalogue(access).add(
                    "theirs", describedAs: theirs,
                    fingerprint: TypeRegistry.fingerprint(of: theirs), at: stored.offset)
            }
            try heap.close()
        }
        let heap = try PersistentHeap.open(folder.file())
        #expect(throws: HeapError.self) { try heap.write { tx in _ = try tx.collectGarbage() } }
    }

    // MARK: Damage

    /// The report of `check` after a change that no program should be able to make.
    private func problems(
        after change: (borrowing WriteTransaction, PersistentValue<Diary>, HeapRef<Node>) throws ->
            Void
    ) throws
        -> [String]
    {
        let heap = try PersistentHeap.open(folder.file("damage.heap"))
        defer { try? heap.close() }
        try heap.write { tx in
            let diary = try tx.value("diary", initial: Diary())
            for number in 0 ..< 100 {
                diary.events.append(number % 3 == 0 ? .none : .note("\(long) \(number)"))
                diary.days[number] = "\(long) \(number)"
                diary.seen.insert("\(long) \(number)")
            }
            let node = try tx.new(node("first"))
            node.friend = try tx.share(self.node("friend"))
            diary.first = node
        }
        let sound = try heap.check()
        #expect(sound.problems == [] && sound.unreachedBlocks == 0 && sound.unknownRoots == [])
        try heap.write { tx in
            let diary = try tx.value("diary", initial: Diary())
            try change(tx, diary, diary.first!)
        }
        return try heap.check().problems
    }

    @Test func aDanglingReferenceIsReported() throws {
        let found = try problems { _, _, node in
            node.friend = nil
            node.free()
        }
        #expect(
            found.count == 1 && found[0].contains("root \"diary\"")
                && found[0].contains("where there is no Node"), "\(found)")
    }

    @Test func aRecordThatIsNoneIsReported() throws {
        let found = try problems { tx, diary, _ in tx.access.store(UInt32(7), at: diary.place) }
        #expect(found.count >= 1 && found[0].contains("does not have the header of"), "\(found)")
    }

    @Test func aWrongCountOfReferencesIsReported() throws {
        let found = try problems { tx, _, node in
            tx.access.store(UInt32(5), at: node.friend!.place + 4)
        }
        #expect(
            found.count == 1 && found[0].contains("has a reference count of 5, but there are 1"),
            "\(found)")
    }

    @Test func aTextThatIsGoneIsReported() throws {
        let found = try problems { tx, diary, node in
            let place = node.place + 8
            tx.access.load(place, as: StoredBytes.self).free(in: tx.access)
        }
        #expect(
            found.count == 1 && found[0].contains("name") && found[0].contains("a string of"),
            "\(found)")
    }

    @Test func aCaseThatIsNoneIsReported() throws {
        let found = try problems { tx, diary, _ in
            let deque = diary.events
            let header = tx.access.load(deque.offset, as: PersistentDeque<Event>.Header.self)
            tx.access.store(UInt32(99), at: header.buffer + 16 * 4)
        }
        #expect(
            found.count >= 1 && found[0].contains("events, [4]")
                && found[0].contains("Event has no case 99"), "\(found)")
    }

    @Test func aDequeThatContradictsItselfIsReported() throws {
        let found = try problems { tx, diary, _ in
            tx.access.store(UInt64(1) << 40, at: diary.events.offset + 16)
        }
        #expect(found.count >= 1 && found[0].contains("a deque has"), "\(found)")
    }

    /// Every line of every node of the tree, overwritten in turn: a report, or the right data, and
    /// never a trap.
    @Test func sortedMapsAreVerified() throws {
        var random = SplitMix(state: 5)
        let heap = try PersistentHeap.open(folder.file("sorted.heap"))
        try heap.write { tx in
            let map = try tx.sortedMap("map", Int.self, String.self)
            for number in 0 ..< 2000 { map[number] = "\(long) \(number)" }
        }
        let offset = try heap.read { tx in try tx.sortedMap("map", Int.self, String.self).offset }
        var reported = 0
        for _ in 0 ..< 1000 {
            struct Undo: Error {}
            do {
                try heap.write { tx in
                    var nodes = [offset]
                    // The header, the root, and one path down.
                    var node = tx.access.load(offset, as: SortedHeader.self).root
                    while node != 0 {
                        nodes.append(node)
                        let isLeaf =
                            tx.access.load(node, as: UInt8.self) == SortedLeaf<Int, String>.kind
                        let child = UInt64(SortedInner<Int>.childrenOffset)
                        node = isLeaf ? 0 : tx.access.load(node + child, as: UInt64.self)
                    }
                    let size = SortedInner<Int>.byteCount
                    let victim = nodes.randomElement(using: &random)!
                    let place =
                        victim
                        + UInt64(
                            Int.random(in: 0 ..< (victim == offset ? 32 : size / 4), using: &random)
                        )
                    let old = tx.access.load(place, as: UInt8.self)
                    tx.access.store(
                        old ^ (1 << UInt8.random(in: 0 ..< 8, using: &random)), at: place)
                    var verification = Verification(tx.access)
                    verification.run()
                    if verification.problemCount > 0 {
                        reported += 1
                    } else {
                        // A root that the check calls sound can be read.
                        let map = try tx.sortedMap("map", Int.self, String.self)
                        var count = 0
                        for (_, value) in map where !value.isEmpty { count += 1 }
                        #expect(count >= 1999)
                    }
                    throw Undo()
                }
            } catch is Undo {}
        }
        #expect(reported > 500)
        #expect(try heap.check().isSound)
    }
}
