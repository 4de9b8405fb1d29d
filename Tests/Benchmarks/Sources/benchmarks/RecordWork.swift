import Holdfast

/// A record as lists are linked of, and the same as an object.
private struct Link: PersistableRecord {
    var value: UInt64
    var weight: Double
    var next: Ref<Link>?
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

// References. Against them stand objects of classes, which are gone with the process.

func recordWork(_ folder: Folder) throws -> [Measurement] {
    let count = 1_000_000
    let few = 1000
    var random = SplitMix(state: 5)
    // Each link leads to one that lies anywhere.
    let order = Array(0 ..< count).shuffled(using: &random)
    let sum = UInt64(count) * UInt64(count - 1) / 2

    try PersistentHeap.build(folder.fresh("records.heap")) { tx in
        var links: [Ref<Link>] = []
        links.reserveCapacity(count)
        for number in 0 ..< count { links.append(try tx.new(Link(value: UInt64(number), weight: 1, next: nil))) }
        for (here, next) in zip(order, order.dropFirst()) { links[here].next = links[next] }
        try tx.array("first", of: Ref<Link>.self).append(links[order[0]])
        try tx.array("few", of: Ref<Link>.self).append(contentsOf: links.prefix(few))
    }
    let reader = try PersistentHeap.open(folder.path + "/records.heap", mode: .readOnly)

    let objects = (0 ..< count).map { Object(value: UInt64($0), weight: 1) }
    // Never freed: each object would be freed inside the freeing of the one before it, which runs out of stack.
    for object in objects { _ = Unmanaged.passRetained(object) }
    for (here, next) in zip(order, order.dropFirst()) { objects[here].next = objects[next] }
    let fewObjects = Array(objects.prefix(few))
    let fewSum = UInt64(few) * UInt64(few - 1) / 2 * 1000

    return [
        Measurement(
            work: "ref.get.field", system: "holdfast", operations: few * 1000,
            run: { watch in
                try reader.read { tx in
                    let links = Array(try tx.array("few", of: Ref<Link>.self))
                    return watch.timed {
                        var sum: UInt64 = 0
                        for _ in 0 ..< 1000 { for link in links { sum &+= link.value } }
                        return sum
                    }
                }
            }, expected: fewSum),
        Measurement(
            work: "ref.get.field", system: "class", operations: few * 1000,
            run: { watch in
                watch.timed {
                    var sum: UInt64 = 0
                    for _ in 0 ..< 1000 { for object in fewObjects { sum &+= object.value } }
                    return sum
                }
            }, expected: fewSum),
        Measurement(
            work: "ref.walk.1e6", system: "holdfast", operations: count,
            run: { watch in
                try reader.read { tx in
                    let first = try tx.array("first", of: Ref<Link>.self)[0]
                    return watch.timed {
                        var sum: UInt64 = 0
                        var link: Ref<Link>? = first
                        while let here = link {
                            sum &+= here.value
                            link = here.next
                        }
                        return sum
                    }
                }
            }, expected: sum),
        Measurement(
            work: "ref.walk.1e6", system: "class", operations: count,
            run: { watch in
                watch.timed {
                    var sum: UInt64 = 0
                    var object: Object? = objects[order[0]]
                    while let here = object {
                        sum &+= here.value
                        object = here.next
                    }
                    return sum
                }
            }, expected: sum),
    ]
}
