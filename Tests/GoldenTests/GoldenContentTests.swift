import Foundation
import test_worker
import Testing

@testable import Holdfast

extension GoldenTests {
    /// The golden heaps' contents work as a program expects: keys are found, neighbours are
    /// adjacent, references lead to the same records.
    @Suite struct GoldenContentTests {
        @Test func keysAreFound() throws {
            let golden = try Golden("collections")
            let heap = try golden.open()
            try heap.read { tx in
                let words = try tx.map("words", String.self, Int32.self)
                for number in 0 ..< 80 {
                    #expect(words[Contents.word(number)] == (number % 3 == 0 ? nil : Int32(number)))
                }
                // Also by canonical equivalence.
                #expect(words["gro\u{308}ße 2"] == 2)
                let squares = try tx.map("squares", Int.self, Int.self)
                for number in -20 ..< 20 { #expect(squares[number] == number * number) }
                #expect(try tx.map("by small", Int8.self, Bool.self)[-1] == true)
                #expect(try tx.map("by large", UInt64.self, Bool.self)[.max] == false)
                #expect(try tx.map("by float", Float.self, String.self)[0.1] == "a tenth")
                #expect(try tx.map("by float", Float.self, String.self)[0] == "zero")
                #expect(try tx.map("by double", Double.self, UInt8.self)[.infinity] == 2)
                #expect(try tx.map("by id", UUID.self, Int.self)[Contents.id(1)] == 1)
                #expect(try tx.map("by date", Date.self, Int.self)[Contents.day] == 1)
                #expect(try tx.map("by data", Data.self, Int.self)[Data()] == 0)
                #expect(
                    try tx.map("by data", Data.self, Int.self)[Data(repeating: 7, count: 33)] == 33)
                #expect(try tx.map("by colour", Colour.self, Int8.self)[.green] == 1)
                let numbers = try tx.set("numbers", of: UInt16.self)
                #expect(numbers.contains(49_000) && !numbers.contains(50_000))
                #expect(try tx.set("names", of: String.self).contains("e\u{301}"))
                #expect(Array(try tx.bitSet("bits")) == [0, 63, 64, 1000])
                let nested = try tx.map(
                    "nested", String.self, PersistentMap<Int, PersistentArray<String>>.self)
                #expect(nested["a"]?[1].map { Array($0) } == ["x", "beyond fifteen bytes"])
                #expect(nested["b"]?.isEmpty == true)
                #expect(
                    try tx.string("text").string == String(repeating: "Grüße an alle. ", count: 40))
                let jobs = try tx.deque("jobs", of: Int16.self)
                let last: [Int16] = (0 ..< 9).map { (job: Int16) -> Int16 in -job }
                #expect(Array(jobs.suffix(9)) == last && jobs.count == 14)
            }
            try heap.close()
        }

        @Test func orderIsKept() throws {
            let golden = try Golden("collections")
            let heap = try golden.open()
            try heap.read { tx in
                let words = try tx.sortedMap("sorted words", String.self, UInt8.self)
                for number in 0 ..< 80 {
                    let expected: UInt8? = number % 2 == 0 ? nil : UInt8(number)
                    #expect(words[Contents.word(number)] == expected)
                }
                #expect(words.map(\.key) == words.map(\.key).sorted())
                let times = try tx.sortedMap("times", Date.self, Data.self)
                #expect(
                    times.map(\.key.timeIntervalSinceReferenceDate) == (0 ..< 40).map(Double.init))
                #expect(times[Date(timeIntervalSinceReferenceDate: 37)] == Data([1]))
                let keys = try tx.sortedSet("keys", of: Data.self)
                for number in 0 ..< 40 {
                    #expect(keys.contains(Data(repeating: UInt8(number * 7 % 40), count: number)))
                }
                let ratios = try tx.sortedMap("ratios", Double.self, Int.self).map(\.key)
                let numbers: [Double] = [-.infinity, 0, 0.5, 1e300]
                #expect(Array(ratios.dropLast()) == numbers && ratios[4].isNaN)
            }
            try heap.close()
            let large = try Golden("large")
            let tall = try large.open()
            try tall.read { tx in
                let set = try tx.sortedSet("tall", of: UInt16.self)
                for number in 0 ..< UInt16(6000) {
                    #expect(set.contains(number) == (number % 3 == 0))
                }
                let wide = try tx.map("wide", Int.self, Wide.self)
                for number in 0 ..< 24 { #expect(wide[number]?.words[511] == Int64(-number)) }
                #expect(try tx.array("room", of: Int.self).capacity >= 150_000)
            }
            try tall.close()
        }

        @Test func recordsAreWhatTheyWere() throws {
            let golden = try Golden("forms")
            let heap = try golden.open()
            #expect(try heap.dataVersion == 3)
            try heap.write { tx in
                let people = try tx.map("people", String.self, Person.self)
                let ada = try #require(people[ref: "ada"])
                let bob = try #require(people[ref: "bob with a long name"])
                #expect(ada.best == bob && ada.friends[1] == ada && bob.best == nil)
                #expect(
                    ada.plain.maybe == nil && bob.plain.maybe == true && ada.plain.side == .left
                        && bob.plain.inner.small == 1)
                #expect(ada.perhaps == .some(.none) && bob.perhaps == .some(5) && ada.after == -1)
                #expect(
                    ada.home?.street == "A street with a long name" && bob.twelve?.small == -1
                        && ada.twelve == nil)
                #expect(
                    bob.settings.value.title == "bob with a long name" && ada.favourite == .red
                        && bob.mood == .calm)
                #expect(
                    ada.marks["one"] == 1 && ada.days[Contents.day] == "the day"
                        && ada.tags.contains("tag"))
                #expect(ada.note?.text == "shared by three" && ada.note?.referenceCount == 3)
                #expect(bob.note?.next == ada.note && bob.stray?.street == "nobody's")
                if case .card(let number) = bob.payment {
                    #expect(number == "4711")
                } else {
                    Issue.record("bob pays otherwise")
                }
                let odd = try tx.array("odd", of: Odd.self)
                #expect(
                    odd[0].deep == .some(.none) && odd[1].deep == 5 && odd[2].deep == .none
                        && odd[1].flag == true)
                if case .circle(let radius) = odd[2].form {
                    #expect(radius == 2.5)
                } else {
                    Issue.record("a circle became a point")
                }
                #expect(
                    odd[1].twelve?.large == -9 && odd[1].couples[1].first == 3
                        && odd[2].rest.number == 0.1)
                ada.name = "Ada"
                #expect(people["ada"]?.name == "Ada")
            }
            try heap.close()
        }
    }
}
