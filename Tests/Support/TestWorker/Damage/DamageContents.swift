import Foundation
import Holdfast

// The contents of the laboratory's heaps: every kind of collection and value, alone and nested.

struct Shipment: HeapStruct {
    var item: Int32
    var isReturned: Bool
    var colour: Shade
    var weight: Double?
    var approved: Bool?
}

enum Shade: Int16, HeapEnum, PersistableKey {
    case red = 4
    case green = 9
    case blue = 16
}

/// Large enough that a map of them has a directory and several segments.
struct Broad: HeapStruct {
    typealias Words = (UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64)
    var key: UInt64
    var low: Words = (0, 1, 2, 3, 4, 5, 6, 7)
    var high: Words = (0, 1, 2, 3, 4, 5, 6, 7)
}

/// The roots, and three operations on them: change them a little, read all of them, change each in
/// every way.
enum DamageContents {
    static func text(_ number: Int) -> String {
        [
            "", "é\(number)", "short \(number)", "exactly 15 by\(number % 90 + 10)",
            "a text of more than fifteen bytes, number \(number)",
        ][number % 5]
    }

    static func bytes(_ number: Int) -> Data {
        Data((0 ..< number % 40).map { UInt8(truncatingIfNeeded: $0 &* number) })
    }

    static func id(_ number: Int) -> UUID {
        let byte = UInt8(truncatingIfNeeded: number)
        return UUID(uuid: (byte, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, byte &* 7))
    }

    /// One commit: adds and changes something in every root.
    static func change(_ tx: borrowing WriteTransaction, step: Int) throws {
        let numbers = try tx.map("numbers", UInt64.self, Int.self)
        let names = try tx.map("names", String.self, String.self)
        let list = try tx.array("list", of: Int32.self)
        let moves = try tx.array("moves", of: Shipment.self)
        let tables = try tx.map("tables", Int16.self, PersistentArray<String>.self)
        let deep = try tx.map("deep", String.self, PersistentMap<Int, PersistentArray<Data>>.self)
        for number in step * 10 ..< step * 10 + 10 {
            numbers[UInt64(number) &* 0x9e37_79b9] = number
            names[text(number)] = text(number + 1)
            list.append(Int32(number))
            tables[creating: Int16(number % 7)].append(text(number))
        }
        let colour: Shade = step % 2 == 0 ? .green : .blue
        moves.append(
            Shipment(
                item: Int32(step), isReturned: step % 2 == 0, colour: colour,
                weight: step % 3 == 0 ? nil : 1.5,
                approved: step % 2 == 0))
        deep[creating: text(step)][creating: step % 3].append(bytes(step + 7))
        try tx.map("data", Int8.self, Data?.self)[Int8(step % 9)] = .some(bytes(step * 3))
        try tx.map("ids", UUID.self, Date.self)[id(step)] = Date(
            timeIntervalSinceReferenceDate: Double(step))
        try tx.map("floats", Double.self, Float.self)[Double(step) / 2] = Float(step)
        try tx.map("colours", Shade.self, PersistentString.self)[creating: colour].append(
            text(step))
        try tx.array("flags", of: Bool.self).append(step % 2 == 0)
        try tx.array("maybe", of: String?.self).append(step % 2 == 0 ? nil : text(step))
        try tx.value("launches", initial: 0).value &+= 1
        try tx.value("motto", initial: nil as String?).value = text(step * 4)
        try tx.string("notes").append(text(step * 9))
    }

    static func addWide(_ tx: borrowing WriteTransaction, count: Int) throws {
        let wide = try tx.map("wide", UInt64.self, Broad.self)
        for number in 0 ..< UInt64(count) { wide[number] = Broad(key: number) }
    }

    /// Reads everything; the sum distinguishes states, in this process and its forked children.
    static func sum(_ tx: borrowing ReadTransaction) throws -> Int {
        var sum = Hasher()
        func add(_ value: some Hashable) { sum.combine(value) }
        /// The order of a map's entries is not part of the state.
        func entries<Key: Hashable, Value>(
            _ map: PersistentMap<Key, Value>, _ value: (Value) -> Int
        ) -> Int {
            var total = 0
            for entry in map {
                var one = Hasher()
                one.combine(entry.key)
                one.combine(value(entry.value))
                total ^= one.finalize()
            }
            return total
        }
        func hash(_ value: some Hashable) -> Int { value.hashValue }
        for root in tx.roots { add(root.name) }
        if tx.hasRoot("launches") {
            add(entries(try tx.map("numbers", UInt64.self, Int.self)) { $0 })
            add(entries(try tx.map("names", String.self, String.self), hash))
            for element in try tx.array("list", of: Int32.self) { add(element) }
            for move in try tx.array("moves", of: Shipment.self) {
                add(move.item)
                add(move.isReturned)
                add(move.colour)
                add(move.weight)
                add(move.approved)
            }
            add(
                entries(try tx.map("tables", Int16.self, PersistentArray<String>.self)) {
                    hash(Array($0))
                })
            add(
                entries(
                    try tx.map("deep", String.self, PersistentMap<Int, PersistentArray<Data>>.self)
                ) {
                    entries($0) { hash(Array($0)) }
                })
            add(entries(try tx.map("data", Int8.self, Data?.self), hash))
            add(entries(try tx.map("ids", UUID.self, Date.self), hash))
            add(entries(try tx.map("floats", Double.self, Float.self), hash))
            add(
                entries(try tx.map("colours", Shade.self, PersistentString.self)) {
                    hash($0.string)
                })
            for flag in try tx.array("flags", of: Bool.self) { add(flag) }
            for text in try tx.array("maybe", of: String?.self) { add(text) }
            add(try tx.value("launches", of: Int.self).value)
            add(try tx.value("motto", of: String?.self).value)
            add(try tx.string("notes").string)
        }
        if tx.hasRoot("wide") {
            add(
                entries(try tx.map("wide", UInt64.self, Broad.self)) {
                    hash($0.key &+ $0.low.7 &+ $0.high.3)
                })
        }
        return sum.finalize()
    }

    /// Changes, shrinks and removes: other things that a program might do to a heap without knowing
    /// that it is damaged.
    static func disturb(_ tx: borrowing WriteTransaction, step: Int) throws {
        try change(tx, step: step)
        let list = try tx.array("list", of: Int32.self)
        list.withMutableSpan { span in if span.count > 0 { span[0] = 7 } }
        list.insert(5, at: 0)
        list.removeAll()
        let tables = try tx.map("tables", Int16.self, PersistentArray<String>.self)
        if let table = tables[3] { tables[1] = table }
        tables.removeAll()
        try tx.map("names", String.self, String.self)[text(step)] = nil
        _ = try tx.removeRoot(
            "deep", PersistentMap<String, PersistentMap<Int, PersistentArray<Data>>>.self)
        _ = try tx.removeRoot("notes", PersistentString.self)
    }
}
