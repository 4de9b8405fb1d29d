import Foundation
import Holdfast
import HoldfastEngine
import Testing
import TestSupport

/// The deque: each operation by itself, its memory, its traps, and its reaction to a damaged
/// header. Random operations in parallel with an array are in `DequeModelTests`.
@Suite(.progress) struct DequeTests {
    @Test func bothEndsAndTheNextRun() throws {
        let folder = try TemporaryFolder()
        let heap = try PersistentHeap.open(folder.file())
        try heap.write { tx in
            let jobs = try tx.deque("jobs", of: String.self)
            #expect(jobs.isEmpty && jobs.first == nil && jobs.last == nil)
            #expect(jobs.popFirst() == nil && jobs.popLast() == nil)
            jobs.append("b, long enough for a block of its own")
            jobs.append("c")
            jobs.prepend("a")
            jobs.append(contentsOf: ["d", "e"])
            jobs.insert("between", at: 2)
            #expect(jobs.removeFirst() == "a")
            #expect(jobs.removeLast() == "e")
            jobs[0] += "!"
            jobs.swapAt(0, 2)
        }
        try heap.close()
        let reader = try PersistentHeap.open(folder.file(), mode: .readOnly)
        try reader.read { tx in
            let jobs = try tx.deque("jobs", of: String.self)
            #expect(jobs == ["c", "between", "b, long enough for a block of its own!", "d"])
            #expect(jobs.description == "[c, between, b, long enough for a block of its own!, d]")
            #expect(jobs.first == "c" && jobs.last == "d" && jobs.count == 4)
            #expect(
                Array(jobs[1 ..< 3].reversed()) == [
                    "b, long enough for a block of its own!", "between",
                ])
            let type = tx.roots.first?.type.text
            #expect(type == "Deque<String>")
            #expect(throws: HeapError.self) { try tx.array("jobs", of: String.self) }
            #expect(throws: HeapError.self) { try tx.deque("others", of: String.self) }
        }
        try reader.close()
    }

    /// Two handles of the heap alternate, like a sender and a receiver: messages arrive in order,
    /// and those of an aborted transaction are neither lost nor doubled.
    @Test func aQueueOfMessages() throws {
        struct Busy: Error {}
        let heap = try PersistentHeap.inMemory()
        var received: [Int] = []
        var sent = 0
        var random = SplitMix(state: 11)
        while sent < 5000 {
            try heap.write { tx in
                let queue = try tx.deque("queue", of: Int.self)
                for _ in 0 ..< Int.random(in: 0 ... 40, using: &random) {
                    queue.append(sent)
                    sent += 1
                }
            }
            let fails = Int.random(in: 0 ..< 4, using: &random) == 0
            do {
                received += try heap.write { tx in
                    let queue = try tx.deque("queue", of: Int.self)
                    var batch: [Int] = []
                    while batch.count < 25, let message = queue.popFirst() { batch.append(message) }
                    if fails { throw Busy() }
                    return batch
                }
            } catch is Busy {}
        }
        let rest = try heap.read { Array(try $0.deque("queue", of: Int.self)) }
        let inOrder = received + rest == Array(0 ..< sent)
        #expect(inOrder)
    }

    @Test func collectionsAsElements() throws {
        let heap = try PersistentHeap.inMemory()
        try heap.write { tx in
            let table = try tx.deque("table", of: PersistentDeque<String>.self)
            table.appendNew().append("last")
            table.prependNew().append("first")
            table.insertNew(at: 1).append(contentsOf: ["in the", "middle"])
            table[1].prepend("right")
            // A copy, not a second handle to the same deque.
            table.append(table[1])
            table[3].append("twice")
            #expect(
                table.map(Array.init) == [
                    ["first"], ["right", "in the", "middle"], ["last"],
                    ["right", "in the", "middle", "twice"],
                ])
            table[0] = table[3]
            table.removeElement(at: 1)
            table.removeLast(1)
            #expect(table.map(Array.init) == [["right", "in the", "middle", "twice"], ["last"]])
            table.removeAll { $0.count == 1 }
            table.removeFirst(1)
            #expect(table.isEmpty)
            let map = try tx.map("map", Int.self, PersistentDeque<Int>.self)
            map[creating: 1].append(5)
            map[2] = map[1]
            #expect(map[2]?.first == 5)
            try tx.value("one", initial: 0).value = 1
        }
        #expect(try heap.audit().problems == [])
    }

    /// The spans contain the same elements as the subscript, even when the ring wraps; and a deque
    /// can be appended to itself.
    @Test func segmentsAndSelf() throws {
        let heap = try PersistentHeap.inMemory()
        try heap.write { tx in
            let deque = try tx.deque("d", of: Int32.self)
            deque.withSegments { first, second in #expect(first.isEmpty && second.isEmpty) }
            for number in 0 ..< 10 as Range<Int32> { deque.append(number) }
            deque.removeFirst(7)
            for number in 10 ..< 19 as Range<Int32> { deque.append(number) }
            let all = deque.withSegments { first, second in
                #expect(first.count > 0 && second.count > 0)
                return (0 ..< first.count).map { first[$0] }
                    + (0 ..< second.count).map { second[$0] }
            }
            #expect(all == Array(7 ..< 19))
            deque.append(contentsOf: deque)
            #expect(deque == Array(7 ..< 19) + Array(7 ..< 19))
            deque.append(contentsOf: deque.lazy.map { -$0 }.filter { $0 < -17 })
            #expect(deque.suffix(2).elementsEqual([-18, -18]))
        }
    }

    @Test func removingWithAPredicate() throws {
        struct Stop: Error {}
        let heap = try PersistentHeap.inMemory()
        try heap.write { tx in
            let deque = try tx.deque("d", of: Int.self)
            deque.append(contentsOf: 0 ..< 100)
            #expect(throws: Stop.self) {
                try deque.removeAll { (number) throws in
                    if number == 50 { throw Stop() }
                    return true
                }
            }
            #expect(deque.count == 100)
            deque.removeAll { $0 < 10 || $0 == 20 }
            deque.removeAll { $0 > 90 }
            deque.removeAll { _ in false }
            #expect(deque == Array(10 ..< 20) + Array(21 ... 90))
            deque.removeAll { _ in true }
            #expect(deque.isEmpty)
        }
    }

    @Test func replacingRanges() throws {
        let heap = try PersistentHeap.inMemory()
        try heap.write { tx in
            let deque = try tx.deque("d", of: String.self)
            deque.replaceSubrange(
                0 ..< 0, with: ["a", "b", "c", "d", "e, with a block of its own"])
            deque.replaceSubrange(1 ..< 3, with: ["x"])
            #expect(deque == ["a", "x", "d", "e, with a block of its own"])
            deque.replaceSubrange(3 ..< 4, with: deque)
            #expect(deque == ["a", "x", "d", "a", "x", "d", "e, with a block of its own"])
            deque.insert(contentsOf: ["1", "2"], at: 7)
            deque.insert(contentsOf: ["0"], at: 0)
            deque.removeSubrange(1 ..< 7)
            #expect(deque == ["0", "e, with a block of its own", "1", "2"])
            deque.removeSubrange(2 ..< 2)
            deque.replaceSubrange(0 ..< 4, with: [])
            #expect(deque.isEmpty)
        }
        #expect(try heap.audit().problems == [])
    }

    // MARK: Memory

    private func fill(_ heap: PersistentHeap) throws {
        try heap.write { tx in
            let numbers = try tx.deque("numbers", of: Int.self)
            for number in 0 ..< 50_000 {
                if number % 3 == 0 { numbers.prepend(number) } else { numbers.append(number) }
            }
            let words = try tx.deque("words", of: String.self)
            for number in 0 ..< 3000 { words.append("word \(number) with a block of its own") }
            let table = try tx.deque("table", of: PersistentDeque<String>.self)
            for number in 0 ..< 300 {
                let row = table.appendNew()
                for place in 0 ..< number % 7 {
                    row.prepend("cell \(place) of row \(number), a long text")
                }
            }
        }
    }

    private func removeRoots(_ heap: PersistentHeap) throws {
        try heap.write { tx in
            let removed = [
                try tx.removeRoot("numbers", PersistentDeque<Int>.self),
                try tx.removeRoot("words", PersistentDeque<String>.self),
                try tx.removeRoot("table", PersistentDeque<PersistentDeque<String>>.self),
            ]
            #expect(removed == [true, true, true])
        }
        try heap.checkpoint()
    }

    @Test(arguments: [0, 1, 2, 3])
    func removingEverythingLeavesAnEmptyHeap(way: Int) throws {
        let folder = try TemporaryFolder()
        let heap = try PersistentHeap.open(folder.file())
        let empty = try heap.audit()
        try fill(heap)
        #expect(try heap.audit().usedBytes > 500_000)
        try heap.write { tx in
            let numbers = try tx.deque("numbers", of: Int.self)
            let words = try tx.deque("words", of: String.self)
            let table = try tx.deque("table", of: PersistentDeque<String>.self)
            switch way {
            case 0:
                numbers.removeAll()
                words.removeAll()
                table.removeAll()
                #expect(numbers.capacity == 0 && words.capacity == 0 && table.capacity == 0)
            case 1:
                while numbers.popFirst() != nil {}
                while words.popLast() != nil {}
                while !table.isEmpty { table.removeFirst(1) }
                // The rest is not worth a page.
                #expect(numbers.capacity <= 256 && words.capacity <= 128 && table.capacity <= 256)
            case 2:
                numbers.removeFirst(49_000)
                #expect(numbers.capacity <= 2100)
                numbers.removeAll(keepingCapacity: true)
                words.removeAll { _ in true }
                table.removeLast(300)
            default: break
            }
        }
        try removeRoots(heap)
        #expect(try heap.audit() == empty)
        try heap.close()
        #expect(try folder.bytes().count == 65_536)
    }

    @Test func reservedCapacityIsKept() throws {
        let heap = try PersistentHeap.inMemory()
        try heap.write { tx in
            let deque = try tx.deque("d", of: Int.self)
            deque.reserveCapacity(10_000)
            let capacity = deque.capacity
            #expect(capacity >= 10_000 && capacity < 10_600)
            deque.append(contentsOf: 0 ..< 10_000)
            #expect(deque.capacity == capacity)
            while deque.popFirst() != nil {}
            #expect(deque.capacity == capacity)
            deque.append(contentsOf: 0 ..< 100_000)
            deque.removeLast(100_000)
            #expect(deque.capacity == capacity)
            deque.append(1)
            deque.removeAll(keepingCapacity: true)
            #expect(deque.capacity == capacity)
            deque.removeAll()
            #expect(deque.capacity == 0)
            deque.append(contentsOf: 0 ..< 10_000)
            deque.removeFirst(10_000)
            #expect(deque.capacity == 0)
        }
        #expect(try heap.audit().problems == [])
    }

    // MARK: Mistakes

    /// Whether the process printed `sentence` before it ended.
    private func said(_ sentence: String, _ result: ExitTest.Result?) -> Bool {
        guard let result else { return false }
        return String(decoding: result.standardErrorContent, as: UTF8.self).contains(sentence)
    }

    @Test(arguments: [
        ("0 read", "index 3 is out of range; the deque has 3"),
        ("1 set", "index -1 is out of range; the deque has 3"),
        ("2 insert", "index 4 is out of range; there are 3 elements"),
        ("3 remove", "index 3 is out of range; the deque has 3"),
        ("4 swap", "index 3 is out of range; the deque has 3"),
        ("5 too many", "cannot remove 4 elements: there are 3"),
        ("6 negative", "cannot remove -1 elements: there are 3"),
        ("7 empty", "cannot remove 1 elements: there are 0"),
        ("8 predicate", "the predicate of removeAll(where:) changed the deque"),
        ("a subrange", "the range 2..<4 is out of bounds; there are 3"),
        ("b replace", "the range -1..<1 is out of bounds; there are 3"),
        ("c elements", "iterating over the new elements changed the destination deque"),
    ])
    func mistakesTrapWithASentence(mistake: String, sentence: String) async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent])
        { [mistake] in
            let heap = try PersistentHeap.inMemory()
            try heap.write { tx in
                let deque = try tx.deque("d", of: Int.self)
                deque.append(contentsOf: 1 ... 3)
                switch mistake.first {
                case "0": _ = deque[3]
                case "1": deque[-1] = 0
                case "2": deque.insert(0, at: 4)
                case "3": deque.remove(at: 3)
                case "4": deque.swapAt(0, 3)
                case "5": deque.removeFirst(4)
                case "6": deque.removeLast(-1)
                case "7":
                    deque.removeAll()
                    deque.removeFirst()
                case "8":
                    deque.removeAll { number in
                        deque.append(number)
                        return true
                    }
                case "a": deque.removeSubrange(2 ..< 4)
                case "b": deque.replaceSubrange(-1 ..< 1, with: [])
                default:
                    deque.replaceSubrange(
                        0 ..< 1, with: sequence(state: 0) { _ in deque.popFirst() })
                }
            }
        }
        #expect(said(sentence, result))
    }

    @Test(arguments: [
        "append", "prepend", "popFirst", "popLast", "set", "insert", "removeElement", "removeFirst",
        "removeAll", "where",
        "reserve", "swap", "removeSubrange", "replaceSubrange",
    ])
    func readTransactionsRefuseChanges(change: String) async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent])
        { [change] in
            let heap = try PersistentHeap.inMemory()
            try heap.write { try $0.deque("d", of: Int.self).append(contentsOf: 1 ... 3) }
            try heap.read { tx in
                let deque = try tx.deque("d", of: Int.self)
                switch change {
                case "append": deque.append(4)
                case "prepend": deque.prepend(4)
                case "popFirst": _ = deque.popFirst()
                case "popLast": _ = deque.popLast()
                case "set": deque[0] = 4
                case "insert": deque.insert(4, at: 1)
                case "removeElement": deque.removeElement(at: 1)
                case "removeFirst": deque.removeFirst(2)
                case "removeAll": deque.removeAll()
                case "where": deque.removeAll { $0 == 2 }
                case "reserve": deque.reserveCapacity(1000)
                case "swap": deque.swapAt(0, 1)
                case "removeSubrange": deque.removeSubrange(0 ..< 1)
                default: deque.replaceSubrange(0 ..< 1, with: [9])
                }
            }
        }
        #expect(said("a read transaction was written through", result))
    }

    @Test func staleHandlesTrap() async {
        let removed = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent])
        {
            let heap = try PersistentHeap.inMemory()
            try heap.write { tx in
                let table = try tx.deque("table", of: PersistentDeque<Int>.self)
                let row = table.appendNew()
                table.removeFirst(1)
                row.append(1)
            }
        }
        #expect(said("no longer leads to its deque", removed))
        let outlived = await #expect(
            processExitsWith: .failure, observing: [\.standardErrorContent]
        ) {
            let heap = try PersistentHeap.inMemory()
            let deque = try heap.writeAndKeep { try $0.deque("d", of: Int.self) }
            deque.append(1)
        }
        #expect(said("used after its transaction had ended", outlived))
    }

    // MARK: Damage

    struct Damage: CustomTestStringConvertible {
        var field: Int
        var value: UInt64
        var says: String
        var testDescription: String { "\(value) at byte \(field)" }
    }

    /// Every field of the header in turn gets an impossible value: reading and changing trap with a
    /// message, without a wild access.
    @Test(arguments: [
        Damage(field: 0, value: 0x5241_4648, says: "no longer leads to its deque"),
        Damage(field: 8, value: 1_000_000, says: "is inconsistent"),
        Damage(field: 8, value: .max, says: "is inconsistent"),
        Damage(field: 16, value: 8, says: "is inconsistent"),
        Damage(field: 16, value: 1 << 63, says: "is inconsistent"),
        Damage(field: 24, value: 3, says: "is inconsistent"),
        Damage(field: 24, value: 1 << 40, says: "outside the heap"),
        Damage(field: 24, value: .max, says: "is inconsistent"),
        Damage(field: 32, value: 1 << 50, says: "outside the heap"),
        Damage(field: 32, value: 0xffff_ffff_ffff_ffc0, says: "outside the heap"),
        Damage(field: 32, value: 4096 * 5 + 4, says: "is inconsistent"),
    ])
    func damagedHeadersTrap(damage: Damage) async throws {
        let folder = try TemporaryFolder()
        let heap = try await PersistentHeap.open(folder.file())
        try await heap.write { try $0.deque("d", of: Int.self).append(contentsOf: 1 ... 8) }
        try heap.close()
        var bytes = try folder.bytes()
        let header = try #require(bytes.range(of: Data("HFDQ".utf8))).lowerBound
        #expect(header % 64 == 0)
        for (place, byte) in withUnsafeBytes(of: damage.value.littleEndian, Array.init).enumerated()
        {
            bytes[header + damage.field + place] = byte
        }
        try folder.write(bytes)
        let path = folder.file()
        let reading = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent])
        { [path = path as String] in
            let heap = try PersistentHeap.open(path, mode: .readOnly)
            try heap.read { _ = try $0.deque("d", of: Int.self).reduce(0, &+) }
        }
        #expect(said(damage.says, reading))
        let changing = await #expect(
            processExitsWith: .failure, observing: [\.standardErrorContent]
        ) { [path = path as String] in
            let heap = try PersistentHeap.open(path, mode: .privateCopy)
            try heap.write { try $0.deque("d", of: Int.self).append(9) }
        }
        #expect(said(damage.says, changing))
    }
}
