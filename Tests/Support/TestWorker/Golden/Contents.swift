import Foundation
import Holdfast

/// The contents of the golden heaps, and the types for reading them.
public enum Contents {
    /// The names of the heaps that are complete files.
    public static let atRest = ["empty", "tiny", "forms", "collections", "large"]
    /// The names of the heaps left by a process that was killed (`killed`), or that ended together
    /// with the machine in the middle of a checkpoint (`torn`).
    public static let left = ["killed", "torn"]
    /// The export of `killed` if the machine has restarted too, and the file that is never synced
    /// is gone.
    public static let killedWithoutShared = "killed-without-shared"

    /// All types of the program's own; nothing else in the heaps needs to be declared.
    public static let types: [any Persistable.Type] = [
        Colour.self, Mood.self, Inner.self, Plain.self, Twelve.self, Odd.self, Wide.self,
        Payment.self, Address.self, Note.self,
        Person.self,
        PersistentArray<Plain>.self, PersistentArray<Odd>.self, PersistentArray<Inner?>.self,
        PersistentArray<Twelve?>.self,
        PersistentArray<Mood?>.self,
        PersistentArray<Payment>.self, PersistentMap<String, Person>.self,
        PersistentArray<Note>.self,
        PersistentArray<SharedRef<Note>>.self,
        PersistentMap<Colour, Int8>.self, PersistentSortedMap<Colour, String>.self,
        PersistentMap<Int, Wide>.self,
        PersistentArray<Encoded<Settings>?>.self, PersistentArray<Encoded<[Double]>>.self,
        PersistentValue<Person>.self,
        PersistentArray<[3 of UInt8]>.self,
    ]

    public static func id(_ number: Int) -> UUID {
        UUID(uuid: (UInt8(number), 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 255))
    }

    public static let day = Date(timeIntervalSinceReferenceDate: 1000.5)

    /// The heap shown in Docs/FileFormat.md.
    public static func fillTiny(_ heap: PersistentHeap) throws {
        try heap.write { tx in try tx.array("n", of: Int16.self).append(contentsOf: [1, -1]) }
    }

    // MARK: Stored forms

    public static func fillForms(_ heap: PersistentHeap) throws {
        try heap.write { tx in
            try tx.array("ints", of: Int.self).append(contentsOf: [0, -1, .max, .min])
            try tx.array("ints8", of: Int8.self).append(contentsOf: [0, -1, .max, .min])
            try tx.array("ints16", of: Int16.self).append(contentsOf: [0, -1, .max, .min])
            try tx.array("ints32", of: Int32.self).append(contentsOf: [0, -1, .max, .min])
            try tx.array("ints64", of: Int64.self).append(contentsOf: [0, -1, .max, .min])
            try tx.array("uints", of: UInt.self).append(contentsOf: [0, 1, .max])
            try tx.array("uints8", of: UInt8.self).append(contentsOf: [0, 1, .max])
            try tx.array("uints16", of: UInt16.self).append(contentsOf: [0, 1, .max])
            try tx.array("uints32", of: UInt32.self).append(contentsOf: [0, 1, .max])
            try tx.array("uints64", of: UInt64.self).append(contentsOf: [0, 1, .max])
            try tx.array("doubles", of: Double.self).append(contentsOf: [
                0, -0.0, 0.1, -2.5, 1e300, .leastNonzeroMagnitude, .infinity, -.infinity, .nan,
            ])
            try tx.array("floats", of: Float.self).append(contentsOf: [
                0, -0.0, 0.1, 16_777_216, .leastNonzeroMagnitude, .infinity, .nan,
            ])
            try tx.array("bools", of: Bool.self).append(contentsOf: [true, false])
            try tx.array("texts", of: String.self).append(contentsOf: [
                "", "fifteen bytes..", "sixteen bytes...", "tab\tquote\"slash/back\\zero\0",
                "Grüße, 世界, e\u{301}, 🙂",
            ])
            try tx.array("datas", of: Data.self).append(contentsOf: [
                Data(), Data([0, 255]), Data((0 ..< 40).map { UInt8($0) }),
            ])
            try tx.array("ids", of: UUID.self).append(contentsOf: [id(0), id(1)])
            try tx.array("dates", of: Date.self).append(contentsOf: [
                day, Date(timeIntervalSinceReferenceDate: -0.25),
            ])
            try tx.array("maybe", of: Int?.self).append(contentsOf: [nil, 7])
            try tx.array("maybe twice", of: String??.self).append(contentsOf: [
                nil, .some(nil), "here",
            ])
            try tx.array("maybe inner", of: Inner?.self).append(contentsOf: [
                nil, Inner(flag: true, small: -3),
            ])
            try tx.array("maybe twelve", of: Twelve?.self).append(contentsOf: [
                Twelve(large: -1, small: 2), nil,
            ])
            try tx.array("moods", of: Mood?.self).append(contentsOf: [.calm, nil, .wild])
            try tx.array("plain", of: Plain.self).append(contentsOf: [Plain(0), Plain(1), Plain(2)])
            try tx.array("odd", of: Odd.self).append(contentsOf: [Odd(0), Odd(1), Odd(2)])
            try tx.array("rows", of: [3 of UInt8].self).append([7, 8, 9])
            let encoded = try tx.array("encoded", of: Encoded<Settings>?.self)
            encoded.append(Encoded(Settings(title: "a/b", sizes: [1, -2], ratio: .infinity)))
            encoded.append(nil)
            try tx.array("encoded lists", of: Encoded<[Double]>.self).append(Encoded([0.5, 1]))
            let payments = try tx.array("payments", of: Payment.self)
            payments.append(.cash)
            payments.append(.card("a number of more than fifteen digits"))
            let parts = try tx.array("parts", of: Int16.self)
            parts.append(contentsOf: [1, -1])
            payments.append(.transfer(-4, day, parts))
            _ = try tx.value("answer", initial: 42)
            _ = try tx.value("nothing", initial: Date?.none)
        }
        try heap.write { tx in try fillRecords(tx) }
    }

