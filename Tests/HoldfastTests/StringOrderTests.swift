@_spi(_Unicode) import Swift

import Holdfast
import Testing
import TestSupport

/// String keys are ordered by the scalars of their normal forms, as the standard library computes
/// them.
@Suite(.progress) struct StringOrderTests {
    /// Scalars that interact with their neighbours: combining marks of several classes, letters
    /// with and without a composed form, Hangul in parts, singletons, and the first and last
    /// scalars of the ranges that are compared by their bytes.
    private static let scalars: [Unicode.Scalar] = [
        "a", "b", "e", "z", "A", "K", "0", " ", "\u{0}", "\u{7f}", "\u{80}", "\u{c0}", "\u{c5}",
        "\u{e9}", "\u{eb}", "\u{113}",
        "\u{1e15}", "\u{2ff}",
        "\u{300}", "\u{301}", "\u{304}", "\u{308}", "\u{327}", "\u{323}", "\u{338}", "\u{345}",
        "\u{340}", "\u{341}", "\u{37e}",
        "\u{387}",
        "\u{3b1}", "\u{3ac}", "\u{400}", "\u{418}", "\u{419}", "\u{438}", "\u{306}", "\u{47f}",
        "\u{483}", "\u{5d0}", "\u{5b4}",
        "\u{fb1d}",
        "\u{915}", "\u{93c}", "\u{958}", "\u{1100}", "\u{1161}", "\u{11a8}", "\u{ac00}", "\u{ac01}",
        "\u{212b}", "\u{2126}",
        "\u{2000}",
        "\u{2260}", "\u{3042}", "\u{304b}", "\u{3099}", "\u{304c}", "\u{4000}", "\u{4e2d}",
        "\u{9fff}", "\u{f900}", "\u{8c48}",
        "\u{fa0e}",
        "\u{ffff}", "\u{10000}", "\u{1d15e}", "\u{1d157}", "\u{1d165}", "\u{1f600}", "\u{10ffff}",
    ]

    static func text(_ random: inout SplitMix, upTo most: Int) -> String {
        var view = String.UnicodeScalarView()
        for _ in 0 ..< Int.random(in: 0 ... most, using: &random) {
            view.append(scalars.randomElement(using: &random)!)
        }
        return String(view)
    }

    @Test func orderOfNormalForms() throws {
        let heap = try PersistentHeap.inMemory()
        var random = SplitMix(state: 1)
        var texts: [Text] = []
        for _ in 0 ..< 2000 {
            let start = Self.text(&random, upTo: 2)
            texts.append(Text(start + Self.text(&random, upTo: 3)))
            texts.append(Text(start + Self.text(&random, upTo: 3)))
            texts.append(Text(String(repeating: "long ", count: 3) + start))
        }
        let expected = Set(texts).sorted()
        try heap.write { tx in
            let set = try tx.sortedSet("set", of: String.self)
            set.formUnion(texts.map(\.rawValue))
            #expect(set.elementsEqual(expected.map(\.rawValue)))
            #expect(set.checkInvariants().problems == [])
            for text in texts {
                let probe = Text(text.rawValue + Self.text(&random, upTo: 1))
                let place = expected.partitioningIndex { $0 >= probe }
                let found = set.element(atOrAfter: probe.rawValue)
                if found != (place < expected.count ? expected[place].rawValue : nil) {
                    Issue.record(
                        "\(String(describing: found)) at or after \(probe.normal.map(\.value))")
                }
            }
        }
    }

    /// For strings in normal form it is the order of `<`.
    @Test func sameOrderAsTheStandardLibrary() throws {
        let heap = try PersistentHeap.inMemory()
        var random = SplitMix(state: 5)
        let letters: [Character] = [
            "a", "z", "A", "~", "\u{e9}", "\u{eb}", "\u{416}", "\u{5d0}", "\u{4e2d}", "\u{ac00}",
            "\u{1f600}",
        ]
        let texts = (0 ..< 5000).map { _ in
            String(
                (0 ..< Int.random(in: 0 ..< 20, using: &random)).map { _ in
                    letters.randomElement(using: &random)!
                })
        }
        try heap.write { tx in
            let set = try tx.sortedSet("set", of: String.self)
            set.formUnion(texts)
            #expect(set.elementsEqual(Set(texts).sorted()))
        }
    }

