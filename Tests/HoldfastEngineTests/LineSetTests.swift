import HoldfastEngine
import Testing
import TestSupport

/// Sets of lines against sets of numbers.
@Suite struct LineSetTests {
    @Test(arguments: 0 ..< 20 as Range<UInt64>)
    func agreesWithASetOfNumbers(seed: UInt64) {
        var random = SplitMix(state: seed)
        func next(_ bound: UInt64) -> UInt64 { random.next() % bound }
        func randomSet() -> (LineSet, Set<UInt64>) {
            var lines = LineSet()
            var numbers: Set<UInt64> = []
            for _ in 0 ..< next(6) {
                let first = next(1000)
                if next(2) == 0 {
                    let last = first + next(200)
                    lines.insert(first, through: last)
                    numbers.formUnion(first ... last)
                } else {
                    let (offset, count) = (first * 64 + next(64), next(300))
                    lines.insert(bytesAt: offset, count: Int(count))
                    if count > 0 { numbers.formUnion(offset / 64 ... (offset + count - 1) / 64) }
                }
            }
            return (lines, numbers)
        }
        for _ in 0 ..< 300 {
            let (one, oneNumbers) = randomSet()
            let (other, otherNumbers) = randomSet()
            let isCommon = !oneNumbers.isDisjoint(with: otherNumbers)
            #expect(one.intersects(other) == isCommon)
            #expect(other.intersects(one) == isCommon)
            #expect(one.isEmpty == oneNumbers.isEmpty)
            #expect(one.pageCount == Set(oneNumbers.map { $0 / 64 }).count)
            var all = LineSet()
            all.insertAll()
            #expect(all.intersects(one) == !one.isEmpty)
            for number in [next(1300), next(1300), next(1300)] {
                var single = LineSet()
                single.insert(number, through: number)
                let isIn = oneNumbers.contains(number) || otherNumbers.contains(number)
                let isFound = one.intersects(single) || other.intersects(single)
                #expect(isFound == isIn)
            }
        }
    }

    @Test func tooManyPagesAreAllLines() {
        var lines = LineSet()
        for page in 0 ..< UInt64(LineSet.mostPages) { lines.insert(page * 64, through: page * 64) }
        #expect(!lines.isComplete)
        lines.insert(.max / 64, through: .max / 64)
        #expect(lines.isComplete && lines.pageCount == 0)
        var range = LineSet()
        range.insert(0, through: .max / 64)
        #expect(range.isComplete)
        range.insert(3, through: 4)
        #expect(range.isComplete)
        #expect(!range.intersects(LineSet()))
    }
}
