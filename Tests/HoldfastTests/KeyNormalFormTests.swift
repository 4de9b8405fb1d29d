@_spi(_Unicode) import Swift

import Holdfast
import Testing
import TestSupport

/// Strings as keys are equal if their normal forms of Unicode 15.0 are.
@Suite(.progress) struct KeyNormalFormTests {
    /// Inserts the first string and looks the second one up, in a map and in a sorted map.
    private func areOneKey(_ first: String, _ second: String) throws -> Bool {
        let heap = try PersistentHeap.inMemory()
        return try heap.write { tx in
            let map = try tx.map("map", String.self, Int.self)
            let sorted = try tx.sortedMap("sorted", String.self, Int.self)
            map[first] = 1
            sorted[first] = 1
            let found = map[second] == 1
            #expect((sorted[second] == 1) == found)
            map[second] = 2
            sorted[second] = 2
            #expect(map.count == (found ? 1 : 2))
            #expect(sorted.count == map.count)
            #expect(sorted.checkInvariants().problems == [])
            return found
        }
    }

    /// Four scalars have a normal form in ASCII: one of the keys takes the path for ASCII.
    @Test(arguments: [("\u{212a}", "K"), ("\u{37e}", ";"), ("\u{1fef}", "`")], [0, 20])
    func normalFormsInASCII(forms: (String, String), prefix: Int) throws {
        let prefix = String(repeating: "x", count: prefix)
        let first = prefix + forms.0
        let second = prefix + forms.1
        #expect(first == second)
        #expect(try areOneKey(first, second))
        #expect(try areOneKey(second, first))
    }

    /// Scalars of Unicode 16 and 17. The standard library of this toolchain composes and reorders
    /// them; keys keep them as they are, as an older library would.
    @Test(arguments: [
        ("\u{105c9}", "\u{105d2}\u{307}"), ("a\u{1acf}\u{323}", "a\u{323}\u{1acf}"),
    ])
    func scalarsOfLaterVersionsAreKept(first: String, second: String) throws {
        #expect(try !areOneKey(first, second))
        #expect(try areOneKey(first, first))
    }

    /// What surrounds a later scalar is normalised on both sides of it.
    @Test func theRestIsNormalised() throws {
        #expect(try areOneKey("e\u{301}\u{105c9}o\u{308}", "\u{e9}\u{105c9}\u{f6}"))
        #expect(try areOneKey("\u{105c9}a\u{323}\u{301}", "\u{105c9}a\u{301}\u{323}"))
    }

    /// For scalars that were assigned in Unicode 15.0 the toolchain's normal form is the key's.
    @Test func assignedScalarsAsTheToolchainHasThem() throws {
        var random = SplitMix(state: 5)
        let assigned = (0 ... 0x2ffff).compactMap(Unicode.Scalar.init).filter {
            $0.properties.age.map { $0.major < 15 || $0 == (15, 0) } ?? false
        }
        let heap = try PersistentHeap.inMemory()
        try heap.write { tx in
            let set = try tx.set("set", of: String.self)
            for _ in 0 ..< 5000 {
                var text = String.UnicodeScalarView()
                for _ in 0 ..< 3 { text.append(assigned.randomElement(using: &random)!) }
                var normal = String.UnicodeScalarView()
                for scalar in String(text)._nfc { normal.append(scalar) }
                set.insert(String(text))
                let isFound = set.contains(String(normal))
                #expect(isFound, "\(text.map { String($0.value, radix: 16) })")
            }
        }
    }
}
