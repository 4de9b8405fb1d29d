import Holdfast

struct HoldfastArray: ArrayPeer {
    private let heap: PersistentHeap

    init(newAt path: String) throws { heap = try PersistentHeap.open(path) }

    private init(heap: PersistentHeap) { self.heap = heap }

    func reopened() throws -> HoldfastArray {
        try heap.close()
        return HoldfastArray(heap: try PersistentHeap.open(heap.path, mode: .readOnly))
    }

    func close() throws { try heap.close() }

    func append(_ count: Int) throws {
        try heap.write { tx in
            let array = try tx.array("array", of: UInt64.self)
            for number in 0 ..< UInt64(count) { array.append(number) }
        }
    }

    func scatter(_ places: [Int]) throws {
        try heap.write { tx in
            let array = try tx.array("array", of: UInt64.self)
            for place in places { array[place] += 1 }
        }
    }

    func sum() throws -> UInt64 {
        try heap.read { tx in
            try tx.array("array", of: UInt64.self).withSpan { span in
                var sum: UInt64 = 0
                for index in span.indices { sum &+= span[index] }
                return sum
            }
        }
    }
}
