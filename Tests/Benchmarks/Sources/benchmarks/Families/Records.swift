import Holdfast

/// A record as lists are linked of, and the same as an object.
private struct Link: HeapRecord {
    var value: UInt64
    var weight: Double
    var next: HeapRef<Link>?
}

private final class Object {
    var value: UInt64
    var weight: Double
    var next: Object?

    init(value: UInt64, weight: Double) {
        self.value = value
        self.weight = weight
    }
}

// References, in a heap that was built and opened again. Against them stand objects of classes,
// which are gone with the process.

private let count = 1_000_000
private let few = 1000
/// Times that the few records are gone through.
private let turns = 1000
private let sum = UInt64(count) * UInt64(count - 1) / 2
private let fewSum = UInt64(few) * UInt64(few - 1) / 2 * UInt64(turns)

var recordFamily: Family {
    Family(
        name: "records", works: ["ref.get.field", "ref.walk.1e6"],
        contestants: { bench in
            var random = SplitMix(state: 5)
            // Each link leads to one that lies anywhere.
            let order = Array(0 ..< count).shuffled(using: &random)
            return [try records(order, bench), objects(order)]
        })
}

private func records(_ order: [Int], _ bench: Bench) throws -> Contestant {
    let path = bench.folder.fresh("records.heap")
    try PersistentHeap.build(path) { tx in
        var links: [HeapRef<Link>] = []
        links.reserveCapacity(count)
        for number in 0 ..< count {
            links.append(try tx.new(Link(value: UInt64(number), weight: 1, next: nil)))
        }
        for (here, next) in zip(order, order.dropFirst()) { links[here].next = links[next] }
        try tx.array("first", of: HeapRef<Link>.self).append(links[order[0]])
        try tx.array("few", of: HeapRef<Link>.self).append(contentsOf: links.prefix(few))
    }
    let reader = try PersistentHeap.open(path, mode: .readOnly)
    return Contestant(system: "holdfast") { recorder in
        try recorder.time("ref.get.field", operations: few * turns, expect: fewSum) {
            try reader.read { tx in
                let links = Array(try tx.array("few", of: HeapRef<Link>.self))
                var sum: UInt64 = 0
                for _ in 0 ..< turns { for link in links { sum &+= link.value } }
                return sum
            }
        }
        try recorder.time("ref.walk.1e6", operations: count, expect: sum) {
            try reader.read { tx in
                var sum: UInt64 = 0
                var link: HeapRef<Link>? = try tx.array("first", of: HeapRef<Link>.self)[0]
                while let here = link {
                    sum &+= here.value
                    link = here.next
                }
                return sum
            }
        }
    }
}

private func objects(_ order: [Int]) -> Contestant {
    let objects = (0 ..< count).map { Object(value: UInt64($0), weight: 1) }
    // Never freed: each object would be freed inside the freeing of the one before it, which runs
    // out of stack.
    for object in objects { _ = Unmanaged.passRetained(object) }
    for (here, next) in zip(order, order.dropFirst()) { objects[here].next = objects[next] }
    let fewObjects = Array(objects.prefix(few))
    let first = objects[order[0]]
    return Contestant(system: "class") { recorder in
        try recorder.time("ref.get.field", operations: few * turns, expect: fewSum) {
            var sum: UInt64 = 0
            for _ in 0 ..< turns { for object in fewObjects { sum &+= object.value } }
            return sum
        }
        try recorder.time("ref.walk.1e6", operations: count, expect: sum) {
            var sum: UInt64 = 0
            var object: Object? = first
            while let here = object {
                sum &+= here.value
                object = here.next
            }
            return sum
        }
    }
}
