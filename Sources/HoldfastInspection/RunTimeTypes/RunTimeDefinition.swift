import Holdfast
import Synchronization

// Types that are created at run time from a heap's descriptions.
//
// A heap describes its types as text, so that programs without those types can inspect, check, copy
// and change it. All of these operations are static functions of `Persistable`. They need a type
// with the same stored form and behaviour. It is a generic type whose parameters are a number,
// which leads to its definition, and bytes of the right size and alignment. Swift instantiates a
// generic type for each combination of parameters, at run time too.

/// The definition of a type that was created at run time.
final class RunTimeDefinition: Sendable {
    let shape: TypeShape
    /// The description of the type.
    let text: String
    let content: Content

    enum Content: Sendable {
        case plain(PlainLayout)
        case record([RecordPart], byteCount: Int)
        case union([UnionPart])
        case encoded
    }

    /// A case of a union, and the types of its payload.
    struct UnionPart: Sendable {
        let name: String
        let payload: [any Persistable.Type]
    }

    init(shape: TypeShape, content: Content) {
        self.shape = shape
        text = shape.text
        self.content = content
    }

    /// All definitions of this process, by their numbers. They are never removed, since types live
    /// as long as the process.
    ///
    /// A record that refers to itself needs its type before its definition exists, so a number is
    /// reserved first and defined later.
    private static let all = Mutex<[RunTimeDefinition?]>([])

    static func reserve() -> Int {
        all.withLock {
            $0.append(nil)
            return $0.count - 1
        }
    }

    static func define(_ number: Int, _ definition: RunTimeDefinition) {
        all.withLock { $0[number] = definition }
    }

    static func of(_ number: Int) -> RunTimeDefinition {
        guard let found = all.withLock({ $0[number] }) else {
            fatalError("Holdfast: a type was used before it was defined.")
        }
        return found
    }
}

// MARK: Numbers as types

/// A number as a generic parameter: its binary digits, the highest first.
protocol RunTimeNumber: SendableMetatype {
    static var number: Int { get }
}

enum NoDigits: RunTimeNumber {
    static var number: Int { 0 }
}

enum Zero<Higher: RunTimeNumber>: RunTimeNumber {
    static var number: Int { Higher.number << 1 }
}

enum One<Higher: RunTimeNumber>: RunTimeNumber {
    static var number: Int { Higher.number << 1 | 1 }
}

extension RunTimeDefinition {
    static func numberType(_ number: Int) -> any RunTimeNumber.Type {
        if number == 0 { return NoDigits.self }
        return add(number & 1, to: numberType(number >> 1))
    }

    private static func add<Higher: RunTimeNumber>(_ digit: Int, to higher: Higher.Type)
        -> any RunTimeNumber.Type
    {
        digit == 0 ? Zero<Higher>.self : One<Higher>.self
    }
}

// MARK: Bytes as types

/// Bytes of some size and alignment, as a generic parameter.
protocol RunTimeBytes: BitwiseCopyable, Sendable {}

struct NoBytes: RunTimeBytes {}

extension UInt8: RunTimeBytes {}
extension UInt16: RunTimeBytes {}
extension UInt32: RunTimeBytes {}
extension UInt64: RunTimeBytes {}
extension SIMD2<UInt64>: RunTimeBytes {}

/// Two parts, one after the other, with Swift's layout of a struct.
struct Joined<First: RunTimeBytes, Second: RunTimeBytes>: RunTimeBytes {
    var first: First
    var second: Second
}

extension RunTimeDefinition {
    /// Larger types are not created: their values pass through the stack, and the size may come
    /// from a damaged file.
    static let mostBytes = 64 << 10

    /// Returns a type of exactly this size and alignment, or nil if there can be none.
    static func bytesType(size: Int, alignment: Int) -> (any RunTimeBytes.Type)? {
        guard size >= 0, size <= mostBytes else { return nil }
        if size == 0 { return alignment == 1 ? NoBytes.self : nil }
        // Most of it in units of the alignment, the rest in ever smaller ones, so that each begins
        // at a multiple of its size.
        guard var unit = unitType(alignment), size >= alignment else { return nil }
        var rest = size / alignment
        var found: (any RunTimeBytes.Type)?
        // Doubled units, from the largest down: a few dozen types for any number of bytes.
        var doubled: [any RunTimeBytes.Type] = []
        while rest > 0 {
            doubled.append(unit)
            unit = join(unit, unit)
            rest >>= 1
        }
        for (power, part) in doubled.enumerated().reversed()
        where size / alignment & 1 << power != 0 {
            found = found.map { join($0, part) } ?? part
        }
        var left = size % alignment
        var smaller = alignment / 2
        while left > 0 {
            if left >= smaller, let part = unitType(smaller) {
                found = found.map { join($0, part) } ?? part
                left -= smaller
            }
            smaller /= 2
        }
        return found
    }

    private static func unitType(_ alignment: Int) -> (any RunTimeBytes.Type)? {
        switch alignment {
        case 1: UInt8.self
        case 2: UInt16.self
        case 4: UInt32.self
        case 8: UInt64.self
        case 16: SIMD2<UInt64>.self
        default: nil
        }
    }

    private static func join(_ first: any RunTimeBytes.Type, _ second: any RunTimeBytes.Type)
        -> any RunTimeBytes.Type
    {
        func join<First: RunTimeBytes, Second: RunTimeBytes>(_: First.Type, _: Second.Type)
            -> any RunTimeBytes.Type
        {
            Joined<First, Second>.self
        }
        return join(first, second)
    }
}
