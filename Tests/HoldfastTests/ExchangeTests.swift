import Foundation
import Holdfast
import HoldfastInspection
import Testing
import TestSupport

private enum Suit: UInt8 { case hearts = 7, spades = 9 }
private enum Plain { case one, two, three }
private enum Word: String, HeapEnum, PersistableOrderedKey {
    case long = "a raw value of more than 15 bytes", short
}

private struct Flags: OptionSet, HeapEnum {
    let rawValue: UInt32
}

private struct Point: HeapStruct, Equatable {
    var x: Float
    var y: Double?
}

private struct EveryField: HeapStruct {
    var number: UInt64
    var flag: Bool
    var perhaps: Bool?
    var twice: Int8??
    var pair: (Int16, Bool)
    var named: (left: Int32, right: Point)
    var point: Point
    var suit: Suit
    var plain: Plain
    var maybePlain: Plain?
    var colour: Colour
    var duration: Duration
    var scalar: Unicode.Scalar
    var lane: SIMD2<Float>
}

private struct Empty: HeapStruct, Equatable {}

private struct Theme: Codable, Equatable {
    var name: String
    var sizes: [Double]
    var data: Data
    var link: URL?
}

private enum Payment: HeapUnion, Equatable {
    case cash
    case card(String)
    case transfer(iban: String?, on: Date)

    static let cases = [
        UnionCase("cash", Payment.cash),
        UnionCase("card", Payment.card) { if case .card(let number) = $0 { number } else { nil } },
        UnionCase("transfer", Payment.transfer) {
            if case .transfer(let iban, let day) = $0 { (iban, day) } else { nil }
        },
    ]
}

private struct Contact: HeapRecord {
    var name: String
    var birthday: Date?
    var address = Address(street: "", number: 0)
    var phones = PersistentArray<String>()
    var notes = PersistentString()
    var photo = PersistentBytes()
    var payments = PersistentDeque<Payment>()
    var days = PersistentBitSet()
    var scores = PersistentSortedMap<Int, PersistentSet<String>>()
    var index = PersistentMap<String, PersistentArray<Int?>>()
    var words = PersistentSortedSet<Word>()
}

private struct Address: HeapRecord, Equatable {
    var street: String
    var number: Int16
}

@Suite(.progress) struct ExchangeTests {
    @Test func numbers() throws {
        func check<T: PersistableValue & Equatable>(_ values: T...) throws {
            for value in values { #expect(try ExchangeRun.copied(value) == value) }
        }
        try check(Int8.min, .max)
        try check(UInt8.max)
        try check(Int16.min)
        try check(UInt16.max)
        try check(Int32.min)
        try check(UInt32.max)
        try check(Int64.min, .max, 9_007_199_254_740_993)
        try check(UInt64.max, .max - 1)
        try check(Int.min)
        try check(UInt.max)
        try check(true, false)
    }

    /// Exact to the bit, except for the payload of a NaN.
    @Test func floats() throws {
        for value in [
            0, -0.0, .infinity, -.infinity, .leastNonzeroMagnitude, -.leastNormalMagnitude, .pi,
            0.1, 1e22, 1e-7,
            .greatestFiniteMagnitude,
        ] as [Double] {
            #expect(try ExchangeRun.copied(value).bitPattern == value.bitPattern)
        }
        for value in [
            0, -0.0, .infinity, -.infinity, .leastNonzeroMagnitude, .pi, 0.1, 16_777_216,
            .greatestFiniteMagnitude,
        ]
            as [Float]
        {
            #expect(try ExchangeRun.copied(value).bitPattern == value.bitPattern)
        }
        #expect(try ExchangeRun.copied(Double.nan).isNaN)
        #expect(try ExchangeRun.copied(Float.nan).isNaN)
        #expect(
            try ExchangeRun.copied(Date(timeIntervalSinceReferenceDate: -0.1))
                .timeIntervalSinceReferenceDate == -0.1)
    }

