import HoldfastFormat
import HoldfastSystem
import Synchronization

/// Keeps pages for the snapshots of one opening, in private copies of each image.
///
/// A checkpoint may not write pages that an older snapshot still has in common with the data file.
/// A private copy of those pages is all that the snapshot needs to let the checkpoint pass, and
/// takes no more space than the pages that have changed since, once each. The opening's process
/// alone can make it: for others, see `KeeperThread`.
///
/// `@unchecked Sendable`: the mutex guards the plain fields; the parts are for any thread, under
/// the latch of the image.
final class PageKeeper: PageKeeping, @unchecked Sendable {
    /// What is kept for an image.
    private struct Kept {
        var position: UInt64
        var count = 0
    }

    private let pool: ImagePool
    private let first: OpenHeap
    private let kept = Mutex<[Int: Kept]>([:])

    init(_ pool: ImagePool) {
        self.pool = pool
        first = pool.first.heap
    }

    /// From now on checkpoints of this process ask this opening, until it is closed. `KeeperThread`
    /// looks after a snapshot beside other processes.
    func begin() {
        PageKeepers.shared.add(self, first.checkpointer.keepersKey)
        let dataFile = first.dataFile
        if first.participation.isFixed, dataFile.options.checkpointsInBackground,
            !dataFile.disk.isVolatile
        {
            KeeperThread.shared.add(self)
        }
    }

    /// Idempotent.
    func end() {
        PageKeepers.shared.remove(self, first.checkpointer.keepersKey)
        KeeperThread.shared.remove(self)
    }

    var keptBytes: Int {
        kept.withLock { kept in
            if !kept.isEmpty { for image in pool.imagesIfFree { forgetClosed(image, &kept) } }
            return kept.values.reduce(0) { $0 + $1.count } * HeapLayout.pageBytes
        }
    }

    func keep(_ pages: PagesOfCheckpoint, isUrgent: Bool, room: Int) -> Bool {
        guard first.lifecycle.isOpen, !first.lifecycle.isForked,
            let shared = first.participation.sharedMemory, pages.belong(to: shared)
        else { return false }
        answered.store(pages.target, ordering: .relaxed)
        return kept.withLock { kept in
            var room = room
            var lacksRoom = false
            for image in pool.imagesIfFree {
                guard image.readerLock.tryToEnterToKeep() else {
                    forgetClosed(image, &kept)
                    continue
                }
                defer { pool.leave(image) }
                lacksRoom =
                    keep(pages, in: image.heap, &kept[image.index], isUrgent, &room) || lacksRoom
            }
            return lacksRoom
        }
    }

    /// Under the image's latch, which readers may hold too. Returns whether it lacks room.
    private func keep(
        _ pages: PagesOfCheckpoint, in heap: OpenHeap, _ kept: inout Kept?, _ isUrgent: Bool,
        _ room: inout Int
    ) -> Bool {
        let (options, image) = (heap.dataFile.options, heap.view.image)
        guard case .registered(let shared, let entry) = heap.participation.kind,
            let snapshot = ReaderTable(shared: shared).snapshot(entry), image.canKeepPages
        else {
            kept = nil
            return false
        }
        if kept?.position != snapshot.position { kept = Kept(position: snapshot.position) }
        guard snapshot.boundary < pages.target, isUrgent || snapshot.age >= options.viewPatience
        else { return false }
        var missing: [Int] = []
        pages.forEach(below: Int(heap.view.committedPages)) { page in
            if image.isOfFile(page: page) { missing.append(page) }
        }
        let byteCount = missing.count * HeapLayout.pageBytes
        let (worth, isHuge) = Int(pages.target - snapshot.boundary)
            .multipliedReportingOverflow(by: options.keptBytesPerLogByte)
        guard isHuge || byteCount <= worth, options.keptBytesPerLogByte > 0 else { return false }
        guard byteCount <= room else { return true }
        for page in missing { image.keep(page: page) }
        kept!.count += missing.count
        room -= byteCount
        // A page that could not be read is private now too, and full of zeros.
        guard (try? heap.participation.requireNoFault()) != nil else { return false }
        ReaderTable(shared: shared).keep(entry, at: snapshot.position, upTo: pages.target)
        return false
    }

    /// An image whose snapshot has been closed needs its copies no more. They stay until its
    /// private pages are dropped.
    private func forgetClosed(_ image: EngineImage, _ kept: inout [Int: Kept]) {
        if !image.heap.participation.isFixed, !image.latch.hasReaders { kept[image.index] = nil }
    }

    // MARK: Ending

    var idlePosition: UInt64? {
        guard keptBytes > 0, pool.first.latch.isFree else { return nil }
        return whileIdle { ReaderTable(shared: $0).snapshot($1)?.position } ?? nil
    }

    func endIdle() -> Bool {
        let isEnded: Void? = whileIdle { _, _ in
            first.lifecycle.expire()
            first.participation.closeSnapshot()
            if let file = first.dataFile.file {
                try? first.view.image.dropPrivatePages(file, fileBytes: first.dataFile.byteCount)
            }
            kept.withLock { $0 = [:] }
        }
        return isEnded != nil
    }

    /// Runs `body` with exclusive access to a snapshot that may be ended; nil if it is in use, or
    /// if this is none.
    private func whileIdle<R>(_ body: (_ shared: SharedMemory, _ entry: Int) -> R) -> R? {
        guard first.dataFile.options.mayBeEnded, pool.first.tryToLockExclusively() else {
            return nil
        }
        defer { pool.first.latch.unlockExclusively() }
        guard first.lifecycle.isOpen,
            case .registered(let shared, let entry) = first.participation.kind
        else { return nil }
        return body(shared, entry)
    }

    // MARK: For other processes

    /// The target up to which this opening was last asked to keep its snapshots, whether it did or
    /// not.
    private let answered = Atomic<UInt64>(0)

    /// Whether a checkpoint of another process waits for this opening, a snapshot. Any thread.
    var isAsked: Bool {
        guard first.lifecycle.isOpen, let shared = first.participation.sharedMemory else {
            return false
        }
        let wanted = shared.loadInOrder(.keptWanted)
        return wanted > answered.load(ordering: .relaxed) && wanted > shared[.checkpoint]
    }

    /// Answers for all openings of the heap in this process. Stays asked while a checkpoint runs.
    func answer() {
        guard let shared = first.participation.sharedMemory else { return }
        let wanted = shared.loadInOrder(.keptWanted)
        do { try first.checkpointer.keepSnapshotsIfAsked() } catch {
            // The next look would find the same, at the same price.
            answered.store(wanted, ordering: .relaxed)
        }
    }
}
