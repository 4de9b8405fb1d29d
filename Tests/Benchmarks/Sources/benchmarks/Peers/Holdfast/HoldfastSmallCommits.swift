import Holdfast

/// A heap whose log holds many transactions of one entry each when its process is killed.
struct HoldfastSmallCommits {
    private let heap: PersistentHeap

    /// Inserts an entry per transaction. Nothing is synced, and the log is so large that no
    /// checkpoint comes.
    static func write(_ path: String, commits: Int) throws {
        var options = PersistentHeap.Options()
        options.logLimit = 512 << 20
        let heap = try PersistentHeap.open(path, options: options)
        try heap.write { _ = try $0.map("entries", UInt64.self, UInt64.self) }
        try heap.checkpoint()
        var random = SplitMix(state: 7)
        for commit in 0 ..< UInt64(commits) {
            let key = random.next()
            try heap.write { try $0.map("entries", UInt64.self, UInt64.self)[key] = commit }
        }
        // Not let go: that would close it, and leave nothing to recover.
        _ = Unmanaged.passRetained(heap)
    }

    init(recovering path: String) throws { heap = try PersistentHeap.open(path) }

    var count: Int {
        get throws { try heap.read { try $0.map("entries", UInt64.self, UInt64.self).count } }
    }

    func close() throws { try heap.close() }
}