    @Test func textsAndBytes() throws {
        for text in [
            "", "a", "e\u{301}", "é", "\0\n\r\t\"\\/\u{2028}\u{7f}", "👩‍👩‍👧‍👦🇩🇪",
            String(repeating: "x", count: 100),
        ] {
            let copied = try ExchangeRun.copied(text)
            #expect(Array(copied.utf8) == Array(text.utf8))
        }
        for count in [0, 1, 15, 16, 1000] {
            let data = Data((0 ..< count).map { UInt8(truncatingIfNeeded: $0 &* 7) })
            #expect(try ExchangeRun.copied(data) == data)
        }
        let id = UUID()
        #expect(try ExchangeRun.copied(id) == id)
        #expect(try ExchangeRun.copied(Word.long) == .long)
        #expect(try ExchangeRun.copied(Flags(rawValue: 1 << 31)) == Flags(rawValue: 1 << 31))
    }

    @Test func optionals() throws {
        for value in [nil, .some(nil), .some(.some(nil)), 3] as [Int???] {
            #expect(try ExchangeRun.copied(value) == value)
        }
        for value in [nil, Encoded(nil), Encoded(3)] as [Encoded<Int?>?] {
            #expect(try ExchangeRun.copied(value) == value)
        }
        let heap = try PersistentHeap.inMemory()
        try heap.write { tx in
            let values = try tx.array("values", of: PersistentArray<Int?>?.self)
            values.append(nil)
            values.append(PersistentArray())
            values[1]!.append(contentsOf: [nil, 3])
        }
        #expect(try ExchangeRun.lines(heap, "values").suffix(2) == ["null", "[null,3]"])
        _ = try ExchangeRun.copy(heap)
    }

