import Foundation
import HoldfastEngine
import Testing
import TestSupport

@testable import Holdfast

private struct Place: HeapStruct, Equatable {
    var x: Double
    var y: Double
}

private enum Kind: UInt8, HeapEnum { case friend, colleague }

private struct Address: HeapRecord, Equatable {
    var street: String
    var city: String?
    var place: Place
}

private struct Contact: HeapRecord {
    let id: UUID
    var name: String
    var isActive: Bool
    var birthday: Date?
    var kind: Kind
    var address: Address
    var scores: InlineArray<3, Int32>
    var phones = PersistentArray<String>()
    var notes = PersistentMap<String, Int>()
    var spouse: HeapRef<Contact>?
    var picture: Data
    var initials: String { String(name.prefix(1)) }
}

private struct Node: HeapRecord {
    var value: Int
    var next: HeapRef<Node>?
}

private struct Person: HeapRecord {
    var name: String
}

private struct Article: HeapRecord {
    var title: String
    var author: SharedRef<Person>
}

private final class Thing {}

private func contact(_ name: String) -> Contact {
    Contact(
        id: UUID(), name: name, isActive: true, birthday: Date(timeIntervalSinceReferenceDate: 5),
        kind: .colleague,
        address: Address(
            street: "A street that is longer than fifteen bytes", city: nil,
            place: Place(x: 1, y: 2)),
        scores: [1, 2, 3], spouse: nil, picture: Data(repeating: 7, count: 100))
}

@Suite(.progress) struct RecordTests {
    private let folder = try! TemporaryFolder()

    private func open() throws -> PersistentHeap { try PersistentHeap.open(folder.file()) }

    /// Pages in use; records the problems found by the audit.
    private func pages(_ heap: PersistentHeap) throws -> UInt64 {
        let audit = try heap.audit()
        #expect(audit.problems == [])
        return audit.pages
    }

