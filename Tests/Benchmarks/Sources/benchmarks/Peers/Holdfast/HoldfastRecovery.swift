import Holdfast

struct HoldfastRecovery: RecoveryPeer {
    private let heap: PersistentHeap

    /// With a log so large that no checkpoint comes.
    static func write(_ path: String, slices: Int) throws {
        var options = PersistentHeap.Options()
        options.logLimit = 512 << 20
        let heap = try PersistentHeap.open(path, options: options)
        try heap.write { tx in
            try tx.array("words", of: UInt64.self).append(
                contentsOf: repeatElement(0, count: sliceWords * slicesOfFile))
        }
        try heap.checkpoint()
        for round in 0 ..< slices {
            try heap.write { tx in
                let array = try tx.array("words", of: UInt64.self)
                let start = round % slicesOfFile * sliceWords
                for place in start ..< start + sliceWords { array[place] = UInt64(round) }
            }
        }
        try heap.sync()
        // Not let go: that would close it, and leave nothing to recover.
        _ = Unmanaged.passRetained(heap)
    }

    init(recovering path: String) throws { heap = try PersistentHeap.open(path) }

    func word(ofSlice slice: Int) throws -> UInt64 {
        try heap.read { try $0.array("words", of: UInt64.self)[slice * sliceWords] }
    }

    func close() throws { try heap.close() }
}
