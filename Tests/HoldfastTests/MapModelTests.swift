import Holdfast
import Testing
import TestSupport

/// Maps of nested collections of records against `Dictionary`.
@Suite(.progress) struct MapModelTests {
    private struct Person: HeapRecord {
        var name: String
        var tags = PersistentArray<String>()
        var scores = PersistentMap<Int, String>()
    }

    private struct PersonModel: Equatable {
        var name: String
        var tags: [String] = []
        var scores: [Int: String] = [:]
    }

    private typealias Groups = PersistentMap<String, PersistentArray<Person>>

    private struct Handles {
        var groups: Groups
        var counts: PersistentMap<Double, String>
    }

    private struct Model: Equatable {
        var groups: [String: [PersonModel]] = [:]
        var counts: [Double: String] = [:]
    }

    private func change(
        _ groups: Groups, _ model: inout [String: [PersonModel]], _ random: inout SplitMix
    ) {
        let key = random.text()
        let text = random.text()
        let size = model[key]?.count ?? 0
        let index = size == 0 ? 0 : random.below(size)
        switch random.below(12) {
        case 0:
            let existed: Bool = groups.removeValue(forKey: key)
            if existed != (model.removeValue(forKey: key) != nil) {
                Issue.record("whether \(key) was there")
            }
        case 1 where random.below(40) == 0:
            groups.removeAll { $0.value.count % 2 == 0 }
            model = model.filter { $0.value.count % 2 != 0 }
        case 2 where size > 0:
            groups[key]!.removeElement(at: index)
            model[key]!.remove(at: index)
        case 3 ... 5 where size > 0:
            groups[key]![ref: index].tags.append(text)
            model[key]![index].tags.append(text)
        case 6 where size > 0:
            groups[key]![ref: index].scores[size % 5] = text
            model[key]![index].scores[size % 5] = text
        case 7 where size > 0:
            groups[key]![ref: index].name = text
            model[key]![index].name = text
        case 8 where size > 1 && size < 10:
            groups[key]!.sort { $0.name < $1.name }
            model[key]!.sort { $0.name < $1.name }
        case 9:
            // A copy of a whole group, with its records and everything that they own.
            let other = random.text()
            if size < 10, let group = groups[key] { groups[other] = group }
            if size < 10, let group = model[key] { model[other] = group }
        default:
            guard size < 12 else { break }
            groups[creating: key].append(Person(name: text))
            model[key, default: []].append(PersonModel(name: text))
        }
        if groups[key]?.count != model[key]?.count { Issue.record("count at \(key)") }
    }

    private func change(
        _ counts: PersistentMap<Double, String>, _ model: inout [Double: String],
        _ random: inout SplitMix
    ) {
        let key = Double(random.below(600)) / 4
        let text = random.text()
        switch random.below(14) {
        case 0 ... 1:
            let removed: String? = counts.removeValue(forKey: key)
            if removed != model.removeValue(forKey: key) { Issue.record("removed value") }
        case 2:
            counts[key]? += text
            model[key]? += text
        case 3:
            counts[key, default: "new "] += text
            model[key, default: "new "] += text
        case 4:
            counts.merge([key: text, key + 1: "b"]) { $0.count < 40 ? $0 + $1 : $1 }
            model.merge([key: text, key + 1: "b"]) { $0.count < 40 ? $0 + $1 : $1 }
        case 5 where random.below(300) == 0:
            counts.updateValues { $1 = "\($0)" }
            for key in model.keys { model[key] = "\(key)" }
        case 6 where random.below(300) == 0:
            counts.removeAll { $0.key < key }
            model = model.filter { $0.key >= key }
        case 7 where random.below(300) == 0:
            counts.reserveCapacity(random.below(3000))
        case 8 where random.below(20) == 0:
            if let (key, value) = counts.popFirst(), model.removeValue(forKey: key) != value {
                Issue.record("popped value")
            }
        case 9 where random.below(10) == 0:
            if let (key, value) = counts.randomElement(using: &random), model[key] != value {
                Issue.record("random value")
            }
        case 10 where random.below(2000) == 0:
            counts.removeAll()
            model.removeAll()
        default:
            counts[key] = text
            model[key] = text
        }
        if counts[key] != model[key] || counts.count != model.count {
            Issue.record("value of \(key), or the count")
        }
    }

    @Test(arguments: [1 as UInt64, 2])
    func hundredThousandOperations(seed: UInt64) throws {
        try ModelRun(operations: TestExtent.choose(quick: 50_000, full: 200_000))(
            seed: seed, Model(),
            handles: { tx in
                Handles(
                    groups: try tx.map("groups", String.self, PersistentArray<Person>.self),
                    counts: try tx.map("counts", Double.self, String.self))
            },
            change: { handles, model, random in
                if random.below(2) == 0 {
                    change(handles.groups, &model.groups, &random)
                } else {
                    change(handles.counts, &model.counts, &random)
                }
            },
            compare: { handles, model in
                let groups = handles.groups.mapValues { group in
                    group.map {
                        PersonModel(
                            name: $0.name, tags: Array($0.tags), scores: Dictionary($0.scores))
                    }
                }
                return groups == model.groups && handles.counts == model.counts
                    && Dictionary(handles.counts) == model.counts
            },
            remove: { tx in
                _ = try tx.removeRoot("groups", Groups.self)
                _ = try tx.removeRoot("counts", PersistentMap<Double, String>.self)
            })
    }
}
