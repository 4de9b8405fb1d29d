import HoldfastFormat
import HoldfastSystem

/// Heaps that follow the archive of another heap.
extension HeapEngine {
    /// The place of the archive's history that the heap is at; nil if it follows none.
    ///
    /// Throws `parted` if anything else was committed since.
    package func followedPlace() throws(HeapError) -> HistoryPlace? {
        let context = try beginRead()
        defer { endRead(context) }
        return try Self.followedPlace(of: pool.openImage.view)
    }

    private static func followedPlace(of view: HeapView) throws(HeapError) -> HistoryPlace? {
        let state = FollowedState(of: view.image.base)
        guard state.isFollowing else { return nil }
        guard state.isResult(ofOwnCommit: view.commitNumber) else {
            throw HeapError.parted(path: view.path)
        }
        return state.place
    }

    /// The identity of the heap whose archive this one follows; nil if it follows none.
    package func followedIdentity() throws(HeapError) -> HeapIdentity? {
        guard let file = heap.dataFile.file else { throw HeapError.closed(path: path) }
        let header = try heap.dataFile.headerAndSize(of: file).0
        return header.isFollowing ? header.followed : nil
    }

    /// Stores an interval, which `body` passes to the visitor, as one commit. Returns false, and
    /// does nothing, if the heap is not at `place` any more.
    package func follow(
        from place: HistoryPlace, _ body: (inout HistoryApplication) throws -> Void
    ) throws -> Bool {
        view.demandNoOpenTransaction(for: "following an archive")
        let context = try awake { () throws(HeapError) in
            try heap.lifecycle.requireWritable()
            return try pool.beginWriting(in: try pool.lockForWriting())
        }
        do {
            let view = pool.image(of: context)._withUnsafeGuaranteedRef { $0.view }
            guard try Self.followedPlace(of: view) == place else {
                abort(context)
                return false
            }
            var application = HistoryApplication(view)
            try body(&application)
            guard application.end != nil else {
                throw HeapError.damaged(path: path, what: "an interval has no end")
            }
        } catch {
            abort(context)
            throw error
        }
        try commit(context)
        return true
    }

    /// Makes a heap that follows an archive one of its own, which can be changed. Durable on
    /// return. Does nothing for a heap that follows none.
    package func promote() throws(HeapError) {
        view.demandNoOpenTransaction(for: "promote")
        let context = try awake { () throws(HeapError) in
            try heap.lifecycle.requireWritable()
            return try pool.beginWriting(in: try pool.lockForWriting())
        }
        let view = pool.image(of: context)._withUnsafeGuaranteedRef { $0.view }
        if view.isFollowing {
            let line = AllocatorRoot.offset / UInt64(HeapLayout.lineBytes)
            view.dirty.markDirty(firstLine: line, lastLine: line)
            FollowedState.none.store(to: view.image.base)
        }
        try commit(context)
        try checkpoint()
        try heap.checkpointer.lock.holding(waits: true) { () throws(HeapError) in
            guard let file = heap.dataFile.file else { throw HeapError.closed(path: path) }
            var header = try heap.dataFile.headerAndSize(of: file).0
            guard header.isFollowing else { return }
            header.isFollowing = false
            try heap.dataFile.translating { () throws(SystemError) in
                try heap.dataFile.writeNextHeader(&header, file)
            }
        }
    }
}