    @Test func equalTextsAreOneKey() throws {
        let heap = try PersistentHeap.inMemory()
        try heap.write { tx in
            let map = try tx.sortedMap("map", String.self, Int.self)
            map["caf\u{E9} au lait, s'il vous pla\u{EE}t"] = 1
            map["cafe\u{301} au lait, s'il vous plai\u{302}t"] = 2
            map["\u{1100}\u{1161}"] = 3
            map["\u{AC00}", default: 0] += 1
            #expect(map.count == 2)
            #expect(map["caf\u{E9} au lait, s'il vous pla\u{EE}t"] == 2)
            #expect(map["\u{1100}\u{1161}"] == 4)
        }
    }

    @Test func prefixes() throws {
        let heap = try PersistentHeap.inMemory()
        var random = SplitMix(state: 2)
        try heap.write { tx in
            let map = try tx.sortedMap("map", String.self, Int.self)
            let set = try tx.sortedSet("set", of: String.self)
            for number in 0 ..< 3000 { map["\(number)"] = number }
            let numbers = (0 ..< 3000).map { "\($0)" }.filter { $0.hasPrefix("12") }.sorted()
            #expect(map.entries(withPrefix: "12").map(\.key) == numbers)
            #expect(map.entries(withPrefix: "12").count == numbers.count)
            #expect(map.entries(withPrefix: "12").reversed().map(\.key) == numbers.reversed())
            #expect(map.entries(withPrefix: "").count == 3000)
            #expect(map.entries(withPrefix: "x").isEmpty && map.entries(withPrefix: "0 ").isEmpty)
            set.formUnion([
                "e", "e\u{301}", "\u{e9}t\u{e9}", "ef", "eg", "f", "\u{ffff}", "\u{ffff}a",
                "\u{10ffff}", "\u{10ffff}b",
            ])
            #expect(Array(set.elements(withPrefix: "e")) == ["e", "ef", "eg"])
            #expect(Array(set.elements(withPrefix: "e\u{301}")) == ["\u{e9}", "\u{e9}t\u{e9}"])
            #expect(Array(set.elements(withPrefix: "\u{ffff}")) == ["\u{ffff}", "\u{ffff}a"])
            #expect(Array(set.elements(withPrefix: "\u{10ffff}")) == ["\u{10ffff}", "\u{10ffff}b"])
            set.removeAll()
            for _ in 0 ..< 4000 { set.insert(Self.text(&random, upTo: 3)) }
            for _ in 0 ..< 400 {
                let prefix = Self.text(&random, upTo: 2)
                // By definition: the scalars of the normal forms.
                let normal = Text(prefix).normal
                let expected = set.filter { Text($0).normal.starts(with: normal) }
                if !set.elements(withPrefix: prefix).elementsEqual(expected) {
                    Issue.record(
                        "\(prefix.unicodeScalars.map(\.value)): \(set.elements(withPrefix: prefix).count), not \(expected.count)"
                    )
                }
            }
        }
    }
}

/// A string as a key, compared by its normal form.
struct Text: HeapEnum, PersistableOrderedKey, Hashable, Comparable, CustomStringConvertible {
    let rawValue: String
    /// By the standard library's tables: Foundation's leave U+AC00 U+11A8 unchanged, contrary to
    /// UAX #15.
    let normal: [Unicode.Scalar]

    init(rawValue: String) {
        self.rawValue = rawValue
        normal = Array(rawValue._nfc)
    }
    init(_ text: String) { self.init(rawValue: text) }

    static func < (left: Text, right: Text) -> Bool {
        left.normal.lexicographicallyPrecedes(right.normal)
    }
    var description: String { "\(rawValue.unicodeScalars.map { String($0.value, radix: 16) })" }
}
