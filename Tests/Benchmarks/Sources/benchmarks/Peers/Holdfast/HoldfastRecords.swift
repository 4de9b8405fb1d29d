import Holdfast

/// 104 bytes, of which the first 8 are looked at.
struct Record: HeapStruct {
    var field: UInt64
    var rest:
        (
            UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64, UInt64,
            UInt64
        ) = (
            1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12
        )
}

struct HoldfastRecords: RecordPeer {
    private let heap: PersistentHeap

    init(newAt path: String, keys: [UInt64]) throws {
        heap = try PersistentHeap.open(path)
        try heap.write { tx in
            let map = try tx.map("records", UInt64.self, Record.self)
            for key in keys { map[key] = Record(field: 0) }
        }
    }

    func close() throws { try heap.close() }

    func run(_ operations: [RecordOperation]) throws -> UInt64 {
        var sum: UInt64 = 0
        for operation in operations {
            let (key, number) = (operation.key, operation.number)
            switch operation.kind {
            case .read:
                sum &+= try heap.read {
                    try $0.map("records", UInt64.self, Record.self)[key]!.field
                }
            case .update, .insert:
                try heap.write {
                    try $0.map("records", UInt64.self, Record.self)[key] = Record(field: number)
                }
            case .modify:
                try heap.write {
                    try $0.map("records", UInt64.self, Record.self)[key]!.field += number
                }
            case .scan: fatalError("a hashed map has no order")
            }
        }
        return sum
    }
}

struct HoldfastSortedRecords: RecordPeer {
    private let heap: PersistentHeap

    init(newAt path: String, keys: [UInt64]) throws {
        heap = try PersistentHeap.open(path)
        try heap.write { tx in
            let map = try tx.sortedMap("records", UInt64.self, Record.self)
            for key in keys { map[key] = Record(field: 0) }
        }
    }

    func close() throws { try heap.close() }

    func run(_ operations: [RecordOperation]) throws -> UInt64 {
        var sum: UInt64 = 0
        for operation in operations {
            let (key, number) = (operation.key, operation.number)
            switch operation.kind {
            case .read:
                sum &+= try heap.read {
                    try $0.sortedMap("records", UInt64.self, Record.self)[key]!.field
                }
            case .update, .insert:
                try heap.write {
                    try $0.sortedMap("records", UInt64.self, Record.self)[key] = Record(
                        field: number)
                }
            case .modify:
                try heap.write {
                    try $0.sortedMap("records", UInt64.self, Record.self)[key]!.field += number
                }
            case .scan:
                sum = try heap.read { tx in
                    try tx.sortedMap("records", UInt64.self, Record.self)[key...].prefix(
                        Int(number)
                    ).reduce(sum) {
                        $0 &+ $1.value.field
                    }
                }
            }
        }
        return sum
    }
}
