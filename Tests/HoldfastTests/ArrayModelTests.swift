import Foundation
import Holdfast
import Testing
import TestSupport

/// Arrays of every kind of element against `Array`.
@Suite(.progress) struct ArrayModelTests {
    enum Shape: HeapUnion, Equatable {
        case circle(Double)
        case label(String, Int)
        case nothing

        static let cases = [
            UnionCase("circle", Shape.circle) {
                if case .circle(let radius) = $0 { radius } else { nil }
            },
            UnionCase("label", Shape.label) {
                if case .label(let text, let size) = $0 { (text, size) } else { nil }
            },
            UnionCase("nothing", Shape.nothing),
        ]
    }

    struct Person: HeapRecord, Equatable {
        var name: String
        var age: Int?
        var photo: Data
    }

    /// Random changes of one array of at most some hundred elements.
    private func change<Element: PersistableValue & Equatable>(
        _ array: PersistentArray<Element>, _ model: inout [Element], _ random: inout SplitMix,
        less: (Element, Element) -> Bool, _ make: (inout SplitMix) -> Element
    ) {
        func some(_ random: inout SplitMix) -> [Element] {
            (0 ..< random.below(6)).map { _ in make(&random) }
        }
        let count = model.count
        switch random.below(count > 300 ? 26 : 22) {
        case 0 ... 3:
            let element = make(&random)
            array.append(element)
            model.append(element)
        case 4:
            let elements = some(&random)
            array.append(contentsOf: elements)
            model.append(contentsOf: elements)
        case 5 where count < 100:
            array.append(contentsOf: array)
            model.append(contentsOf: model)
        case 6:
            let (element, index) = (make(&random), random.below(count + 1))
            array.insert(element, at: index)
            model.insert(element, at: index)
        case 7:
            let (elements, index) = (some(&random), random.below(count + 1))
            array.insert(contentsOf: elements, at: index)
            model.insert(contentsOf: elements, at: index)
        case 8, 9:
            let (elements, range) = (some(&random), random.range(in: count, longest: 8))
            array.replaceSubrange(range, with: elements)
            model.replaceSubrange(range, with: elements)
        case 10:
            let (source, target) = (
                random.range(in: count, longest: 8), random.range(in: count, longest: 8)
            )
            array.replaceSubrange(target, with: array[source])
            model.replaceSubrange(target, with: Array(model[source]))
        case 11 where count > 0:
            let index = random.below(count)
            if array.remove(at: index) != model.remove(at: index) {
                Issue.record("removed element")
            }
        case 12:
            let range = random.range(in: count, longest: 8)
            array.removeSubrange(range)
            model.removeSubrange(range)
        case 13 where count > 0 && random.below(20) == 0:
            let victim = model[random.below(count)]
            array.removeAll { $0 == victim }
            model.removeAll { $0 == victim }
        case 14 where count > 0:
            let (index, element) = (random.below(count), make(&random))
            array[index] = element
            model[index] = element
        case 15 where count > 0:
            let (first, second) = (random.below(count), random.below(count))
            array.swapAt(first, second)
            model.swapAt(first, second)
        case 16 where random.below(20) == 0:
            array.sort(by: less)
            model.sort(by: less)
        case 17 where random.below(10) == 0:
            array.reverse()
            model.reverse()
        case 18 where count > 2:
            if array.popFirst() != model.removeFirst() || array.popLast() != model.popLast() {
                Issue.record("popped element")
            }
        case 19 where random.below(20) == 0:
            var same = random
            array.shuffle(using: &random)
            model.shuffle(using: &same)
        case 20 where count > 0 && random.below(20) == 0:
            let pivot = model[random.below(count)]
            let boundary = array.partition { !less($0, pivot) }
            model = model.filter { less($0, pivot) } + model.filter { !less($0, pivot) }
            if boundary != array.partitioningIndex(where: { !less($0, pivot) }) {
                Issue.record("partition")
            }
        case 22 ... 25:
            let range = random.range(in: count)
            array.removeSubrange(range)
            model.removeSubrange(range)
        default: array.reserveCapacity(random.below(50))
        }
        if array.count != model.count || array.last != model.last {
            Issue.record("count or last element")
        }
    }

    private func run<Element: PersistableValue & Equatable>(
        _ type: Element.Type, operations: Int, less: @escaping (Element, Element) -> Bool,
        _ make: @escaping (inout SplitMix) -> Element
    ) throws {
        try ModelRun(operations: operations)(
            seed: 7, [Element](),
            handles: { tx in try tx.array("array", of: Element.self) },
            change: { array, model, random in change(array, &model, &random, less: less, make) },
            compare: { array, model in array == model },
            remove: { tx in _ = try tx.removeRoot("array", PersistentArray<Element>.self) })
    }

    @Test func numbers() throws {
        try run(Int.self, operations: 60_000, less: <) { $0.below(1000) }
    }

    @Test func texts() throws { try run(String.self, operations: 40_000, less: <) { $0.text() } }

    @Test func optionals() throws {
        try run(
            String?.self, operations: 20_000, less: { ($0 ?? "") < ($1 ?? "") },
            { $0.below(3) == 0 ? nil : $0.text() })
    }

    @Test func structs() throws {
        try run(Movement.self, operations: 20_000, less: { $0.delta < $1.delta }) {
            Movement(
                item: Int32($0.below(100)), delta: Int64($0.below(100)),
                weight: $0.below(2) == 0 ? nil : 0.5)
        }
    }

    @Test func enums() throws {
        try run(Colour.self, operations: 20_000, less: { $0.rawValue < $1.rawValue }) {
            $0.below(2) == 0 ? .red : .green
        }
    }

    @Test func data() throws {
        try run(Data.self, operations: 20_000, less: { $0.count < $1.count }) {
            Data(repeating: UInt8($0.below(256)), count: $0.below(40))
        }
    }

    @Test func unions() throws {
        try run(Shape.self, operations: 10_000, less: { "\($0)" < "\($1)" }) {
            switch $0.below(3) {
            case 0: .circle(Double($0.below(100)))
            case 1: .label($0.text(), $0.below(100))
            default: .nothing
            }
        }
    }

    @Test func records() throws {
        try run(Person.self, operations: 10_000, less: { $0.name < $1.name }) {
            Person(
                name: $0.text(), age: $0.below(2) == 0 ? nil : $0.below(100),
                photo: Data(count: $0.below(40)))
        }
    }
}
