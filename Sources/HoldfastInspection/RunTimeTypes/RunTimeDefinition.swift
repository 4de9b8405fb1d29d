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
        case enumeration
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
