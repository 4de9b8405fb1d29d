import Holdfast
import HoldfastEngine
import Testing
import TestSupport

/// Random operations on a heap and on the standard library's collections in parallel, with aborts,
/// reopenings and checkpoints in between; equal at every step, and every page accounted for after
/// every checkpoint.
@Suite(.progress) struct PropertyTests {
    private struct Abort: Error {}

    private struct Model: Equatable {
        var numbers: [UInt64: Int] = [:]
        var names: [String: String] = [:]
        var list: [Int32] = []
        var table: [Int16: [String]] = [:]
    }

    private static let texts = [
        "", "é", "e\u{301}", "short", "exactly 15 byte", "sixteen bytes ok",
        "a text of more than fifteen bytes, in a block",
    ]

    @Test(arguments: [1 as UInt64, 2])
    func aMillionOperations(seed: UInt64) throws {
        let folder = try TemporaryFolder()
        var options = EngineOptions()
        options.logLimit = 1 << 20
        options.initialLogBytes = 1 << 16
        options.memoryLimit = 4 << 20
        var random = SplitMix(state: seed)
        var heap = try PersistentHeap.open(folder.file(), engineOptions: options)
        var model = Model()
        var operations = 0
        while operations < TestExtent.choose(quick: 100_000, full: 500_000) {
            let saved = model
            let aborts = Int.random(in: 0 ..< 10, using: &random) == 0
            let count = Int.random(in: 1 ... 120, using: &random)
            operations += count
            do {
                try heap.write { tx in
                    let numbers = try tx.map("numbers", UInt64.self, Int.self)
                    let names = try tx.map("names", String.self, String.self)
                    let list = try tx.array("list", of: Int32.self)
                    let table = try tx.map("table", Int16.self, PersistentArray<String>.self)
                    for _ in 0 ..< count {
                        switch Int.random(in: 0 ..< 10, using: &random) {
                        case 0 ... 2: change(numbers, &model, &random)
                        case 3 ... 4: change(names, &model, &random)
                        case 5 ... 7: change(list, &model, &random)
                        default: change(table, &model, &random)
                        }
                    }
                    if aborts { throw Abort() }
                }
            } catch is Abort {
                model = saved
            }
            switch Int.random(in: 0 ..< 400, using: &random) {
            case 0: try compare(heap, model)
            case 1:
                try heap.close()
                let file = [UInt8](try folder.bytes())
                file.withUnsafeBytes { #expect(AllocatorAudit($0).problems == []) }
                heap = try PersistentHeap.open(folder.file(), engineOptions: options)
                try compare(heap, model)
            case 2:
                try heap.checkpoint()
                #expect(try heap.audit().problems == [])
                let file = [UInt8](try folder.bytes())
                file.withUnsafeBytes { #expect(AllocatorAudit($0).problems == []) }
            case 3: try heap.sync()
            default: break
            }
        }
        try compare(heap, model)
        try heap.close()
        heap = try PersistentHeap.open(folder.file(), engineOptions: options)
        try compare(heap, model)
        #expect(try heap.audit().problems == [])
        try heap.close()
    }

    private func change(
        _ map: PersistentMap<UInt64, Int>, _ model: inout Model, _ random: inout SplitMix
    ) {
        let key = UInt64.random(in: 0 ..< 20_000, using: &random)
        let value = Int.random(in: .min ... .max, using: &random)
        switch Int.random(in: 0 ..< 4, using: &random) {
        case 0:
            map[key] = nil
            model.numbers[key] = nil
        case 1:
            map[key, default: 3] &+= value
            model.numbers[key, default: 3] &+= value
        default:
            map[key] = value
            model.numbers[key] = value
        }
        #expect(map[key] == model.numbers[key])
        if map.count != model.numbers.count {
            Issue.record("count \(map.count), not \(model.numbers.count)")
        }
    }

    private func change(
        _ map: PersistentMap<String, String>, _ model: inout Model, _ random: inout SplitMix
    ) {
        let key =
            Self.texts.randomElement(using: &random)!
            + "\(Int.random(in: 0 ..< 300, using: &random))"
        let value = Self.texts.randomElement(using: &random)!
        if Int.random(in: 0 ..< 3, using: &random) == 0 {
            map[key] = nil
            model.names[key] = nil
        } else {
            map[key] = value
            model.names[key] = value
        }
        if map[key] != model.names[key] { Issue.record("value of \(key)") }
    }

    private func change(
        _ list: PersistentArray<Int32>, _ model: inout Model, _ random: inout SplitMix
    ) {
        let value = Int32.random(in: .min ... .max, using: &random)
        let count = model.list.count
        switch Int.random(in: 0 ..< 8, using: &random) {
        case 0 where count > 0:
            let index = Int.random(in: max(0, count - 50) ..< count, using: &random)
            if list.remove(at: index) != model.list.remove(at: index) {
                Issue.record("removed element \(index)")
            }
        case 1:
            let index = Int.random(in: max(0, count - 50) ... count, using: &random)
            list.insert(value, at: index)
            model.list.insert(value, at: index)
        case 2 where count > 0:
            let index = Int.random(in: 0 ..< count, using: &random)
            list[index] = value
            model.list[index] = value
        case 3 where count > 20_000:
            list.removeAll()
            model.list.removeAll()
        case 4 where count > 1:
            list.swapAt(0, count - 1)
            model.list.swapAt(0, count - 1)
        default:
            list.append(value)
            model.list.append(value)
        }
        if list.last != model.list.last || list.count != model.list.count { Issue.record("list") }
    }

    private func change(
        _ table: PersistentMap<Int16, PersistentArray<String>>, _ model: inout Model,
        _ random: inout SplitMix
    ) {
        let key = Int16.random(in: 0 ..< 500, using: &random)
        let text = Self.texts.randomElement(using: &random)!
        switch Int.random(in: 0 ..< 6, using: &random) {
        case 0:
            table[key] = nil
            model.table[key] = nil
        case 1:
            let source = Int16.random(in: 0 ..< 500, using: &random)
            // A copy, not a second handle to the same array.
            if let array = table[source] { table[key] = array }
            if let array = model.table[source] { model.table[key] = array }
        default:
            table[creating: key].append(text)
            model.table[key, default: []].append(text)
        }
        if table[key].map(Array.init) != model.table[key] { Issue.record("table at \(key)") }
    }

    private func compare(_ heap: PersistentHeap, _ model: Model) throws {
        try heap.read { tx in
            let numbers = try tx.map("numbers", UInt64.self, Int.self)
            #expect(
                Dictionary(uniqueKeysWithValues: numbers.map { ($0.key, $0.value) })
                    == model.numbers)
            let names = try tx.map("names", String.self, String.self)
            #expect(
                Dictionary(uniqueKeysWithValues: names.map { ($0.key, $0.value) }) == model.names)
            #expect(try tx.array("list", of: Int32.self).elementsEqual(model.list))
            let table = try tx.map("table", Int16.self, PersistentArray<String>.self)
            #expect(
                Dictionary(uniqueKeysWithValues: table.map { ($0.key, Array($0.value)) })
                    == model.table)
        }
    }
}