    private static func fillRecords(_ tx: borrowing WriteTransaction) throws {
        let people = try tx.map("people", String.self, Person.self)
        for (number, name) in ["ada", "bob with a long name"].enumerated() {
            people[name] = person(name, number)
        }
        guard let ada = people[ref: "ada"], let bob = people[ref: "bob with a long name"] else {
            fatalError("they have just been put in")
        }
        ada.friends.append(bob)
        ada.friends.append(ada)
        ada.best = bob
        bob.stray = try tx.new(Address(street: "nobody's", number: 1))
        let first = try tx.share(Note(text: "shared by three", next: nil))
        let second = try tx.share(Note(text: "leads to the first", next: first))
        ada.note = first
        bob.note = second
        try tx.array("notes", of: SharedRef<Note>.self).append(first)
        ada.home = Address(street: "A street with a long name", number: nil)
        ada.marks["one"] = 1
        ada.history.append(0.5)
        ada.history.prepend(-0.5)
        ada.days[day] = "the day"
        ada.tags.insert("tag")
        ada.rooms.formUnion([3, -3])
        ada.bits.insert(70)
        ada.text.append("A text of the record's own.")
        ada.bytes.append(contentsOf: [1, 2, 3])
        _ = try tx.value("one person", initial: person("eve", 1))
    }

    private static func person(_ name: String, _ number: Int) -> Person {
        Person(
            name: name, isAdult: number == 1, born: number == 0 ? nil : day, id: id(number),
            photo: Data([9, 8, 7]), home: nil,
            favourite: number == 0 ? .red : .green, mood: number == 0 ? nil : .calm,
            payment: number == 0 ? .cash : .card("4711"),
            plain: Plain(number), twelve: number == 0 ? nil : Twelve(large: 1, small: -1),
            after: -1,
            perhaps: number == 0 ? .some(nil) : 5,
            settings: Encoded(Settings(title: name, sizes: [number], ratio: nil)))
    }

    // MARK: Collections

    public static func fillCollections(_ heap: PersistentHeap) throws {
        try heap.write { tx in
            _ = try tx.array("no elements", of: Int.self)
            _ = try tx.map("no entries", String.self, Int.self)
            _ = try tx.sortedMap("no sorted entries", String.self, Int.self)
            _ = try tx.deque("no jobs", of: Int.self)
            let jobs = try tx.deque("jobs", of: Int16.self)
            // The ring has few enough slots to wrap.
            jobs.reserveCapacity(8)
            let room = jobs.capacity
            for job in 0 ..< room { jobs.append(Int16(job)) }
            for _ in 0 ..< room - 5 { _ = jobs.popFirst() }
            for job in 0 ..< 9 { jobs.append(Int16(-job)) }
            try fillMaps(tx)
            let text = try tx.string("text")
            text.append(String(repeating: "Grüße an alle. ", count: 40))
            try tx.bytes("bytes").append(
                contentsOf: (0 ..< 300).map { UInt8(truncatingIfNeeded: $0) })
            let bits = try tx.bitSet("bits")
            for bit in [0, 63, 64, 1000] { bits.insert(bit) }
            let nested = try tx.map(
                "nested", String.self, PersistentMap<Int, PersistentArray<String>>.self)
            nested[creating: "a"][creating: 1].append(contentsOf: ["x", "beyond fifteen bytes"])
            nested[creating: "a"][creating: 2].append("y")
            _ = nested[creating: "b"]
            let lists = try tx.array("lists", of: PersistentArray<Int>?.self)
            lists.append(nil)
            let sorted = try tx.array("maps", of: PersistentSortedMap<String, Bool>.self)
            sorted.appendNew()["z"] = true
            sorted[0]["a"] = false
        }
        // Blocks in between are free again.
        try heap.write { tx in
            let words = try tx.map("words", String.self, Int32.self)
            for number in stride(from: 0, to: 80, by: 3) {
                _ = words.removeValue(forKey: word(number)) as Bool
            }
            let levels = try tx.sortedMap("sorted words", String.self, UInt8.self)
            for number in stride(from: 0, to: 80, by: 2) {
                _ = levels.removeValue(forKey: word(number)) as Bool
            }
        }
    }

