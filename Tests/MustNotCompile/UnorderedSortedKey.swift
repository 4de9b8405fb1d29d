// A sorted map needs an order that is part of the file format.
import Holdfast

enum Colour: UInt8, HeapEnum, PersistableKey { case red, green }

func use(_ heap: PersistentHeap) throws {
    try heap.write { tx in
        _ = try tx.map("map", Colour.self, Int.self)
        // expected: requires that 'Colour' conform to 'PersistableOrderedKey'
        _ = try tx.sortedMap("sorted", Colour.self, Int.self)
    }
}
