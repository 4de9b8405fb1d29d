import Holdfast
import HoldfastEngine
import Testing
import TestSupport

/// Random operations on deques and on arrays in parallel, with aborts, reopenings and checkpoints
/// in between; equal at every step.
@Suite(.progress) struct DequeModelTests {
    private struct Abort: Error {}

    /// 24 bytes: neither a power of two nor a divisor of a line.
    private struct Job: HeapStruct, Equatable {
        var number: Int
        var time: Double
        var kind: UInt8
    }

    private struct Model {
        var numbers: [Int] = []
        var texts: [String] = []
        var jobs: [Job] = []
        var table: [[Int]] = []
    }

    /// Whether more is removed than added at the moment; changes now and then, so that the rings
    /// grow and shrink.
    private struct Source {
        var random: SplitMix
        var drains = false
        var operations = 0

        mutating func number(_ range: ClosedRange<Int>) -> Int {
            Int.random(in: range, using: &random)
        }
        mutating func chance(_ one: Int) -> Bool { number(1 ... one) == 1 }

        mutating func step() {
            operations += 1
            if chance(1500) { drains.toggle() }
        }
    }

    @Test(arguments: [1 as UInt64, 2])
    func twoHundredThousandOperations(seed: UInt64) throws {
        var options = EngineOptions()
        options.logLimit = 1 << 20
        options.initialLogBytes = 1 << 16
        options.memoryLimit = 4 << 20
        try run(seed: seed, operations: TestExtent.choose(quick: 50_000, full: 200_000), options)
    }

    /// The same with the log of every commit compared with the whole image: a change to an unmarked
    /// line fails.
    @Test func everyChangeIsNoted() throws {
        var options = EngineOptions()
        options.verifiesDirtyTracking = true
        try run(seed: 3, operations: 8000, options)
    }

    private func run(seed: UInt64, operations: Int, _ options: EngineOptions) throws {
        let folder = try TemporaryFolder()
        var source = Source(random: SplitMix(state: seed))
        var heap = try PersistentHeap.open(folder.file(), engineOptions: options)
        let empty = try heap.audit()
        var model = Model()
        while source.operations < operations {
            let saved = model
            let aborts = source.chance(10)
            let count = source.number(1 ... 100)
            do {
                try heap.write { tx in
                    let numbers = try tx.deque("numbers", of: Int.self)
                    let texts = try tx.deque("texts", of: String.self)
                    let jobs = try tx.deque("jobs", of: Job.self)
                    let table = try tx.deque("table", of: PersistentArray<Int>.self)
                    for _ in 0 ..< count {
                        source.step()
                        let same: Bool
                        switch source.number(1 ... 10) {
                        case 1 ... 4:
                            same = change(numbers, &model.numbers, &source) {
                                $0.number(.min ... .max)
                            }
                        case 5 ... 6: same = change(texts, &model.texts, &source, Self.text)
                        case 7 ... 8: same = change(jobs, &model.jobs, &source, Self.job)
                        default: same = change(table, &model.table, &source)
                        }
                        try #require(same, "seed \(seed), operation \(source.operations)")
                    }
                    if aborts { throw Abort() }
                }
            } catch is Abort {
                model = saved
            }
            switch source.number(1 ... 200) {
            case 1:
                try heap.close()
                heap = try PersistentHeap.open(folder.file(), engineOptions: options)
            case 2:
                try heap.checkpoint()
                #expect(try heap.audit().problems == [], "seed \(seed)")
            case 3 ... 8: break
            default: continue
            }
            let same = try matches(heap, model)
            try #require(same, "seed \(seed), after operation \(source.operations)")
        }
        let same = try matches(heap, model)
        #expect(same, "seed \(seed), at the end")
        // Memory owned by the elements is freed with them, whatever was done to them: nothing is
        // left.
        try heap.write { tx in
            try tx.deque("numbers", of: Int.self).removeAll()
            try tx.deque("texts", of: String.self).removeAll()
            try tx.removeRoot("numbers", PersistentDeque<Int>.self)
            try tx.removeRoot("texts", PersistentDeque<String>.self)
            try tx.removeRoot("jobs", PersistentDeque<Job>.self)
            try tx.removeRoot("table", PersistentDeque<PersistentArray<Int>>.self)
        }
        try heap.checkpoint()
        #expect(try heap.audit() == empty, "seed \(seed)")
        try heap.close()
    }

