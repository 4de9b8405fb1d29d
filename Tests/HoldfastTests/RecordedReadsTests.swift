import Foundation
import Holdfast
import HoldfastEngine
import Testing
import TestSupport

/// What a transaction reads is recorded completely: whatever commit changes a result of it, changes
/// a line that was read.
@Suite(.progress) struct RecordedReadsTests {
    @Persistable(.plain) struct Point: Equatable { var x: Int; var y: Int }

    @Persistable struct Card {
        var title: String
        var tags = PersistentSet<String>()
        var due: Int?
    }

    @HeapSchema struct Everything {
        var numbers: PersistentArray<Int>
        var points: PersistentArray<Point>
        var stock: PersistentMap<String, Int>
        var byNumber: PersistentMap<Int, String>
        var sorted: PersistentSortedMap<Int, String>
        var sortedNames: PersistentSortedSet<String>
        var names: PersistentSet<String>
        var queue: PersistentDeque<String>
        var text: PersistentString
        var bytes: PersistentBytes
        var bits: PersistentBitSet
        var nested: PersistentMap<Int, PersistentArray<Int>>
        var lists: PersistentMap<Int, [String]>
        var cards: PersistentArray<Card>
        var point: Point = Point(x: 0, y: 0)
        var note: String?
    }

    typealias Reader = @Sendable (Everything, Int) -> String

    /// Each result depends on a number and on one way to read.
    static let readers: [(name: String, body: Reader)] = [
        ("array element", { "\($0.numbers.count > $1 ? $0.numbers[$1] : -1)" }),
        ("array sum", { all, _ in "\(all.numbers.reduce(0, &+))" }),
        ("array last", { all, _ in "\(all.numbers.last ?? -1)" }),
        ("array span", { all, _ in all.points.withSpan { "\($0.count > 0 ? $0[0].x : -1)" } }),
        ("struct", { $0.points.count > $1 ? "\($0.points[$1])" : "" }),
        ("map value", { "\($0.stock["k\($1)"] ?? -1)" }),
        ("map default", { "\($0.stock["k\($1)", default: 7])" }),
        ("map sum", { all, _ in "\(all.stock.values.reduce(0, &+))" }),
        ("map count", { all, _ in "\(all.stock.count)" }),
        ("map text", { $0.byNumber[$1] ?? "" }),
        ("sorted value", { $0.sorted[$1] ?? "" }),
        ("sorted first", { all, _ in "\(all.sorted.first?.key ?? -1)" }),
        ("sorted range", { "\($0.sorted[$1 ..< $1 + 5].map(\.value))" }),
        ("sorted names", { all, _ in "\(Array(all.sortedNames))" }),
        ("set", { "\($0.names.contains("n\($1)"))" }),
        ("deque first", { all, _ in all.queue.first ?? "" }),
        ("deque element", { $0.queue.count > $1 ? $0.queue[$1] : "" }),
        ("text", { all, _ in "\(all.text)" }),
        ("bytes", { $0.bytes.count > $1 ? "\($0.bytes[$1])" : "" }),
        ("bits", { "\($0.bits.contains($1))" }),
        ("nested", { "\($0.nested[$1].map { Array($0) } ?? [])" }),
        ("list", { "\($0.lists[$1] ?? [])" }),
        ("card", { $0.cards.count > $1 ? $0.cards[$1].title : "" }),
        ("card's tags", { $0.cards.count > $1 ? "\($0.cards[$1].tags.count)" : "" }),
        ("value", { all, _ in "\(all.point)" }),
        ("optional", { all, _ in all.note ?? "none" }),
    ]

