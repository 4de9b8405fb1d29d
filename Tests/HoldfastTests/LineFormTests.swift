import Foundation
import Holdfast
import HoldfastEngine
import HoldfastInspection
import Testing
import TestSupport

/// The lines of an export are those that `JSONEncoder` writes of the same values.
@Suite(.progress) struct LineFormTests {
    @Persistable enum Level: Int { case low = -3, high = 9 }
    @Persistable enum Shape {
        case point
        case circle(radius: Double)
        case named(String, [Int])
    }
    @Persistable(.plain) struct Spot {
        var zebra: Int8
        var apple: Double?
        var flag: Bool
        var small: UInt16?
        var inner: Inner
    }
    @Persistable(.plain) struct Inner { var y: Float; var b: Bool? }
    @Persistable struct Everything {
        var z: Int
        var a: UInt64
        var float: Float
        var double: Double
        var flag: Bool
        var text: String
        var long: PersistentString
        var bytes: Data
        var more: PersistentBytes
        var id: UUID
        var day: Date
        var wide: Int128
        var big: UInt128
        var price: Decimal
        var site: URL
        var time: Duration
        var range: Range<Int>
        var closed: ClosedRange<String>
        var level: Level
        var shape: Shape
        var spot: Spot
        var nested: Int??
        var maybe: String?
        var list: [[Int]]
        var queue: PersistentDeque<Shape>
        var names: [String: Int]
        var pairs: PersistentMap<Int, String>
        var order: PersistentSortedMap<String, Shape>
        var tags: Set<String>
        var sorted: PersistentSortedSet<Int>
        var bits: PersistentBitSet
        var coded: Encoded<[String: [Double]]>
        var part: Part
        var noPart: Part?
    }
    @Persistable struct Part { var name: String; var first: Int; var _second: Int }

    private static let texts = [
        "", "plain", "\"quoted\" \\ / back", "tab\tnew\nline\r\u{8}\u{c}\u{0}\u{1f}\u{7f}",
        "é ü 日本 \u{1F468}\u{200D}\u{1F469} \u{2028}", String(repeating: "long ", count: 100),
    ]

    private func everything(_ number: Int, _ random: inout SplitMix) -> Everything {
        let text = Self.texts[number % Self.texts.count]
        let doubles = [
            0.0, -0.0, 1, 0.1, 1e300, .leastNonzeroMagnitude, -.infinity, .nan, 123456789012345680,
        ]
        let integer = Int.random(in: .min ... .max, using: &random)
        let count = number % 4
        return Everything(
            z: integer, a: UInt64(bitPattern: Int64(integer)),
            float: Float(doubles[number % doubles.count]), double: doubles[number % doubles.count],
            flag: number % 2 == 0, text: text, long: PersistentString(text),
            bytes: Data(text.utf8), more: PersistentBytes(Data(text.utf8)), id: UUID(),
            day: Date(timeIntervalSinceReferenceDate: Double(number) / 7),
            wide: Int128(integer) << 50, big: .max - UInt128(number),
            price: Decimal(integer) / 1000, site: URL(string: "https://a.b/\(number)?q=1/2")!,
            time: .nanoseconds(integer), range: number ..< number + 2, closed: "a" ... "b\(text)",
            level: number % 2 == 0 ? .low : .high,
            shape: count == 0 ? .point : count == 1 ? .circle(radius: 2) : .named(text, [1, 2]),
            spot: Spot(
                zebra: 3, apple: count == 0 ? nil : 1.5, flag: true,
                small: count == 1 ? 7 : nil, inner: Inner(y: 0.5, b: count == 2 ? nil : false)),
            nested: count == 0 ? .none : count == 1 ? .some(.none) : .some(.some(3)),
            maybe: count == 0 ? nil : text, list: Array(repeating: [1, number], count: count),
            queue: PersistentDeque(Array(repeating: Shape.circle(radius: 1), count: count)),
            names: Dictionary(uniqueKeysWithValues: (0 ..< count).map { ("\(text)\($0)", $0) }),
            pairs: PersistentMap(uniqueKeysWithValues: (0 ..< count).map { ($0, text) }),
            order: PersistentSortedMap(
                uniqueKeysWithValues: (0 ..< count).map { ("k\($0)", Shape.point) }),
            tags: Set((0 ..< count).map { "t\($0)" }), sorted: PersistentSortedSet(0 ..< count),
            bits: PersistentBitSet(0 ..< count), coded: Encoded(["x": [1, 2.5], text: []]),
            part: Part(name: text, first: 1, _second: 2), noPart: nil)
    }

    @Test func formsAreThoseOfTheEncoder() throws {
        let heap = try PersistentHeap.inMemory()
        var random = SplitMix(state: 3)
        try heap.write { tx in
            let all = try tx.array("all", of: Everything.self)
            for number in 0 ..< 60 { all.append(everything(number, &random)) }
        }
        var lines: [String] = []
        try heap.exportLines(root: "all") { lines.append($0) }
        // Once more with types that are made from the description, as the command has them.
        TypeRegistry.shared.forget(PersistentArray<Everything>.self)
        TypeRegistry.shared.forget(Everything.self)
        TypeRegistry.shared.forget(Shape.self)
        TypeRegistry.shared.forget(Level.self)
        TypeRegistry.shared.forget(Spot.self)
        var again: [String] = []
        try heap.exportLines(root: "all") { again.append($0) }
        #expect(again == lines)
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        encoder.nonConformingFloatEncodingStrategy = .convertToString(
            positiveInfinity: "+inf", negativeInfinity: "-inf", nan: "nan")
        try heap.read { tx in
            let all = try tx.array("all", of: Everything.self)
            #expect(lines.count == all.count + 1)
            for index in 0 ..< all.count {
                let stored = tx.access.load(
                    all.elementPlace(index), as: Everything.Stored.self)
                let value = StoredEncodable(stored, Everything.self, tx.access)
                let text = String(decoding: try encoder.encode(value), as: UTF8.self)
                #expect(lines[index + 1] == text)
            }
        }
    }

    /// An error of the caller's ends an export at once.
    @Test func cancellingEndsAnExport() throws {
        struct Enough: Error {}
        let heap = try PersistentHeap.inMemory()
        try heap.write { tx in
            let numbers = try tx.array("numbers", of: String.self)
            for number in 0 ..< 1000 { numbers.append("\(number)") }
        }
        var count = 0
        #expect(throws: Enough.self) {
            try heap.exportLines { _ in
                count += 1
                if count == 10 { throw Enough() }
            }
        }
        #expect(count == 10)
    }
}