    private static func text(_ source: inout Source) -> String {
        String(repeating: "é", count: source.number(0 ... 12)) + "\(source.number(0 ... 1 << 40))"
    }

    private static func job(_ source: inout Source) -> Job {
        Job(
            number: source.operations, time: Double(source.number(0 ... 1000)),
            kind: UInt8(source.number(0 ... 255)))
    }

    private func matches(_ heap: PersistentHeap, _ model: Model) throws -> Bool {
        try heap.read { tx in
            guard tx.hasRoot("table") else { return model.numbers.isEmpty && model.table.isEmpty }
            let numbers = try tx.deque("numbers", of: Int.self)
            let spans = numbers.withSegments { first, second in
                (0 ..< first.count).map { first[$0] } + (0 ..< second.count).map { second[$0] }
            }
            let texts = try tx.deque("texts", of: String.self)
            let jobs = try tx.deque("jobs", of: Job.self)
            let table = try tx.deque("table", of: PersistentArray<Int>.self)
            return spans == model.numbers && numbers == model.numbers && texts == model.texts
                && jobs == model.jobs
                && table.map(Array.init) == model.table
        }
    }

    /// One operation on both; returns whether the results were equal.
    private func change<Element: PersistableValue & Equatable>(
        _ deque: PersistentDeque<Element>, _ model: inout [Element], _ source: inout Source,
        _ make: (inout Source) -> Element
    ) -> Bool {
        let count = model.count
        var same = true
        if source.drains ? !source.chance(3) : source.chance(4) {
            switch source.number(1 ... 60) {
            case 1 ... 25: same = deque.popFirst() == (model.isEmpty ? nil : model.removeFirst())
            case 26 ... 40: same = deque.popLast() == model.popLast()
            case 41 ... 48 where count > 0:
                let index = source.number(0 ... count - 1)
                same = deque.remove(at: index) == model.remove(at: index)
            case 49 where count > 0:
                let number = source.number(0 ... min(count, 60))
                deque.removeFirst(number)
                model.removeFirst(number)
            case 50 where count > 0:
                let number = source.number(0 ... min(count, 60))
                deque.removeLast(number)
                model.removeLast(number)
            case 54 ... 55 where count > 0:
                let low = source.number(0 ... count - 1)
                let range = low ..< source.number(low ... min(count, low + 50))
                deque.removeSubrange(range)
                model.removeSubrange(range)
            case 51 where source.chance(20):
                let keeps = source.chance(2)
                deque.removeAll(keepingCapacity: keeps)
                model.removeAll()
                if !keeps { same = deque.capacity == 0 }
            case 52 ... 53 where count > 0 && source.chance(5):
                // Various ranges, so that gaps are closed in both directions.
                let low = source.number(0 ... count - 1)
                let high = source.number(low ... count - 1)
                let every = source.number(1 ... 5)
                let removed = Set((low ... high).filter { $0 % every == 0 })
                var index = -1
                deque.removeAll { _ in
                    index += 1
                    return removed.contains(index)
                }
                model = model.indices.filter { !removed.contains($0) }.map { model[$0] }
            default:
                if count > 0 {
                    deque.removeFirst()
                    model.removeFirst()
                }
            }
        } else {
            let element = make(&source)
            switch source.number(1 ... 40) {
            case 1 ... 12:
                deque.prepend(element)
                model.insert(element, at: 0)
            case 13 ... 17:
                let index = source.number(0 ... count)
                deque.insert(element, at: index)
                model.insert(element, at: index)
            case 18 ... 22 where count > 0:
                let index = source.number(0 ... count - 1)
                deque[index] = element
                model[index] = element
            case 23 ... 25 where count > 0:
                let (left, right) = (source.number(0 ... count - 1), source.number(0 ... count - 1))
                deque.swapAt(left, right)
                model.swapAt(left, right)
            case 26:
                let elements = (0 ..< source.number(0 ... 30)).map { _ in make(&source) }
                deque.append(contentsOf: elements)
                model += elements
            case 29:
                let index = source.number(0 ... count)
                let elements = (0 ..< source.number(0 ... 20)).map { _ in make(&source) }
                deque.insert(contentsOf: elements, at: index)
                model.insert(contentsOf: elements, at: index)
            case 30 where count > 0:
                let (low, start) = (source.number(0 ... count - 1), source.number(0 ... count - 1))
                let range = low ..< source.number(low ... min(count, low + 40))
                let elements = start ..< source.number(start ... min(count, start + 40))
                // Elements of the deque itself, possibly those that are replaced.
                deque.replaceSubrange(range, with: deque[elements])
                model.replaceSubrange(range, with: model[elements])
            case 27 where source.chance(20):
                deque.reserveCapacity(count + source.number(0 ... 200))
            case 28 where count < 200 && source.chance(10):
                deque.append(contentsOf: deque)
                model += model
            default:
                deque.append(element)
                model.append(element)
            }
        }
        if model.count > 8000 { source.drains = true }
        guard same, deque.count == model.count, deque.first == model.first, deque.last == model.last
        else { return false }
        guard model.count > 0 else { return deque.isEmpty }
        let index = source.number(0 ... model.count - 1)
        return deque[index] == model[index] && deque.capacity >= model.count
    }

