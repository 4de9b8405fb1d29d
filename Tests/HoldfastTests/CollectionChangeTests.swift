import Foundation
import Testing
import TestSupport

@testable import Holdfast

/// The changes of collections: applied to a copy of the old state, they make the new one, for each
/// kind of collection, after random operations.
@Suite(.progress, .timeLimit(.minutes(10))) struct CollectionChangeTests {
    @Persistable struct Card: Equatable, Sendable {
        var title: String
        var tags: [String] = []
    }

    @HeapSchema struct Everything {
        var stock: PersistentMap<String, Int>
        var texts: PersistentMap<Int, String>
        var cards: PersistentMap<Int, Card>
        var lists: PersistentMap<Int, PersistentArray<Int>>
        var sorted: PersistentSortedMap<Int, String>
        var names: PersistentSortedMap<String, Int>
        var days: PersistentSortedMap<Int, PersistentArray<Int>>
        var set: PersistentSet<String>
        var times: PersistentSortedSet<Int>
        var numbers: PersistentArray<Int>
        var pages: PersistentArray<Card>
        var queue: PersistentDeque<String>
    }

    /// Changes something. Everything that is inserted or set has a new value, so that every
    /// transaction has a difference.
    static func change(_ all: Everything, _ random: inout SplitMix, span: Int, _ serial: Int) {
        let number = Int(random.next() % UInt64(span))
        let long = String(repeating: "x", count: serial % 40) + "\(serial)"
        let other = Int(random.next() % 1000)
        switch random.next() % 36 {
        case 0, 1, 2: all.stock["k\(number)"] = serial
        case 3: all.stock["k\(number)"] = nil
        case 4: all.texts[number] = long
        case 5: all.texts[number] = nil
        case 6: all.cards[number] = Card(title: long)
        case 7: if all.cards.contains(number) { all.cards[ref: number]!.title = long }
        case 8: if all.cards.contains(number) { all.cards[ref: number]!.tags.append(long) }
        case 9: all.cards[number] = nil
        case 10, 11: all.lists[creating: number].append(serial)
        case 12: all.lists[number] = nil
        case 13, 14: all.sorted[number * 7] = long
        case 15: all.sorted[number * 7] = nil
        case 16: all.names["a name of more than fifteen bytes \(number)"] = serial
        case 17: all.names["n\(number)"] = serial
        case 18: all.names["n\(number)"] = nil
        case 19: all.names["a name of more than fifteen bytes \(number)"] = nil
        case 20: all.days[creating: number].append(serial)
        case 21: all.days[number] = nil
        case 22: all.set.insert("s\(number)")
        case 23: all.set.remove("s\(number)")
        case 24: all.times.insert(other)
        case 25: if let first = all.times.first { all.times.remove(first) }
        case 26: all.numbers.append(serial)
        case 27: if !all.numbers.isEmpty { all.numbers[other % all.numbers.count] = serial }
        case 28: all.numbers.insert(serial, at: other % (all.numbers.count + 1))
        case 29:
            if !all.numbers.isEmpty { all.numbers.removeElement(at: other % all.numbers.count) }
        case 30: all.pages.append(Card(title: long))
        case 31: if !all.pages.isEmpty { all.pages[ref: other % all.pages.count].title = long }
        case 32: all.queue.append(long)
        case 33: if other % 2 == 0 { all.queue.prepend(long) } else { _ = all.queue.popFirst() }
        case 34: if !all.queue.isEmpty { all.queue[other % all.queue.count] = long }
        default: if other < 100 { empty(all, other % 10) }
        }
    }

    private static func empty(_ all: Everything, _ number: Int) {
        switch number {
        case 0: all.stock.removeAll()
        case 1: all.texts.removeAll()
        case 2: all.cards.removeAll()
        case 3: all.lists.removeAll()
        case 4: all.sorted.removeAll()
        case 5: all.names.removeAll()
        case 6: all.set.removeAll()
        case 7: all.numbers.removeAll()
        case 8: all.pages.removeAll()
        default: all.queue.removeAll()
        }
    }

    /// Changes every collection, to a state that it has never had.
    private static func touch(_ all: Everything, _ round: Int) {
        all.stock["round"] = round
        all.texts[-1] = "\(round)"
        all.cards[-1] = Card(title: "\(round)")
        all.lists[creating: -1].append(round)
        all.sorted[-1] = "\(round)"
        all.names[""] = round
        all.days[creating: -1].append(round)
        all.set.insert("round \(round)")
        all.times.insert(10_000 + round)
        all.numbers.append(-round)
        all.pages.append(Card(title: "round \(round)"))
        all.queue.append("round \(round)")
    }

    static let spans = [30, 2000, 300]

    @Test(arguments: 0 ..< TestExtent.choose(quick: 3, full: 60) as Range<UInt64>)
    func differencesAreExact(seed: UInt64) async throws {
        let figures = try await follow(seed: seed, logBudget: 64 << 20)
        // Everything once for each collection.
        #expect(figures.everything == 12)
        #expect(figures.regions == 0)
    }

    /// With a budget of zero, each commit closes the views.
    @Test(arguments: 0 ..< TestExtent.choose(quick: 3, full: 60) as Range<UInt64>)
    func lostRegionsAreComplete(seed: UInt64) async throws {
        let figures = try await follow(seed: seed, logBudget: 0)
        #expect(figures.everything > 12)
        #expect(figures.regions > 100)
    }

    /// Blocks that move are no difference: neither a change that does not fit, nor a region that is
    /// lost, nor a change that is not seen because of a new block in the place of another.
    @Test(arguments: 0 ..< TestExtent.choose(quick: 3, full: 60) as Range<UInt64>)
    func movedBlocksAreNoDifference(seed: UInt64) async throws {
        var movedBytes = 0
        // Blocks that are freed before each move, so that what was made since lies too high.
        var fillers: [UInt64] = []
        let size = 48
        let figures = try await follow(seed: seed, logBudget: 64 << 20) { heap in
            try heap.write { tx in
                for filler in fillers { tx.access.free(filler, byteCount: size) }
            }
            var defragmenter = Defragmenter(heap.engine, isCancelled: { false }, progress: nil)
            defragmenter.budget = .init(movedBytes: 2048, visits: 100)
            movedBytes += try defragmenter.run(movingReferenced: seed % 2 == 0).movedBytes
            fillers = try heap.write { tx in
                (0 ..< 3000).map { _ in tx.access.allocate(byteCount: size) }
            }
        }
        #expect(figures.everything == 12)
        #expect(figures.regions == 0)
        #expect(movedBytes > 10_000, "\(movedBytes)")
    }

    private func follow(
        seed: UInt64, logBudget: Int, betweenRounds: (PersistentHeap) throws -> Void = { _ in }
    ) async throws -> MirrorFigures {
        let heap = try TypedHeap<Everything>.inMemory()
        var random = SplitMix(state: seed)
        let span = Self.spans[Int(seed % 3)]
        let limit = 7
        var mirrors = Mirrors(heap, limit, logBudget)
        var figures = MirrorFigures()
        var serial = 0
        for round in 0 ..< 40 {
            for _ in 0 ..< 1 + random.next() % 3 {
                let most = round % 10 == 0 ? UInt64(span) * 4 : 40
                try heap.inThread { heap in
                    try heap.write { all in
                        for _ in 0 ..< 1 + random.next() % most {
                            serial += 1
                            Self.change(all, &random, span: span, serial)
                        }
                        Self.touch(all, serial)
                    }
                }
            }
            try heap.inThread { try betweenRounds($0.heap) }
            while logBudget == 0, heap.heap.holdsObservedViews {
                try await Task.sleep(for: .milliseconds(1))
            }
            figures += try await mirrors.follow(limit)
            let different = try heap.inThread { try $0.read { mirrors.different(from: $0) } }
            #expect(different == [], "seed \(seed), round \(round)")
        }
        return figures
    }

    /// A copy of everything.
    private struct Mirrors {
        var stock = DictionaryMirror<String, Int>()
        var texts = DictionaryMirror<Int, String>()
        var cards = DictionaryMirror<Int, Card>()
        var lists = DictionaryMirror<Int, [Int]>()
        var sorted = DictionaryMirror<Int, String>()
        var names = DictionaryMirror<String, Int>()
        var days = DictionaryMirror<Int, Int>()
        var set = SetMirror<String>()
        var times = SetMirror<Int>()
        var numbers = ArrayMirror<Int>()
        var pages = ArrayMirror<Card>()
        var queue = ArrayMirror<String>()

        var stockChanges: DictionaryMirror<String, Int>.Batches.Iterator
        var textChanges: DictionaryMirror<Int, String>.Batches.Iterator
        var cardChanges: DictionaryMirror<Int, Card>.Batches.Iterator
        var listChanges: DictionaryMirror<Int, [Int]>.Batches.Iterator
        var sortedChanges: DictionaryMirror<Int, String>.Batches.Iterator
        var nameChanges: DictionaryMirror<String, Int>.Batches.Iterator
        var dayChanges: DictionaryMirror<Int, Int>.Batches.Iterator
        var setChanges: SetMirror<String>.Batches.Iterator
        var timeChanges: SetMirror<Int>.Batches.Iterator
        var numberChanges: ArrayMirror<Int>.Batches.Iterator
        var pageChanges: ArrayMirror<Card>.Batches.Iterator
        var queueChanges: ArrayMirror<String>.Batches.Iterator

        init(_ heap: TypedHeap<Everything>, _ limit: Int, _ budget: Int) {
            stockChanges = heap.changes(of: { $0.stock }, batchLimit: limit, logBudget: budget)
                .makeAsyncIterator()
            textChanges = heap.changes(of: { $0.texts }, batchLimit: limit, logBudget: budget)
                .makeAsyncIterator()
            cardChanges = heap.changes(of: { $0.cards }, batchLimit: limit, logBudget: budget)
                .makeAsyncIterator()
            listChanges = heap.changes(
                of: { $0.lists }, as: { Array($0) }, batchLimit: limit, logBudget: budget
            ).makeAsyncIterator()
            sortedChanges = heap.changes(of: { $0.sorted }, batchLimit: limit, logBudget: budget)
                .makeAsyncIterator()
            nameChanges = heap.changes(of: { $0.names }, batchLimit: limit, logBudget: budget)
                .makeAsyncIterator()
            dayChanges = heap.changes(
                of: { $0.days }, as: { $0.last ?? 0 }, batchLimit: limit, logBudget: budget
            ).makeAsyncIterator()
            setChanges = heap.changes(of: { $0.set }, batchLimit: limit, logBudget: budget)
                .makeAsyncIterator()
            timeChanges = heap.changes(of: { $0.times }, batchLimit: limit, logBudget: budget)
                .makeAsyncIterator()
            numberChanges = heap.changes(of: { $0.numbers }, batchLimit: limit, logBudget: budget)
                .makeAsyncIterator()
            pageChanges = heap.changes(of: { $0.pages }, batchLimit: limit, logBudget: budget)
                .makeAsyncIterator()
            queueChanges = heap.changes(of: { $0.queue }, batchLimit: limit, logBudget: budget)
                .makeAsyncIterator()
        }

        mutating func follow(_ limit: Int) async throws -> MirrorFigures {
            var figures = try await stock.follow(&stockChanges, limit: limit)
            figures += try await texts.follow(&textChanges, limit: limit)
            figures += try await cards.follow(&cardChanges, limit: limit)
            figures += try await lists.follow(&listChanges, limit: limit)
            figures += try await sorted.follow(&sortedChanges, limit: limit)
            figures += try await names.follow(&nameChanges, limit: limit)
            figures += try await days.follow(&dayChanges, limit: limit)
            figures += try await set.follow(&setChanges, limit: limit)
            figures += try await times.follow(&timeChanges, limit: limit)
            figures += try await numbers.follow(&numberChanges, limit: limit)
            figures += try await pages.follow(&pageChanges, limit: limit)
            figures += try await queue.follow(&queueChanges, limit: limit)
            return figures
        }

        func different(from all: Everything) -> [String] {
            var different: [String] = []
            func compare(_ name: String, _ isEqual: Bool) {
                if !isEqual { different.append(name) }
            }
            compare("stock", Dictionary(all.stock) == stock.content)
            compare("texts", Dictionary(all.texts) == texts.content)
            compare("cards", Dictionary(all.cards) == cards.content)
            let allLists = all.lists.map { ($0.key, Array($0.value)) }
            compare("lists", Dictionary(uniqueKeysWithValues: allLists) == lists.content)
            let allSorted = all.sorted.map { ($0.key, $0.value) }
            compare("sorted", Dictionary(uniqueKeysWithValues: allSorted) == sorted.content)
            let allNames = all.names.map { ($0.key, $0.value) }
            compare("names", Dictionary(uniqueKeysWithValues: allNames) == names.content)
            let allDays = all.days.map { ($0.key, $0.value.last ?? 0) }
            compare("days", Dictionary(uniqueKeysWithValues: allDays) == days.content)
            compare("set", Set(all.set) == set.content)
            compare("times", Set(all.times) == times.content)
            compare("numbers", Array(all.numbers) == numbers.content)
            compare("pages", Array(all.pages) == pages.content)
            compare("queue", Array(all.queue) == queue.content)
            return different
        }
    }
}

extension TypedHeap {
    /// Runs `body` synchronously, inside an asynchronous function.
    func inThread<R>(_ body: (TypedHeap) throws -> R) throws -> R { try body(self) }
}
