import HoldfastEngine
import HoldfastSystem
import Synchronization

/// The heaps that this process has open. Opening a heap again shares its mapping instead of
/// creating a second one.
final class OpenHeaps: Sendable {
    static let shared = OpenHeaps()

    private struct Entry {
        let engine: HeapEngine
        var count = 1
    }

    private let entries = Mutex<[FileIdentity: Entry]>([:])

    func open(_ path: String, mode: OpenMode, options: EngineOptions) throws(HeapError)
        -> HeapEngine
    {
        guard mode == .readWrite || mode == .readOnly, !options.isSnapshot else {
            return try HeapEngine(path: path, mode: mode, options: options)
        }
        if entries.withLock({ !$0.isEmpty }),
            let shared = share(
                SystemDisk.shared.fileIdentity(at: path), mode, isExclusive: options.isExclusive)
        {
            return shared
        }
        let engine = try HeapEngine(path: path, mode: mode, options: options)
        guard let identity = engine.fileIdentity else { return engine }
        // If another thread has opened the same heap in the meantime, both openings exist side by
        // side, and only the first is shared. An entry from before a fork belongs to the parent.
        entries.withLock {
            if $0[identity]?.engine.isForked ?? true { $0[identity] = Entry(engine: engine) }
        }
        return engine
    }

    private func share(
        _ identity: FileIdentity?, _ mode: OpenMode, isExclusive: Bool
    ) -> HeapEngine? {
        guard let identity else { return nil }
        return entries.withLock { entries in
            guard let entry = entries[identity],
                entry.engine.canBeShared(for: mode, isExclusive: isExclusive)
            else { return nil }
            entries[identity]!.count += 1
            return entry.engine
        }
    }

    /// Ends one use of the engine. The last use closes it.
    func release(_ engine: HeapEngine) throws(HeapError) {
        let isLast = entries.withLock { entries in
            guard let identity = engine.fileIdentity, let entry = entries[identity],
                entry.engine === engine
            else { return true }
            entries[identity]!.count -= 1
            if entry.count == 1 { entries[identity] = nil }
            return entry.count == 1
        }
        if isLast { try engine.close() }
    }
}
