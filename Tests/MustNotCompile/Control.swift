// Compiles: contains correct versions of all the other files' mistakes. So those fail for the
// reason that they name.
import Holdfast

struct Item: HeapStruct { var number: Int; var weight: Double? }

struct Node: HeapRecord {
    var name: String
    var values = PersistentArray<Int>()
    var next: HeapRef<Node>?
}

enum Colour: UInt8, HeapEnum, PersistableOrderedKey { case red, green }

enum Choice: HeapUnion {
    case item(Item)

    static let cases = [
        UnionCase("item", Choice.item) { if case .item(let item) = $0 { item } else { nil } }
    ]
}

func use(_ heap: PersistentHeap) async throws {
    let count = try await heap.write { tx in
        let items = try tx.array("items", of: Item.self)
        items.append(Item(number: 1, weight: nil))
        _ = try tx.map("map", Colour.self, Choice.self)
        _ = try tx.sortedMap("sorted", Colour.self, Int.self)
        let node = try tx.new(Node(name: "a", next: nil))
        node.next = node
        let block = tx.allocate(Item(number: 2, weight: 1))
        tx[block].number += 1
        tx.free(block)
        node.free()
        try tx.removeRoot("sorted", PersistentSortedMap<Colour, Int>.self)
        return items.withSpan { $0.count }
    }
    Task { try heap.read { tx in _ = try tx.array("items", of: Item.self).count + count } }
}

@Persistable struct Contact {
    var name: String
    var payment = Payment.cash
    var level: Level?
    var friend: HeapRef<Contact>?
}

@Persistable enum Payment { case cash, card(String), split(Int, of: Int) }

@Persistable enum Level: Int16 { case low, high }

@Persistable(.plain) struct Entry { var number: Int, place: (Int32, Int32) }

enum Outer {
    @Persistable fileprivate struct Box<Value: Persistable> { var value: Value }
}

@HeapSchema struct Shop {
    var stock: PersistentMap<String, Int>
    var count = 0
}

func use(_ shop: TypedHeap<Shop>) async throws {
    try await shop.write { shop in
        shop.stock["bolt"] = 1
        shop.count += 1
    }
    _ = try await shop.read { $0.stock["bolt"] }
}
