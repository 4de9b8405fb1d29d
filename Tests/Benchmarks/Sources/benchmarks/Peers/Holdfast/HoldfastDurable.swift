import Holdfast

/// A word for each thread. Commits that wait at the same time share a sync.
struct HoldfastGroup: GroupCommitPeer {
    private let heap: PersistentHeap

    init(newAt path: String, threads: Int) throws {
        heap = try PersistentHeap.open(path)
        for thread in 0 ..< threads { try setWord(heap, "thread \(thread)", 0) }
        try heap.sync()
    }

    func close() throws { try heap.close() }

    func commit(_ count: Int, thread: Int) throws {
        let name = "thread \(thread)"
        for number in 1 ... UInt64(count) {
            try heap.write(durability: .device) {
                try $0.value(name, initial: 0 as UInt64).value = number
            }
        }
    }

    func word(_ thread: Int) throws -> UInt64 {
        try heap.read { try $0.value("thread \(thread)", of: UInt64.self).value }
    }
}
