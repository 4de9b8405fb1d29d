import Foundation
import Holdfast

// The program's own types in the golden heaps. They are in files that every later version must
// read: add types, and never change these.

public enum Colour: UInt8, HeapEnum, PersistableKey, PersistableOrderedKey {
    case red = 1
    case green = 7
}

public enum Mood: String, HeapEnum {
    case calm
    case wild = "wild beyond fifteen bytes"
}

/// An enum without raw values, which a type description calls bytes.
public enum Side: BitwiseCopyable { case left, middle, right }

public struct Inner: HeapStruct, Equatable, BitwiseCopyable {
    public var flag: Bool
    public var small: Int16?
}

/// One of each type that Swift lays out by itself.
public struct Plain: HeapStruct, BitwiseCopyable {
    public var item: Int32
    public var inner: Inner
    public var delta: Double?
    public var pair: (UInt8, Int64)
    public var mark: Unicode.Scalar
    public var maybe: Bool?
    public var side: Side
    public var row: [3 of Int16]
    public var tail: UInt8

    public init(_ number: Int) {
        item = Int32(-number)
        inner = Inner(flag: number % 2 == 0, small: number == 0 ? nil : Int16(number))
        delta = number == 1 ? nil : 2.5
        pair = (UInt8(number), Int64(-9 * number))
        mark = "é"
        maybe = number == 0 ? nil : number == 1
        side = number == 0 ? .left : .right
        row = [1, Int16(number), -1]
        tail = 255
    }
}

/// Twelve bytes that are followed by other fields in optionals and in structs.
public struct Twelve: HeapStruct, BitwiseCopyable {
    public var large: Int64
    public var small: Int32
}

/// An enum whose cases have payloads: bytes in the program's own form, with an alignment.
public enum Form: BitwiseCopyable {
    case circle(Double)
    case point
}

public struct Couple<Part: BitwiseCopyable & Sendable>: HeapStruct, BitwiseCopyable {
    public var first: Part
    public var second: Part
}

/// Optionals of several kinds, and types that reflection cannot inspect.
public struct Odd: HeapStruct, BitwiseCopyable {
    public var deep: Int8??
    public var flag: Bool??
    public var twelve: Twelve?
    public var form: Form
    public var couple: Couple<Int16>
    public var scalar: Unicode.Scalar?
    public var couples: [2 of Couple<UInt8>]
    public var rest: (name: Int8, number: Float?)

    public init(_ number: Int) {
        deep = [.some(.none), 5, .none][number]
        flag = [.some(.none), true, .none][number]
        twelve = number == 0 ? nil : Twelve(large: -9, small: 9)
        form = .circle(Double(number) + 0.5)
        couple = Couple(first: Int16(number), second: -1)
        scalar = number == 2 ? nil : "é"
        couples = [Couple(first: 1, second: 2), Couple(first: 3, second: UInt8(number))]
        rest = (name: 7, number: number == 1 ? nil : 0.1)
    }
}

public struct Wide: HeapStruct, BitwiseCopyable {
    public var words: [512 of Int64]

    public init(_ number: Int) {
        words = [512 of Int64](repeating: 0)
        words[0] = Int64(number)
        words[511] = Int64(-number)
    }
}

public enum Payment: HeapUnion {
    case cash
    case card(String)
    case transfer(Int8, Date, PersistentArray<Int16>)

    public static let cases = [
        UnionCase("cash", { Payment.cash }, if: { if case .cash = $0 { true } else { false } }),
        UnionCase("card", Payment.card) { if case .card(let number) = $0 { number } else { nil } },
        UnionCase("transfer", Payment.transfer) {
            if case .transfer(let fee, let day, let parts) = $0 { (fee, day, parts) } else { nil }
        },
    ]
}

public struct Address: HeapRecord {
    public var street: String
    public var number: Int16?
}

public struct Note: HeapRecord {
    public var text: String
    public var next: SharedRef<Note>?
}

public struct Settings: Codable {
    public var title: String
    public var sizes: [Int]
    public var ratio: Double?
}

public struct Person: HeapRecord {
    public var name: String
    public var isAdult: Bool
    public var born: Date?
    public var id: UUID
    public var photo: Data
    public var home: Address?
    public var favourite: Colour
    public var mood: Mood?
    public var payment: Payment
    public var plain: Plain
    public var twelve: Twelve?
    public var after: Int8
    public var perhaps: Int8??
    public var settings: Encoded<Settings>
    public var friends = PersistentArray<HeapRef<Person>>()
    public var best: HeapRef<Person>?
    public var stray: HeapRef<Address>?
    public var note: SharedRef<Note>?
    public var marks = PersistentMap<String, Int>()
    public var history = PersistentDeque<Float>()
    public var days = PersistentSortedMap<Date, String>()
    public var tags = PersistentSet<String>()
    public var rooms = PersistentSortedSet<Int>()
    public var bits = PersistentBitSet()
    public var text = PersistentString()
    public var bytes = PersistentBytes()
}