    /// The same for elements that are collections themselves.
    private func change(
        _ deque: PersistentDeque<PersistentArray<Int>>, _ model: inout [[Int]],
        _ source: inout Source
    ) -> Bool {
        let count = model.count
        let value = source.number(0 ... 999)
        if count > 0, source.drains || count > 800 ? source.chance(2) : source.chance(5) {
            let index = source.number(0 ... count - 1)
            switch source.number(1 ... 4) {
            case 1:
                deque.removeFirst(1)
                model.removeFirst()
            case 2:
                deque.removeLast(1)
                model.removeLast()
            case 3:
                deque.removeElement(at: index)
                model.remove(at: index)
            default:
                deque.removeAll { $0.first == value }
                model.removeAll { $0.first == value }
            }
        } else if count > 0, source.chance(2) {
            let (index, other) = (source.number(0 ... count - 1), source.number(0 ... count - 1))
            switch source.number(1 ... 8) {
            case 7:
                let range = min(index, other) ..< min(max(index, other), min(index, other) + 9)
                deque.replaceSubrange(range, with: deque[other ..< min(count, other + 5)])
                model.replaceSubrange(range, with: model[other ..< min(count, other + 5)])
            case 8 where source.chance(10):
                let range = min(index, other) ..< min(max(index, other), min(index, other) + 9)
                deque.removeSubrange(range)
                model.removeSubrange(range)
            case 1:
                deque[index] = deque[other]
                model[index] = model[other]
            case 2:
                deque.append(deque[index])
                model.append(model[index])
            case 3:
                deque.swapAt(index, other)
                model.swapAt(index, other)
            default:
                deque[index].append(value)
                model[index].append(value)
            }
        } else {
            switch source.number(1 ... 3) {
            case 1:
                deque.appendNew().append(value)
                model.append([value])
            case 2:
                deque.prependNew().append(value)
                model.insert([value], at: 0)
            default:
                let index = source.number(0 ... count)
                deque.insertNew(at: index).append(value)
                model.insert([value], at: index)
            }
        }
        guard deque.count == model.count else { return false }
        return zip(deque.prefix(2), model.prefix(2)).allSatisfy { Array($0) == $1 }
    }
}