    @Test func aRecordComesBackAsItWas() throws {
        let written = contact("Ada")
        do {
            let heap = try open()
            try heap.write { tx in
                let contacts = try tx.array("contacts", of: Contact.self)
                contacts.append(written)
                contacts[ref: 0].phones.append("+44")
                contacts[ref: 0].notes["calls"] = 3
            }
            try heap.close()
        }
        let heap = try open()
        try heap.read { tx in
            let contacts = try tx.array("contacts", of: Contact.self)
            let read = contacts[0]
            let phones = Array(read.phones)
            let calls = read.notes["calls"]
            #expect(
                read.id == written.id && read.name == "Ada" && read.isActive
                    && read.birthday == written.birthday)
            #expect(
                read.kind == .colleague && read.address == written.address
                    && read.picture == written.picture)
            #expect(read.scores[0] == 1 && read.scores[2] == 3 && read.spouse == nil)
            #expect(phones == ["+44"] && calls == 3)
        }
    }

    @Test func fieldsAreChangedInPlace() throws {
        let heap = try open()
        try heap.write { tx in
            let contacts = try tx.map("contacts", String.self, Contact.self)
            contacts["ada"] = contact("Ada")
            contacts["charles"] = contact("Charles")
            let ada = try #require(contacts[ref: "ada"])
            let charles = try #require(contacts[ref: "charles"])
            ada.spouse = charles
            charles.spouse = ada
            ada.spouse?.name = "Charles Babbage, of the Analytical Engine"
            ada.name += " Lovelace"
            ada.address.city = "London"
            ada.birthday = nil
            ada.scores[1] = 20
            ada.phones.append("1")
            ada.spouse?.spouse?.isActive = false
        }
        try heap.read { tx in
            let contacts = try tx.map("contacts", String.self, Contact.self)
            let ada = try #require(contacts["ada"])
            let charles = try #require(contacts["charles"])
            #expect(
                ada.name == "Ada Lovelace" && ada.address.city == "London" && ada.birthday == nil
                    && ada.scores[1] == 20)
            #expect(charles.name == "Charles Babbage, of the Analytical Engine" && !ada.isActive)
        }
        #expect(throws: HeapError.self) {
            // A transaction that throws leaves no changes.
            try heap.write { tx in
                try tx.map("contacts", String.self, Contact.self)[ref: "ada"]?.name = "nobody"
                throw HeapError.closed(path: "")
            }
        }
        let name = try heap.read {
            try $0.map("contacts", String.self, Contact.self)[ref: "ada"]?.name
        }
        #expect(name == "Ada Lovelace")
    }

    @Test func recordsInSortedMapsAndDequesAreChangedInPlace() throws {
        let heap = try open()
        try heap.write { tx in
            let contacts = try tx.sortedMap("contacts", Int.self, Contact.self)
            for number in 0 ..< 200 { contacts[number] = contact("Number \(number)") }
            let last = try #require(contacts[ref: 199])
            last.name += ", the last"
            contacts[ref: 100]?.spouse = last
            contacts[ref: 200]?.name = "nobody"
            let queue = try tx.deque("queue", of: Contact.self)
            // The ring is full and has wrapped.
            for number in 0 ..< 20 {
                queue.append(contact("Waiting \(number)"))
                if number % 2 == 1 { queue.removeElement(at: 0) }
            }
            queue[ref: 3].name += ", the fourth"
            queue[ref: 3].phones.append("1")
        }
        try heap.read { tx in
            let contacts = try tx.sortedMap("contacts", Int.self, Contact.self)
            let names = [
                contacts[198]?.name, contacts[199]?.name, contacts[100]?.spouse?.name,
                contacts[ref: 200]?.name,
            ]
            #expect(names == ["Number 198", "Number 199, the last", "Number 199, the last", nil])
            let queue = try tx.deque("queue", of: Contact.self)
            let waiting = queue.map { $0.name + "\($0.phones.count)" }
            #expect(waiting[2 ... 4] == ["Waiting 120", "Waiting 13, the fourth1", "Waiting 140"])
        }
    }

    @Test func whatRecordsOwnIsFreedWithThem() throws {
        let heap = try open()
        let empty = try pages(heap)
        for round in 0 ..< 3 {
            try heap.write { tx in
                let contacts = try tx.map("contacts", Int.self, Contact.self)
                for number in 0 ..< 200 {
                    contacts[number] = contact("Somebody with quite a long name, number \(number)")
                    contacts[ref: number]?.phones.append(
                        contentsOf: (0 ..< 20).map { "a telephone number, the \($0)th" })
                    contacts[ref: number]?.notes["a note with a long key, number \(number)"] = round
                }
                // Replacing frees the old value.
                for number in 0 ..< 100 {
                    contacts[number] = contact("Somebody else whose name is long")
                }
                let settings = try tx.value(
                    "first", initial: contact("First of them all, quite long"))
                settings.name = "Another long name for the first of them"
                settings.record = contact("And a third one, also beyond fifteen bytes")
            }
            try heap.write { tx in
                if round == 1 { try tx.map("contacts", Int.self, Contact.self).removeAll() }
                try tx.removeRoot("contacts", PersistentMap<Int, Contact>.self)
                try tx.removeRoot("first", PersistentValue<Contact>.self)
            }
            try heap.checkpoint()
            let left = try pages(heap)
            #expect(left == empty)
        }
    }

    @Test func cyclesAreLinkedWalkedAndFreed() throws {
        let heap = try open()
        let empty = try pages(heap)
        try heap.write { tx in
            let first = try tx.new(Node(value: 0, next: nil))
            var last = first
            for value in 1 ..< 100 {
                let node = try tx.new(Node(value: value, next: nil))
                last.next = node
                last = node
            }
            last.next = first
            _ = try tx.value("first", initial: Optional(first))
        }
        try heap.write { tx in
            let root = try tx.value("first", initial: HeapRef<Node>?.none)
            let first = try #require(root.value)
            var sum = first.value
            var node = first
            while let next = node.next, next != first {
                sum += next.value
                node = next
            }
            #expect(sum == 4950)
            node.next?.next?.value = 1000
            let changed = first.next?.value
            #expect(changed == 1000)
            var each: HeapRef<Node>? = first
            while let current = each {
                each = current.next == first ? nil : current.next
                current.free()
            }
            try tx.removeRoot("first", PersistentValue<HeapRef<Node>?>.self)
        }
        try heap.checkpoint()
        let left = try pages(heap)
        #expect(left == empty)
    }

    @Test func sharedRecordsGoWithTheirLastOwner() throws {
        let heap = try open()
        let empty = try pages(heap)
        try heap.write { tx in
            let articles = try tx.array("articles", of: Article.self)
            let ada = try tx.share(Person(name: "Ada, Countess of Lovelace"))
            for number in 0 ..< 10 {
                articles.append(Article(title: "On engines, part \(number)", author: ada))
            }
            let count = ada.referenceCount
            #expect(count == 10)
            articles[ref: 3].author.name = "Ada King"
            let name = articles[7].author.name
            #expect(name == "Ada King")
            let other = try tx.share(Person(name: "L. F. Menabrea, of Turin"))
            articles[ref: 0].author = other
            // Setting the present value keeps it.
            articles[ref: 1].author = articles[ref: 1].author
            articles[2] = articles[2]
            let counts = (ada.referenceCount, other.referenceCount)
            #expect(counts == (9, 1))
            while articles.count > 1 { articles.removeElement(at: articles.count - 1) }
            let last = other.referenceCount
            #expect(last == 1)
        }
        try heap.write { tx in _ = try tx.removeRoot("articles", PersistentArray<Article>.self) }
        try heap.checkpoint()
        let left = try pages(heap)
        #expect(left == empty)
    }

    @Test func fieldsThatCannotBeKeptAreNamed() throws {
        struct WithArray: HeapRecord { var name: String; var list: [Thing] }
        struct WithObject: HeapRecord { var thing: Thing }
        struct WithClosure: HeapRecord { var action: () -> Void }
        struct WithPointer: HeapRecord { var pointer: UnsafeRawPointer }
        struct Outer: HeapRecord { var inner: WithArray }
        let heap = try open()
        func reason<T: HeapRecord>(_ type: T.Type) throws -> String {
            do {
                try heap.write { tx in _ = try tx.array("a", of: type) }
                return ""
            } catch HeapError.notStorable(let type, let reason) {
                return "\(type): \(reason)"
            }
        }
        let array = try reason(WithArray.self)
        #expect(
            array.contains("its field list is of the type Array<Thing>")
                && array.contains("what it contains cannot be stored"))
        let object = try reason(WithObject.self)
        #expect(object.contains("its field thing is of the type Thing"))
        let closure = try reason(WithClosure.self)
        #expect(closure.contains("its field action"))
        let pointer = try reason(WithPointer.self)
        #expect(pointer.contains("its field pointer"))
        let outer = try reason(Outer.self)
        #expect(outer.hasPrefix("WithArray"))
    }

    @Test func theLayoutIsRecorded() throws {
        let node = try Node.describe()
        #expect(node.text == "record Node{value: Int @8, next: Ref<Node>? @16; 32 bytes}")
        let text = try Address.describe().text
        #expect(
            text
                == "record Address{street: String @8, city: String? @24, place: Place{x: Double @0, y: Double @8; 16 bytes} @48; 64 bytes}"
        )
        for type in [Contact.self, Article.self, Node.self] as [any HeapRecord.Type] {
            let description = try type.describe()
            #expect(description.shape != nil, "\(description)")
        }
    }

    @Test func aChangedLayoutIsRefusedByField() throws {
        enum Old {
            struct Item: HeapRecord { var name: String; var price: Int32; var note: String? }
        }
        enum New {
            struct Item: HeapRecord {
                var name: String; var price: Double; var note: String?
            }
            enum Shorter { struct Item: HeapRecord { var name: String; var price: Int32 } }
            enum Longer {
                struct Item: HeapRecord {
                    var name: String; var price: Int32; var note: String?; var colour: Int
                }
            }
        }
        let heap = try open()
        try heap.write { tx in
            try tx.map("items", String.self, PersistentArray<Old.Item>.self)[creating: "a"].append(
                Old.Item(name: "a", price: 1, note: nil))
        }
        func difference<T: HeapRecord>(_ type: T.Type) throws -> String {
            do {
                try heap.read { tx in _ = try tx.map("items", String.self, PersistentArray<T>.self)
                }
                return ""
            } catch HeapError.rootTypeMismatch(_, _, _, _, let difference) {
                return difference
            }
        }
        let changed = try difference(New.Item.self)
        #expect(changed == "the field Item.price: Int32 in the file, Double in this program")
        let shorter = try difference(New.Shorter.Item.self)
        #expect(shorter == "the field Item.note is in the file but not in this program")
        let longer = try difference(New.Longer.Item.self)
        #expect(longer == "the field Item.colour is in this program but not in the file")
        let same = try difference(Old.Item.self)
        #expect(same == "")
    }

    private func said(_ sentence: String, _ result: ExitTest.Result?) -> Bool {
        guard let result else { return false }
        return String(decoding: result.standardErrorContent, as: UTF8.self).contains(sentence)
    }

    @Test func aFreedRecordIsNoticed() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent])
        {
            try PersistentHeap.inMemory().write { tx in
                let node = try tx.new(Node(value: 1, next: nil))
                node.free()
                _ = node.value
            }
        }
        #expect(said("no longer leads to its Node", result))
    }

    @Test func freeingARecordTwice() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent])
        {
            try PersistentHeap.inMemory().write { tx in
                let node = try tx.new(Node(value: 1, next: nil))
                node.free()
                node.free()
            }
        }
        #expect(said("no longer leads to its Node", result))
    }

    @Test func aCollectionThatIsInNoHeap() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent])
        {
            _ = PersistentArray<Int>().count
        }
        #expect(said("before it was stored", result))
    }

    @Test func aPathThatIsNoField() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent])
        {
            try PersistentHeap.inMemory().write { tx in
                _ = try tx.new(contact("a")).address.street; _ = try tx.new(contact("a")).initials
            }
        }
        #expect(said("is not a stored field of Contact", result))
    }

    @Test func writingThroughARead() async {
        let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent])
        {
            let heap = try PersistentHeap.inMemory()
            try heap.write { tx in _ = try tx.value("first", initial: Node(value: 1, next: nil)) }
            try heap.read { tx in try tx.value("first", of: Node.self).ref.value = 2 }
        }
        #expect(said("a read transaction was written through", result))
    }
}
