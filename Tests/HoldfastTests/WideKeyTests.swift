import Foundation
import Holdfast
import HoldfastInspection
import Testing
import TestSupport

/// Integers of 128 bits, durations and decimals as keys: found as Swift's `==` says, and in the
/// order of `<`.
@Suite(.progress) struct WideKeyTests {
    @Test func equalDecimalsAreOneKey() throws {
        let heap = try PersistentHeap.inMemory()
        let texts = [
            "1.0", "1.00", "1", "0.10", "0.1", "-2.50", "-2.5", "0", "-0.0", "100", "1000",
        ]
        let numbers = texts.map { Decimal(string: $0)! }
        try heap.write { tx in
            let map = try tx.map("map", Decimal.self, Int.self)
            let sorted = try tx.sortedMap("sorted", Decimal.self, Int.self)
            var expected: [Decimal: Int] = [:]
            for (value, number) in numbers.enumerated() {
                map[number] = value
                sorted[number] = value
                expected[number] = value
            }
            #expect(map.count == expected.count && sorted.count == expected.count)
            for (number, value) in expected {
                #expect(map[number] == value && sorted[number] == value, "\(number)")
            }
            let order = sorted.map(\.key)
            #expect(order == expected.keys.sorted())
            #expect(map[Decimal(string: "3")!] == nil)
            map[.nan] = -1
            sorted[.nan] = -1
            sorted[Decimal(-1000)] = -2
            #expect(map[.nan] == -1 && sorted[.nan] == -1 && sorted[Decimal(-1000)] == -2)
            let first = try #require(sorted.first?.key)
            #expect(first.isNaN)
            // Other forms of the same number: mantissa and exponent differ.
            let one = Decimal(sign: .plus, exponent: -3, significand: 1000)
            #expect(one == 1 && map[one] == map[1])
        }
        let check = try heap.check()
        #expect(check.isSound, "\(check.problems)")
    }

    @Test func manyRandomKeys() throws {
        let heap = try PersistentHeap.inMemory()
        var random = SplitMix(state: 11)
        try heap.write { tx in
            let decimals = try tx.sortedMap("decimals", Decimal.self, Int.self)
            let wide = try tx.sortedMap("wide", Int128.self, Int.self)
            let unsigned = try tx.map("unsigned", UInt128.self, Int.self)
            let times = try tx.sortedMap("times", Duration.self, Int.self)
            var decimalModel: [Decimal: Int] = [:]
            var wideModel: [Int128: Int] = [.min: -1, .max: -2]
            var unsignedModel: [UInt128: Int] = [.max: -3]
            var timeModel: [Duration: Int] = [:]
            wide[.min] = -1
            wide[.max] = -2
            unsigned[.max] = -3
            for number in 0 ..< 2000 {
                let decimal = Decimal(
                    sign: Bool.random(using: &random) ? .plus : .minus,
                    exponent: .random(in: -6 ... 3, using: &random),
                    significand: Decimal(Int.random(in: 0 ..< 500, using: &random)))
                decimals[decimal] = number
                decimalModel[decimal] = number
                let upper = Int128(Int64.random(in: .min ... .max, using: &random)) << 64
                let integer = upper >> Int128.random(in: 0 ..< 120, using: &random)
                wide[integer] = number
                wideModel[integer] = number
                unsigned[UInt128(integer.magnitude)] = number
                unsignedModel[UInt128(integer.magnitude)] = number
                let time = Duration(attoseconds: integer)
                times[time] = number
                timeModel[time] = number
            }
            let found = (
                Dictionary(uniqueKeysWithValues: decimals.map { ($0.key, $0.value) }),
                Dictionary(uniqueKeysWithValues: wide.map { ($0.key, $0.value) }),
                Dictionary(uniqueKeysWithValues: unsigned.map { ($0.key, $0.value) }),
                Dictionary(uniqueKeysWithValues: times.map { ($0.key, $0.value) })
            )
            #expect(found.0 == decimalModel)
            #expect(found.1 == wideModel)
            #expect(found.2 == unsignedModel)
            #expect(found.3 == timeModel)
            let order = (decimals.map(\.key), wide.map(\.key), times.map(\.key))
            #expect(order.0 == decimalModel.keys.sorted())
            #expect(order.1 == wideModel.keys.sorted())
            #expect(order.2 == timeModel.keys.sorted())
        }
        let check = try heap.check()
        #expect(check.isSound, "\(check.problems)")
    }

    /// A root that another program made can be read: the keys' types are made from descriptions.
    @Test func anExportComesBack() throws {
        let heap = try PersistentHeap.inMemory()
        try heap.write { tx in
            let map = try tx.map("map", Decimal.self, Duration.self)
            map[Decimal(string: "0.25")!] = .milliseconds(3)
            try tx.sortedSet("set", of: Int128.self).insert(1 << 100)
        }
        var lines: [String] = []
        try heap.exportLines { lines.append($0) }
        let other = try PersistentHeap.inMemory()
        var next = lines.makeIterator()
        try other.write { tx in _ = try tx.importRoot { next.next() } }
        try other.read { tx in
            let map = try tx.map("map", Decimal.self, Duration.self)
            #expect(map[Decimal(string: "0.250")!] == .milliseconds(3))
            #expect(try tx.sortedSet("set", of: Int128.self).contains(1 << 100))
        }
    }
}
