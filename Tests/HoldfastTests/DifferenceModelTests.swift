import Foundation
import Holdfast
import HoldfastInspection
import Testing
import TestSupport

/// The differences of two heaps, applied to the contents of the older one, make those of the newer
/// one: for every kind of collection, nested, after random operations.
@Suite(.progress, .timeLimit(.minutes(10))) struct DifferenceModelTests {
    struct Move: HeapStruct {
        var item: Int32
        var delta: Double
        var note: Int16?
    }

    @Persistable enum Shape {
        case point
        case circle(Double)
        case box(Int, String)
    }

    @Persistable enum Colour: String { case red, green }

    @Persistable struct Card {
        var title: String
        var number: Int?
        var move = Move(item: 1, delta: 2.5, note: nil)
        var list: [Int] = []
        var index: [String: Int] = [:]
        var shape = Shape.point
        var colour = Colour.red
        var inner: [Inner] = []
    }

    @Persistable struct Inner {
        var name: String
        var values: [Double] = []
    }

    @Persistable struct Row {
        @Indexed var name: String
        var count: Int
    }

    private static let move = DifferenceForm.fields(["item": .leaf, "delta": .leaf, "note": .leaf])
    private static let card = DifferenceForm.fields([
        "title": .leaf, "number": .leaf, "move": move, "list": .list(.leaf), "index": .map(.leaf),
        "shape": .union(["point": [], "circle": [.leaf], "box": [.leaf, .leaf]]),
        "colour": .leaf,
        "inner": .list(.fields(["name": .leaf, "values": .list(.leaf)])),
    ])
    private static let forms: [String: DifferenceForm] = [
        "stock": .map(.leaf), "cards": .map(card), "sorted": .map(card),
        "lists": .map(.list(.leaf)), "nested": .map(.map(.list(.leaf))), "set": .set,
        "times": .set, "numbers": .list(.leaf), "moves": .list(move), "pages": .list(card),
        "queue": .list(.leaf), "ring": .list(card), "bits": .set,
        "rows": .table(.fields(["name": .leaf, "count": .leaf])), "text": .leaf,
        "best": .optional(card), "extra": .list(.leaf), "maps": .list(.map(.leaf)),
    ]

    // MARK: Random contents

    private static func text(_ random: inout SplitMix) -> String {
        let number = random.next() % 40
        return number % 3 == 0 ? "a text that needs a block \(number) \"\u{1F600}" : "t\(number)"
    }

    private static func card(_ random: inout SplitMix) -> Card {
        var card = Card(title: text(&random))
        if random.next() % 2 == 0 { card.number = Int(random.next() % 5) }
        card.list = (0 ..< Int(random.next() % 4)).map { _ in Int(random.next() % 4) }
        card.index = ["a": Int(random.next() % 3)]
        card.shape = shape(&random)
        card.inner = (0 ..< Int(random.next() % 3)).map { _ in Inner(name: text(&random)) }
        return card
    }

    private static func shape(_ random: inout SplitMix) -> Shape {
        switch random.next() % 3 {
        case 0: .point
        case 1: .circle(Double(random.next() % 4) / 4)
        default: .box(Int(random.next() % 3), text(&random))
        }
    }

    /// Changes a part of a card in place.
    private static func change(_ card: HeapRef<Card>, _ random: inout SplitMix) {
        switch random.next() % 8 {
        case 0: card.title = text(&random)
        case 1: card.number = card.number == nil ? 1 : nil
        case 2: card.move = Move(item: 1, delta: Double(random.next() % 3), note: 7)
        case 3: card.list = card.list + [Int(random.next() % 4)]
        case 4: card.index["k\(random.next() % 3)"] = Int(random.next() % 3)
        case 5: card.shape = shape(&random)
        case 6: card.colour = .green
        default: card.inner = card.inner + [Inner(name: text(&random), values: [-0.0, 1])]
        }
    }

    private static func step(_ tx: borrowing WriteTransaction, _ random: inout SplitMix) throws {
        let number = Int(random.next() % 12)
        let value = Int(random.next() % 6)
        switch random.next() % 34 {
        case 0: try tx.map("stock", String.self, Int.self)[text(&random)] = value
        case 1: try tx.map("stock", String.self, Int.self)[text(&random)] = nil
        case 2: try tx.map("cards", Int.self, Card.self)[number] = card(&random)
        case 3: try tx.map("cards", Int.self, Card.self)[number] = nil
        case 4, 5:
            let cards = try tx.map("cards", Int.self, Card.self)
            if let card = cards[ref: number] { change(card.ref, &random) }
        case 6: try tx.sortedMap("sorted", String.self, Card.self)["k\(number)"] = card(&random)
        case 7: try tx.sortedMap("sorted", String.self, Card.self)["k\(number)"] = nil
        case 8:
            let cards = try tx.sortedMap("sorted", String.self, Card.self)
            if let card = cards[ref: "k\(number)"] { change(card.ref, &random) }
        case 9:
            let lists = try tx.map("lists", Int.self, PersistentArray<Int>.self)
            lists[creating: number].append(value)
        case 10: try tx.map("lists", Int.self, PersistentArray<Int>.self)[number] = nil
        case 11, 12:
            let maps = try tx.sortedMap(
                "nested", Int.self, PersistentMap<String, PersistentArray<String>>.self)
            maps[creating: number][creating: "k\(value)"].append(text(&random))
        case 13:
            let maps = try tx.sortedMap(
                "nested", Int.self, PersistentMap<String, PersistentArray<String>>.self)
            maps[number]?["k\(value)"] = nil
        case 14: try tx.set("set", of: String.self).insert(text(&random))
        case 15: try tx.set("set", of: String.self).remove(text(&random))
        case 16: try tx.sortedSet("times", of: Double.self).insert(Double(number) / 8)
        case 17: try tx.sortedSet("times", of: Double.self).remove(Double(number) / 8)
        case 18: change(try tx.array("numbers", of: Int.self), value, number)
        case 19, 20:
            let moves = try tx.array("moves", of: Move.self)
            let move = Move(item: Int32(value), delta: .nan, note: value > 2 ? nil : 5)
            if moves.isEmpty || value == 0 {
                moves.append(move)
            } else {
                moves[number % moves.count] = move
            }
        case 21, 22:
            let pages = try tx.array("pages", of: Card.self)
            switch value {
            case 0, 1: pages.insert(card(&random), at: number % (pages.count + 1))
            case 2: if !pages.isEmpty { pages.remove(at: number % pages.count) }
            default:
                if !pages.isEmpty { change(pages[ref: number % pages.count].ref, &random) }
            }
        case 23: try tx.deque("queue", of: String.self).append(text(&random))
        case 24: try tx.deque("queue", of: String.self).prepend(text(&random))
        case 25:
            let queue = try tx.deque("queue", of: String.self)
            if !queue.isEmpty { queue.removeFirst() }
        case 26:
            let ring = try tx.deque("ring", of: Card.self)
            if value == 0, !ring.isEmpty { ring.removeFirst() } else { ring.append(card(&random)) }
        case 27: try tx.bitSet("bits").insert(number * 17)
        case 28: try tx.bitSet("bits").remove(number * 17)
        case 29, 30:
            let rows = try tx.table("rows", of: Row.self)
            if value < 3 {
                rows.insert(Row(name: text(&random), count: value))
            } else {
                rows.remove(Row.RowID(UInt64(number + 1)))
            }
        case 31: try tx.string("text").append(text(&random))
        case 32:
            let best = try tx.value("best", initial: Card?.none)
            best.value = value == 0 ? nil : card(&random)
        default:
            if value == 0 {
                try tx.removeRoot("extra", PersistentArray<Int>.self)
            } else if value < 3 {
                try tx.array("extra", of: Int.self).append(number)
            } else {
                let maps = try tx.array("maps", of: PersistentMap<Int, Int>.self)
                if maps.count < 6 {
                    maps.appendNew()[number] = value
                } else {
                    maps[number % maps.count][number] = value
                }
            }
        }
    }

    private static func change(_ numbers: PersistentArray<Int>, _ value: Int, _ number: Int) {
        switch value {
        case 0: if !numbers.isEmpty { numbers.remove(at: number % numbers.count) }
        case 1: numbers.insert(number, at: number % (numbers.count + 1))
        case 2: if numbers.count > 3 { numbers.removeSubrange(1 ..< 3) }
        default: numbers.append(contentsOf: [number, value])
        }
    }

    // MARK: Comparing

    /// The contents, as an export writes them.
    private static func contents(_ heap: PersistentHeap) throws -> [String: DifferenceTree] {
        var contents: [String: DifferenceTree] = [:]
        for root in try heap.read({ $0.roots }) {
            let form = try #require(forms[root.name])
            let lines = try ExchangeRun.lines(heap, root.name).dropFirst()
            let text =
                switch form {
                case .leaf: lines.first ?? "\"\""
                case .optional, .table: try #require(lines.first)
                default: "[\(lines.joined(separator: ","))]"
                }
            contents[root.name] = try DifferenceTree(text: text, form)
        }
        return contents
    }

    private static func applied(
        _ changes: [HeapChange], to contents: [String: DifferenceTree]
    ) throws -> [String: DifferenceTree] {
        var contents = contents
        var removed: [String] = []
        for change in changes {
            let form = try #require(forms[change.root])
            if change.path.isEmpty, change.kind != .changed {
                #expect((contents[change.root] == nil) == (change.kind == .added), "\(change)")
                #expect((change.newType == nil) == (change.kind == .removed))
                #expect((change.oldType == nil) == (change.kind == .added))
                if change.kind == .removed {
                    removed.append(change.root)
                } else {
                    contents[change.root] =
                        try change.new.map { try DifferenceTree(text: $0, form) } ?? .empty(form)
                }
                if change.kind == .removed, change.old != nil {
                    contents[change.root] = .empty(form)
                }
                continue
            }
            var root = try #require(contents[change.root])
            try root.apply(change, at: change.path[...], form)
            contents[change.root] = root
        }
        for root in removed {
            // Its contents were removed one by one.
            let form = try #require(forms[root])
            #expect(contents.removeValue(forKey: root) == .empty(form))
        }
        return contents
    }

    private static func changes(from old: PersistentHeap, to new: PersistentHeap) throws
        -> [HeapChange]
    {
        var changes: [HeapChange] = []
        try new.differences(from: old) { changes.append($0) }
        return changes
    }

    private static func fill(_ heap: PersistentHeap, _ steps: Int, _ random: inout SplitMix) throws
    {
        try heap.write { tx in for _ in 0 ..< steps { try step(tx, &random) } }
    }

    @Test(arguments: 0 ..< UInt64(TestExtent.choose(quick: 60, full: 600, long: 10_000)))
    func differencesMakeTheNewStateOfTheOldOne(seed: UInt64) throws {
        let (old, new) = (try PersistentHeap.inMemory(), try PersistentHeap.inMemory())
        var (random, same) = (SplitMix(state: seed), SplitMix(state: seed))
        let steps = [0, 10, 300, 1500][Int(seed % 4)]
        try Self.fill(old, steps, &random)
        try Self.fill(new, steps, &same)
        // The same contents, at other places, and in another order where there is none.
        #expect(try Self.changes(from: old, to: new) == [])
        try Self.fill(new, [1, 5, 60, 400][Int(seed / 4 % 4)], &same)
        let (before, after) = (try Self.contents(old), try Self.contents(new))
        let changes = try Self.changes(from: old, to: new)
        #expect(try Self.applied(changes, to: before) == after)
        #expect(changes.isEmpty == (before == after))
        let back = try Self.changes(from: new, to: old)
        #expect(try Self.applied(back, to: after) == before)
    }
}