    @Test func plainStructs() throws {
        let wide = EveryField(
            number: .max, flag: true, perhaps: false, twice: .some(nil), pair: (-3, true),
            named: (5, Point(x: -0.0, y: nil)),
            point: Point(x: .infinity, y: -.infinity), suit: .spades, plain: .three,
            maybePlain: .two, colour: .green,
            duration: .seconds(-3), scalar: "é", lane: [1, .infinity])
        let heap = try PersistentHeap.inMemory()
        try heap.write { tx in
            let array = try tx.array("wide", of: EveryField.self)
            array.append(wide)
            array.append(wide)
            array[1].perhaps = nil
            array[1].twice = 7
            array[1].maybePlain = nil
            try tx.array("inline", of: [2 of Point].self).append([
                Point(x: 1, y: 2), Point(x: 3, y: nil),
            ])
            try tx.array("empty", of: Empty.self).append(Empty())
        }
        let copy = try ExchangeRun.copy(heap)
        try copy.read { tx in
            let array = try tx.array("wide", of: EveryField.self)
            let (first, second) = (array[0], array[1])
            #expect(
                first.number == .max && first.flag && first.perhaps == .some(false)
                    && first.twice == .some(nil))
            #expect(
                first.pair == (-3, true) && first.named.left == 5
                    && first.named.right.x.sign == .minus)
            #expect(
                first.point == wide.point && first.suit == .spades && first.plain == .three
                    && first.maybePlain == .two)
            #expect(first.colour == .green && first.duration == .seconds(-3))
            #expect(first.scalar == "é" && first.lane == [1, .infinity])
            #expect(second.perhaps == nil && second.twice == 7 && second.maybePlain == nil)
            let inline = try tx.array("inline", of: [2 of Point].self)[0]
            #expect(inline[0] == Point(x: 1, y: 2) && inline[1] == Point(x: 3, y: nil))
        }
        let line = try ExchangeRun.lines(heap, "wide")[1]
        #expect(
            line.contains(#""suit":9"#) && line.contains(#""plain":{"bytes":"Ag=="}"#)
                && line.contains(#""colour":9"#), "\(line)"
        )
        #expect(
            line.contains(#""pair":{"0":-3,"1":true}"#) && line.contains(#""twice":[null]"#)
                && line.contains(#""y":"-inf""#),
            "\(line)")
    }

    @Test func encodedValuesAndUnions() throws {
        let theme = Theme(
            name: "dark", sizes: [1, .infinity], data: Data([1, 2, 3]),
            link: URL(string: "https://example.org/a"))
        #expect(try ExchangeRun.copied(Encoded(theme)) == Encoded(theme))
        for payment in [
            .cash, .card("1234"), .transfer(iban: nil, on: Date(timeIntervalSinceReferenceDate: 9)),
        ] as [Payment] {
            #expect(try ExchangeRun.copied(payment) == payment)
        }
        let heap = try PersistentHeap.inMemory()
        try heap.write { tx in
            try tx.array("p", of: Payment.self).append(contentsOf: [
                .cash, .transfer(iban: "DE", on: Date(timeIntervalSinceReferenceDate: 9)),
            ])
            try tx.array("t", of: Encoded<Theme>.self).append(Encoded(theme))
        }
        #expect(
            try ExchangeRun.lines(heap, "p").suffix(2) == [
                #"{"case":"cash"}"#, #"{"case":"transfer","values":["DE",9]}"#,
            ])
        #expect(try ExchangeRun.lines(heap, "t")[1].contains(#""data":"AQID""#))
    }

    /// Every kind of collection in a record, and nested in each other.
    @Test func recordsAndNesting() throws {
        let heap = try PersistentHeap.inMemory()
        try heap.write { tx in
            let contacts = try tx.array("contacts", of: Contact.self)
            contacts.append(
                Contact(name: "Ada", birthday: Date(timeIntervalSinceReferenceDate: 1.5)))
            contacts.append(Contact(name: "Bob"))
            let ada = contacts[ref: 0]
            ada.address = Address(street: "a street with a long name", number: -3)
            ada.phones.append(contentsOf: ["1", "a number that is longer than 15 bytes"])
            ada.notes.append("a note\n")
            ada.photo.append(contentsOf: [1, 2, 3])
            ada.payments.append(.cash)
            ada.payments.prepend(.card("77"))
            ada.days.insert(3)
            ada.days.insert(1000)
            ada.scores[creating: 9].insert("nine")
            ada.scores[creating: -9].insert("minus nine")
            ada.index[creating: ""].append(contentsOf: [1, nil])
            ada.words.insert(.short)
            try tx.value("one", initial: 1).value = 3
        }
        let copy = try ExchangeRun.copy(heap)
        try copy.read { tx in
            let contacts = try tx.array("contacts", of: Contact.self)
            let ada = contacts[ref: 0]
            let bob = contacts[ref: 1]
            #expect(ada.name == "Ada" && ada.birthday == Date(timeIntervalSinceReferenceDate: 1.5))
            #expect(ada.address == Address(street: "a street with a long name", number: -3))
            #expect(Array(ada.phones) == ["1", "a number that is longer than 15 bytes"])
            #expect(ada.notes.string == "a note\n")
            #expect(ada.photo.data == Data([1, 2, 3]))
            #expect(Array(ada.payments) == [Payment.card("77"), .cash])
            #expect(Array(ada.days) == [3, 1000])
            let scores = ada.scores.map(\.key)
            #expect(scores == [-9, 9])
            #expect(Array(ada.scores[9]!) == ["nine"])
            #expect(Array(ada.index[""]!) == [1, nil])
            #expect(Array(ada.words) == [Word.short])
            #expect(
                bob.name == "Bob" && bob.birthday == nil && bob.phones.isEmpty && bob.index.isEmpty)
        }
    }

    @Test func everyKindOfRoot() throws {
        let heap = try PersistentHeap.inMemory()
        try heap.write { tx in
            try tx.array("array", of: Int16.self).append(contentsOf: [1, -2])
            try tx.deque("deque", of: String?.self).append(contentsOf: ["a", nil])
            let map = try tx.map("map", String.self, Movement.self)
            map["bolt"] = Movement(item: 1, delta: 2, weight: nil)
            map["e\u{301}"] = Movement(item: 1, delta: 2, weight: .nan)
            let pairs = try tx.map("pairs", Double.self, PersistentMap<UUID, Data>.self)
            pairs[creating: -0.0][UUID()] = Data([1])
            pairs[creating: .nan][UUID()] = Data([2])
            try tx.sortedMap("sorted", Date.self, Colour?.self)[
                Date(timeIntervalSinceReferenceDate: 4)] = .some(.red)
            let sorted = try tx.sortedMap("numbers", Double.self, Int.self)
            for (number, key) in ([.nan, 3, .nan, -Double.infinity, .nan] as [Double]).enumerated()
            { sorted[key] = number }
            try tx.set("set", of: Data.self).insert(Data([7, 8]))
            try tx.sortedSet("sortedSet", of: Float.self).insert(-0.5)
            let bits = try tx.bitSet("bits")
            bits.insert(0)
            bits.insert(1 << 20)
            try tx.string("string").append("text")
            try tx.bytes("bytes").append(contentsOf: [0, 255])
            _ = try tx.value("value", initial: Address(street: "s", number: 1))
            _ = try tx.array("nothing", of: PersistentDeque<Int>.self)
            _ = try tx.string("no text")
        }
        let copy = try ExchangeRun.copy(heap, inOrder: false)
        try copy.read { tx in
            let map = try tx.map("map", String.self, Movement.self)
            #expect(
                map["bolt"] == Movement(item: 1, delta: 2, weight: nil) && map["é"]!.weight!.isNaN)
            let pairs = try tx.map("pairs", Double.self, PersistentMap<UUID, Data>.self)
            #expect(pairs.count == 2 && pairs[0]!.count == 1)
            let numbers = Array(try tx.sortedMap("numbers", Double.self, Int.self))
            #expect(numbers.map(\.value) == [3, 1, 0, 2, 4] && numbers[4].key.isNaN)
            #expect(Array(try tx.bitSet("bits")) == [0, 1 << 20])
            #expect(
                try tx.value("value", of: Address.self).value == Address(street: "s", number: 1))
        }
        #expect(
            try ExchangeRun.lines(heap, "array")
                == [#"{"holdfast":1,"root":"array","type":"Array<Int16>","count":2}"#, "1", "-2"])
    }

    @Test(arguments: [1, 2, 3, 4, 5] as [UInt64])
    func randomContents(seed: UInt64) throws {
        var random = SplitMix(state: seed)
        let heap = try PersistentHeap.inMemory()
        var texts: [String: [Data?]] = [:]
        var numbers: [Int: Set<String>] = [:]
        var payments: [Payment] = []
        for _ in 0 ..< 300 {
            texts[random.text()] = (0 ..< random.below(4)).map { _ in
                random.below(3) == 0 ? nil : Data(random.text().utf8)
            }
            numbers[Int(truncatingIfNeeded: random.next())] = Set(
                (0 ..< random.below(5)).map { _ in random.text() })
            let day = Date(timeIntervalSinceReferenceDate: Double(bitPattern: random.next() >> 2))
            payments.append(
                [
                    .cash, .card(random.text()), .transfer(iban: nil, on: day),
                    .transfer(iban: random.text(), on: day),
                ][
                    random.below(4)])
        }
        try heap.write { tx in
            let map = try tx.map("texts", String.self, PersistentArray<Data?>.self)
            for (key, values) in texts { map[creating: key].append(contentsOf: values) }
            let sorted = try tx.sortedMap("numbers", Int.self, PersistentSet<String>.self)
            for (key, values) in numbers {
                let set = sorted[creating: key]
                for value in values { set.insert(value) }
            }
            try tx.deque("payments", of: Payment.self).append(contentsOf: payments)
        }
        let folder = try TemporaryFolder()
        try heap.exportLines(to: folder.file("lines"))
        let copy = try PersistentHeap.inMemory()
        try copy.importLines(from: folder.file("lines"))
        try ExchangeRun.requireSound(copy)
        try copy.read { tx in
            let map = try tx.map("texts", String.self, PersistentArray<Data?>.self)
            let copiedTexts = Dictionary(
                uniqueKeysWithValues: map.map { ($0.key, Array($0.value)) })
            #expect(copiedTexts == texts)
            let sorted = try tx.sortedMap("numbers", Int.self, PersistentSet<String>.self)
            let copiedNumbers = Dictionary(
                uniqueKeysWithValues: sorted.map { ($0.key, Set($0.value)) })
            #expect(copiedNumbers == numbers)
            let copiedPayments = Array(try tx.deque("payments", of: Payment.self))
            #expect(copiedPayments == payments)
        }
    }

    /// Strings and bytes are exported in pieces, without splitting a scalar, and a hundred thousand
    /// entries one by one.
    @Test func largeRootsGoPieceByPiece() throws {
        let heap = try PersistentHeap.inMemory()
        let entries = TestExtent.choose(quick: 20_000, full: 100_000)
        let text = String(repeating: "aé€😀", count: 10_000)
        let data = Data((0 ..< 200_000).map { UInt8(truncatingIfNeeded: $0 &* 31) })
        try heap.write { tx in
            try tx.string("text").append(text)
            try tx.bytes("bytes").append(contentsOf: data)
            let map = try tx.map("map", Int.self, String.self)
            for number in 0 ..< entries { map[number] = "entry \(number)" }
        }
        let copy = try PersistentHeap.inMemory()
        let counts = ["text": 8, "bytes": 6, "map": entries + 1]
        for (root, count) in counts {
            let lines = try ExchangeRun.lines(heap, root)
            #expect(lines.count == count)
            // No line contains more than one piece.
            #expect(lines.allSatisfy { $0.utf8.count <= 66_000 })
            #expect(try ExchangeRun.add(lines, to: copy) == root)
        }
        try copy.read { tx in
            #expect(try tx.string("text").string == text)
            #expect(try tx.bytes("bytes").data == data)
            let map = try tx.map("map", Int.self, String.self)
            let isSame = map.allSatisfy { $0.value == "entry \($0.key)" }
            #expect(isSame)
            #expect(map.count == entries)
        }
        try ExchangeRun.requireSound(copy)
    }

    /// An import processes each line before it requests the next.
    @Test func anImportReadsOneLineAtATime() throws {
        let heap = try PersistentHeap.inMemory()
        try heap.write { tx in
            var handedOut = 0
            try tx.importRoot {
                handedOut += 1
                if handedOut == 1 {
                    return #"{"holdfast":1,"root":"a","type":"Array<Int>","count":100}"#
                }
                return handedOut <= 101 ? "\(handedOut)" : nil
            }
            #expect(handedOut == 102)
        }
    }

    /// A write transaction exports its uncommitted changes.
    @Test func exportsInsideAWriteTransaction() throws {
        let heap = try PersistentHeap.inMemory()
        try heap.write { tx in
            let set = try tx.set("set", of: Int.self)
            set.insert(3)
            var lines: [String] = []
            try tx.exportRoot("set") { lines.append($0) }
            var rest = lines[...]
            let name = try tx.importRoot(as: "copy") { rest.popFirst() }
            #expect(name == "copy")
            let copied = Array(try tx.set("copy", of: Int.self))
            #expect(copied == [3])
        }
        try ExchangeRun.requireSound(heap)
    }

    @Test func namesAndFiles() throws {
        let folder = try TemporaryFolder()
        let heap = try PersistentHeap.open(folder.file())
        try heap.write { tx in
            try tx.array("a \"strange\" näme\n", of: Int.self).append(3)
            try tx.array("b", of: Int.self).append(4)
        }
        try heap.exportLines(root: "b", to: folder.file("b"))
        #expect(try heap.importLines(from: folder.file("b"), as: "c") == ["c"])
        #expect(throws: HeapError.rootExists(path: heap.path, name: "b")) {
            try heap.importLines(from: folder.file("b"))
        }
        #expect(throws: HeapError.alreadyExists(path: folder.file("b"))) {
            try heap.exportLines(to: folder.file("b"))
        }
        #expect(throws: HeapError.rootNotFound(path: heap.path, name: "x")) {
            try heap.exportLines(root: "x", to: folder.file("x"))
        }
        // A failed export leaves nothing behind.
        #expect(!folder.names.contains { $0.hasPrefix("x") })
        #expect(throws: HeapError.io(operation: "open", path: folder.file("x"), code: 2)) {
            try heap.importLines(from: folder.file("x"))
        }
        try heap.exportLines(to: folder.file("all"))
        let copy = try PersistentHeap.open(folder.file("copy.heap"))
        #expect(
            try copy.importLines(from: folder.file("all")) == ["a \"strange\" näme\n", "b", "c"])
        #expect(throws: HeapError.self) {
            try copy.importLines(from: folder.file("all"), as: "only one")
        }
        try ExchangeRun.requireSound(copy)
        try copy.close()
        try heap.close()
    }

    /// Types are identified by their descriptions; another program's enum by its raw value, and the
    /// root stays unchanged.
    @Test func unknownTypes() throws {
        let heap = try PersistentHeap.inMemory()
        #expect(throws: HeapError.unknownType(path: heap.path, name: "a", type: "Array<Strange>")) {
            try ExchangeRun.add(
                [#"{"holdfast":1,"root":"a","type":"Array<Strange>","count":0}"#], to: heap)
        }
        let lines = [#"{"holdfast":1,"root":"a","type":"Array<enum Odd: Int16>","count":1}"#, "77"]
        try ExchangeRun.add(lines, to: heap)
        #expect(try ExchangeRun.lines(heap, "a") == lines)
        let roots = try heap.read { $0.roots }
        #expect(roots.map(\.type.text) == ["Array<enum Odd: Int16>"])
        try ExchangeRun.requireSound(heap)
        // Not the type of a root.
        #expect(throws: HeapError.unknownType(path: heap.path, name: "b", type: "Int")) {
            try ExchangeRun.add([#"{"holdfast":1,"root":"b","type":"Int","count":0}"#], to: heap)
        }
    }

    /// A half-converted root has two halves, one of which is not in the list of roots.
    @Test func unfinishedMigrationsAreRefused() throws {
        let heap = try PersistentHeap.inMemory()
        let folder = try TemporaryFolder()
        try heap.write { tx in try tx.array("a", of: Int.self).append(contentsOf: [1, 2, 3]) }
        let isDone = try heap.write { tx in
            try tx.convertArray("a", from: Int.self, to: Double.self, upTo: 1) { Double($0) }
        }
        #expect(!isDone)
        #expect {
            try heap.exportLines(to: folder.file("lines"))
        } throws: { "\($0)".contains("The root \"a\"") && "\($0)".contains("migration") }
        #expect(folder.names == [])
    }

    /// Migrations would misinterpret data of another version.
    @Test func versionsOfData() throws {
        let folder = try TemporaryFolder()
        let heap = try PersistentHeap.open(
            folder.file(), migrations: [HeapMigration(to: 3) { _ in }])
        try heap.write { tx in _ = try tx.array("a", of: Int.self) }
        try heap.exportLines(to: folder.file("lines"))
        let empty = try PersistentHeap.inMemory()
        try empty.importLines(from: folder.file("lines"))
        #expect(try empty.dataVersion == 3)
        let other = try PersistentHeap.inMemory()
        try other.write { tx in _ = try tx.array("b", of: Int.self) }
        #expect {
            try other.importLines(from: folder.file("lines"))
        } throws: { "\($0)".contains("version 3, but the heap's data has version 0") }
        try heap.close()
    }
}