    static func change(_ all: Everything, _ random: inout SplitMix) {
        let number = Int(random.next() % 24)
        let value = Int(random.next() % 1000)
        switch random.next() % 29 {
        case 0: all.numbers.append(value)
        case 1: if !all.numbers.isEmpty { all.numbers[number % all.numbers.count] = value }
        case 2: if !all.numbers.isEmpty { all.numbers.removeElement(at: 0) }
        case 3: all.points.append(Point(x: value, y: number))
        case 4: if !all.points.isEmpty { all.points[number % all.points.count].y = value }
        case 5, 6, 7: all.stock["k\(number)"] = value
        case 8: all.stock["k\(number)"] = nil
        case 9: all.byNumber[number] = String(repeating: "t", count: value % 60)
        case 10, 11: all.sorted[number * 7] = "v\(value)"
        case 12: all.sorted[number] = nil
        case 13: all.sortedNames.insert("s\(value)")
        case 14: all.names.insert("n\(number)")
        case 15: all.names.remove("n\(number)")
        case 16: all.queue.append("q\(value)")
        case 17: if !all.queue.isEmpty { all.queue.removeFirst() }
        case 18: all.text.append("x\(value)")
        case 19: all.bytes.append(UInt8(value % 256))
        case 20: all.bits.insert(number)
        case 21: all.bits.remove(number)
        case 22: all.nested[creating: number].append(value)
        case 23: all.lists[number] = ["l\(value)", String(repeating: "u", count: value % 40)]
        case 24: all.point = Point(x: value, y: -value)
        case 25: all.note = value % 3 == 0 ? nil : "note \(value)"
        case 26: all.cards.append(Card(title: "t\(value)"))
        default:
            guard !all.cards.isEmpty else { return }
            let index = number % all.cards.count
            if value % 2 == 0 {
                all.cards[index].tags.insert("x\(value)")
            } else {
                all.cards[index].title = "c\(value)"
            }
        }
    }

    @Test(arguments: 0 ..< TestExtent.choose(quick: 4, full: 100) as Range<UInt64>)
    func everyChangedResultIsNoticed(seed: UInt64) throws {
        let heap = try TypedHeap<Everything>.inMemory()
        let follower = heap.heap.engine.makeCommitReader()
        var random = SplitMix(state: seed)
        let place = try heap.read { _, tx in tx.access.logPlace }
        follower.begin(at: try #require(place))
        var (concerned, changed, compared) = (0, 0, 0)
        for _ in 0 ..< 250 {
            let number = Int(random.next() % 24)
            let before = try Self.readers.map { try evaluate($0.body, number, heap) }
            try heap.write { all in
                for _ in 0 ..< 1 + random.next() % 3 { Self.change(all, &random) }
            }
            let changes = try #require(follower.changes(upTo: heap.heap.engine.newestPosition))
            let after = try Self.readers.map { try evaluate($0.body, number, heap) }
            for (index, reader) in Self.readers.enumerated() {
                compared += 1
                let isConcerned = changes.concern(before[index].reads)
                if isConcerned { concerned += 1 }
                guard before[index].result != after[index].result else { continue }
                changed += 1
                #expect(isConcerned, "\(reader.name) of \(number), seed \(seed)")
            }
        }
        #expect(changed > 200)
        // Most answers are exact: a result that has not changed is computed anew in some cases.
        #expect(concerned < compared / 2, "\(concerned) of \(compared)")
    }

    private func evaluate(_ body: Reader, _ number: Int, _ heap: TypedHeap<Everything>) throws
        -> (result: String, reads: RecordedReads)
    {
        try heap.read { all, tx in
            let (result, reads) = tx.access.recordingReads { body(all, number) }
            return (result, reads)
        }
    }

    @Test("What a read inside a read has read counts as read by the outer one")
    func nestedReads() throws {
        let heap = try PersistentHeap.inMemory()
        try heap.write { tx in try tx.map("stock", String.self, Int.self)["bolt"] = 1 }
        let (bolts, reads) = try heap.read { tx in
            try tx.access.recordingReads {
                try heap.read { try $0.map("stock", String.self, Int.self)["bolt"] }
            }
        }
        #expect(bolts == 1)
        #expect(!reads.lines.isEmpty)
    }

    @Test("Access ends with the heap, also when it is recorded")
    func boundsAreChecked() throws {
        let heap = try PersistentHeap.inMemory()
        try heap.write { tx in
            let list = try tx.array("list", of: Int.self)
            for value in 0 ..< 100_000 { list.append(value) }
        }
        let (sum, reads) = try heap.read { tx in
            try tx.access.recordingReads {
                try tx.array("list", of: Int.self).reduce(0, +)
            }
        }
        #expect(sum == 100_000 * 99_999 / 2)
        #expect(reads.lines.pageCount >= 195)
    }
}
