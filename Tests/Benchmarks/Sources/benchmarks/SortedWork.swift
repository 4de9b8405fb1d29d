import Holdfast

// Sorted maps. The standard library has none: what stands against them is a sorted array, looked up by halving, for look-ups and scans.

func sortedWork(_ folder: Folder) throws -> [Measurement] {
    let count = 1_000_000
    let few = 10_000
    var random = SplitMix(state: 4)
    let keys = (0 ..< count).map { _ in random.next() }
    let lookups = keys.shuffled(using: &random)
    let sum = keys.reduce(0 as UInt64) { $0 &+ ($1 &* 3) }
    let fewSum = keys.prefix(few).reduce(0 as UInt64) { $0 &+ ($1 &* 3) }
    let texts = keys.map { "key-\($0 % 100_000_000_000)" }
    let textLookups = texts.shuffled(using: &random)
    let array = keys.sorted()

    let heap = try PersistentHeap.open(folder.fresh("sorted.heap"))
    try heap.write { tx in
        let map = try tx.sortedMap("map", UInt64.self, UInt64.self)
        for key in keys { map[key] = key &* 3 }
        let fewMap = try tx.sortedMap("few", UInt64.self, UInt64.self)
        for key in keys.prefix(few) { fewMap[key] = key &* 3 }
        let textMap = try tx.sortedMap("text", String.self, UInt64.self)
        for text in texts { textMap[text] = UInt64(text.utf8.count) }
    }
    // From the mapped file, not from this process's private pages.
    try heap.close()
    let reader = try PersistentHeap.open(folder.path + "/sorted.heap", mode: .readOnly)
    let textSum = texts.reduce(0 as UInt64) { $0 &+ UInt64($1.utf8.count) }

    func find(_ key: UInt64) -> UInt64 {
        var low = 0
        var high = array.count
        while low < high {
            let middle = (low + high) / 2
            if array[middle] < key { low = middle + 1 } else { high = middle }
        }
        return array[low]
    }

    return [
        Measurement(
            work: "sorted.insert.u64.1e6", system: "holdfast", operations: count,
            run: { watch in
                let heap = try PersistentHeap.open(folder.fresh("sorted-insert.heap"))
                try watch.timed {
                    try heap.write { tx in
                        let map = try tx.sortedMap("map", UInt64.self, UInt64.self)
                        for key in keys { map[key] = key &* 3 }
                    }
                }
                let result = try heap.read { UInt64(try $0.sortedMap("map", UInt64.self, UInt64.self).count) }
                try heap.close()
                return result
            }, expected: UInt64(count)),
        Measurement(
            work: "sorted.append.u64.1e6", system: "holdfast", operations: count,
            run: { watch in
                let heap = try PersistentHeap.open(folder.fresh("sorted-append.heap"))
                try watch.timed {
                    try heap.write { tx in
                        try tx.sortedMap("map", UInt64.self, UInt64.self).append(sorted: array.lazy.map { ($0, $0 &* 3) })
                    }
                }
                let result = try heap.read { UInt64(try $0.sortedMap("map", UInt64.self, UInt64.self).count) }
                try heap.close()
                return result
            }, expected: UInt64(count)),
        Measurement(
            work: "sorted.get.u64.1e6", system: "holdfast", operations: count,
            run: { watch in
                try reader.read { tx in
                    let map = try tx.sortedMap("map", UInt64.self, UInt64.self)
                    return watch.timed { lookups.reduce(0) { $0 &+ map[$1]! } }
                }
            }, expected: sum),
        Measurement(
            work: "sorted.get.u64.1e6", system: "sorted Array", operations: count,
            run: { watch in
                watch.timed { lookups.reduce(0) { $0 &+ find($1) &* 3 } }
            }, expected: sum),
        Measurement(
            work: "sorted.scan.u64.1e6", system: "holdfast", operations: count,
            run: { watch in
                try reader.read { tx in
                    let map = try tx.sortedMap("map", UInt64.self, UInt64.self)
                    return watch.timed { map.reduce(0) { $0 &+ $1.value } }
                }
            }, expected: sum),
        Measurement(
            work: "sorted.scan.u64.1e4", system: "holdfast", operations: few * 100,
            run: { watch in
                try reader.read { tx in
                    let map = try tx.sortedMap("few", UInt64.self, UInt64.self)
                    return watch.timed { (0 ..< 100).reduce(0 as UInt64) { sum, _ in map.reduce(sum) { $0 &+ $1.value } } }
                }
            }, expected: fewSum &* 100),
        Measurement(
            work: "sorted.get.string.1e6", system: "holdfast", operations: count,
            run: { watch in
                try reader.read { tx in
                    let map = try tx.sortedMap("text", String.self, UInt64.self)
                    return watch.timed { textLookups.reduce(0) { $0 &+ map[$1]! } }
                }
            }, expected: textSum),
        Measurement(
            work: "sorted.insert.string.1e6", system: "holdfast", operations: count,
            run: { watch in
                let heap = try PersistentHeap.open(folder.fresh("sorted-text.heap"))
                try watch.timed {
                    try heap.write { tx in
                        let map = try tx.sortedMap("map", String.self, UInt64.self)
                        for text in texts { map[text] = UInt64(text.utf8.count) }
                    }
                }
                let result = try heap.read { tx in
                    try tx.sortedMap("map", String.self, UInt64.self).reduce(0 as UInt64) { $0 &+ $1.value }
                }
                try heap.close()
                return result
            }, expected: nil),
    ]
}