    /// Some words within 15 bytes, some longer, some not ASCII.
    public static func word(_ number: Int) -> String {
        switch number % 3 {
        case 0: "w\(number)"
        case 1: "a word of many letters, \(number)"
        default: "größe \(number)"
        }
    }

    private static func fillMaps(_ tx: borrowing WriteTransaction) throws {
        let words = try tx.map("words", String.self, Int32.self)
        let sortedWords = try tx.sortedMap("sorted words", String.self, UInt8.self)
        for number in 0 ..< 80 {
            words[word(number)] = Int32(number)
            sortedWords[word(number)] = UInt8(number)
        }
        let squares = try tx.map("squares", Int.self, Int.self)
        for number in -20 ..< 20 { squares[number] = number * number }
        try tx.map("by small", Int8.self, Bool.self)[-1] = true
        try tx.map("by large", UInt64.self, Bool.self)[.max] = false
        let floats = try tx.map("by float", Float.self, String.self)
        floats[0.1] = "a tenth"
        floats[-0.0] = "zero"
        let doubles = try tx.map("by double", Double.self, UInt8.self)
        doubles[1e300] = 1
        doubles[.infinity] = 2
        try tx.map("by id", UUID.self, Int.self)[id(1)] = 1
        try tx.map("by date", Date.self, Int.self)[day] = 1
        let datas = try tx.map("by data", Data.self, Int.self)
        datas[Data()] = 0
        datas[Data(repeating: 7, count: 33)] = 33
        let colours = try tx.map("by colour", Colour.self, Int8.self)
        colours[.red] = -1
        colours[.green] = 1
        try tx.set("numbers", of: UInt16.self).formUnion((0 ..< 50).map { UInt16($0 * 1000) })
        try tx.set("names", of: String.self).formUnion([
            "é", "e", "long enough not to lie in place",
        ])
        let times = try tx.sortedMap("times", Date.self, Data.self)
        for number in 0 ..< 40 {
            times[Date(timeIntervalSinceReferenceDate: Double(number * 37 % 40))] = Data([
                UInt8(number)
            ])
        }
        let keys = try tx.sortedSet("keys", of: Data.self)
        for number in 0 ..< 40 {
            keys.insert(Data(repeating: UInt8(number * 7 % 40), count: number))
        }
        let ratios = try tx.sortedMap("ratios", Double.self, Int.self)
        for ratio in [0.5, -0.0, -.infinity, .nan, 1e300] { ratios[ratio] = 1 }
        try tx.sortedMap("sorted colours", Colour.self, String.self)[.green] = "green"
        try tx.sortedSet("ids", of: UUID.self).insert(id(2))
    }

    // MARK: A heap of more than 256 pages

    public static func fillLarge(_ heap: PersistentHeap) throws {
        try heap.write { tx in
            // Runs of pages, described by a part of the page map beyond the first.
            let array = try tx.array("room", of: Int.self)
            array.reserveCapacity(150_000)
            array.append(contentsOf: [1, 2, 3])
            let gap = try tx.array("gap", of: Int.self)
            gap.reserveCapacity(5_000)
            // Segments that have split, and a directory that leads to them.
            let wide = try tx.map("wide", Int.self, Wide.self)
            for number in 0 ..< 24 { wide[number] = Wide(number) }
            // Two levels of inner nodes.
            try tx.sortedSet("tall", of: UInt16.self).append(
                sorted: (0 ..< 2000).map { UInt16($0 * 3) })
            try tx.deque("behind", of: UInt8.self).append(7)
        }
        try heap.write { tx in _ = try tx.removeRoot("gap", PersistentArray<Int>.self) }
    }

    // MARK: Heaps of killed processes

    public static func fillBeforeLog(_ heap: PersistentHeap) throws {
        try heap.write { tx in
            let stock = try tx.map("stock", String.self, Int.self)
            for number in 0 ..< 30 { stock["item \(number)"] = number }
            try tx.array("log", of: String.self).append("before the log")
        }
    }

    /// The changes of transaction `number` among those in the log.
    public static func change(_ heap: PersistentHeap, _ number: Int) throws {
        try heap.write { tx in
            let stock = try tx.map("stock", String.self, Int.self)
            stock["item \(number % 30)", default: 0] += 1000
            stock["new \(number)"] = number
            try tx.array("log", of: String.self).append("transaction number \(number)")
            if number == 2 { try tx.deque("later", of: Double.self).append(0.5) }
        }
    }
}
