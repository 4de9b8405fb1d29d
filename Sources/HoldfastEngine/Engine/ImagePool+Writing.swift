import HoldfastSystem
import Synchronization

/// Which image a write transaction, and maintenance, use.
extension ImagePool {
    /// Locks an image for the writer, and the write lock between processes. Waits for other
    /// writers, never for a reader.
    @inline(__always)
    func lockForWriting() throws(HeapError) -> Unmanaged<EngineImage> {
        events.isActive ? try lockAndReport() : try waitForWriting()
    }

    @inline(never)
    private func lockAndReport() throws(HeapError) -> Unmanaged<EngineImage> {
        if let image = try tryToLockForWriting() { return image }
        let began = events.start
        let image = try waitForWriting()
        events.end(began) { .wait(duration: $0) }
        return image
    }

    @inline(__always)
    private func waitForWriting() throws(HeapError) -> Unmanaged<EngineImage> {
        while true {
            let index = writing.load(ordering: .acquiring)
            let image = self[index]
            let admission = image._withUnsafeGuaranteedRef { image in
                image.readerLock.endBias()
                return isPooled
                    ? image.latch.lockBesideReaders(timeout: timeout)
                    : image.latch.lockExclusively(timeout: timeout) ? .admitted : .timedOut
            }
            switch admission {
            case .admitted:
                guard writing.load(ordering: .acquiring) == index else {
                    image._withUnsafeGuaranteedRef { $0.latch.unlockExclusively() }
                    wakeWaiting()
                    continue
                }
                do throws(HeapError) {
                    try image.use { (image) throws(HeapError) in try image.writerLock.lock() }
                } catch {
                    wakeWaiting()
                    throw error
                }
                return image
            case .timedOut: throw timedOut
            case .isRead: try moveWriter(from: image.takeUnretainedValue())
            }
        }
    }

    /// The same, if that needs no waiting; nil otherwise.
    func tryToLockForWriting() throws(HeapError) -> Unmanaged<EngineImage>? {
        let index = writing.load(ordering: .acquiring)
        let image = self[index]
        guard image._withUnsafeGuaranteedRef({ $0.tryToLockExclusively() }) else {
            return nil
        }
        var isLocked = false
        defer { if !isLocked { wakeWaiting() } }
        isLocked = try image.use { (image) throws(HeapError) in
            guard writing.load(ordering: .acquiring) == index else {
                image.latch.unlockExclusively()
                return false
            }
            return try image.writerLock.tryToLock()
        }
        return isLocked ? image : nil
    }

    /// Opens a transaction in the image, which is locked, and unlocked after an error.
    @inline(__always)
    func beginWriting(in image: Unmanaged<EngineImage>) throws(HeapError) -> HeapView.Context {
        do throws(HeapError) {
            return try image.use { (image) throws(HeapError) in
                try image.prepareForWriting()
                image.view.markUnusedLines()
                return image.view.makeContext(isWritable: true, enclosing: HeapView.innermost)
            }
        } catch {
            unlockAfterWriting(image)
            throw error
        }
    }

    @inline(__always)
    func unlockAfterWriting(_ image: Unmanaged<EngineImage>) {
        image._withUnsafeGuaranteedRef { $0.writerLock.unlock() }
        if isPooled { wakeWaiting() }
    }

    /// Ends a write transaction that has been committed or rolled back.
    @inline(__always)
    func endWriting(_ context: HeapView.Context) {
        let image = image(of: context)
        image._withUnsafeGuaranteedRef { $0.view.endContext(context) }
        unlockAfterWriting(image)
    }

    /// The same as `maintain`, for calls that an opening without a file refuses.
    func maintainFile(
        _ call: String, _ body: (Maintenance) throws(HeapError) -> Void
    ) throws(HeapError) {
        guard try maintain(call, body) != nil else {
            throw HeapError.noFile(path: lifecycle.path)
        }
    }

    /// Runs `body` on the writer's image without a transaction; nil if the opening has no file to
    /// maintain. `call` is its name, for a thread that has a transaction open.
    @discardableResult
    func maintain<R>(
        _ call: String, _ body: (Maintenance) throws(HeapError) -> R
    ) throws(HeapError) -> R? {
        first.view.demandNoOpenTransaction(for: call)
        try lifecycle.requireWritable()
        guard lifecycle.mode == .readWrite else { return nil }
        returnToFirst()
        let image = try lockForWriting()
        defer { unlockAfterWriting(image) }
        try lifecycle.requireWritable()
        return try image.use { (image) throws(HeapError) in try body(image.maintenance) }
    }

    /// Makes the first image the writer's again, if nobody uses it. The file can only be truncated
    /// when there is no other image, and the first one always is.
    private func returnToFirst() {
        guard writing.load(ordering: .relaxed) != 0 else { return }
        mutex.lock()
        defer { mutex.unlock() }
        guard !isClosing, first.state == .open, first.tryToLockExclusively() else { return }
        giveWriterFirst()
    }

    /// Makes the first image, which is locked, the writer's. Under the mutex.
    func giveWriterFirst() {
        first.latch.unlockExclusively()
        writing.store(0, ordering: .releasing)
    }

    /// Makes another image the writer's, because there are readers in `image`.
    @inline(never)
    private func moveWriter(from image: EngineImage) throws(HeapError) {
        try whileWaiting { (deadline) throws(HeapError) in
            calmReads = 0
            while writing.load(ordering: .relaxed) == image.index, image.hasReaders() {
                try lifecycle.requireUsable()
                if let other = idleImage(besides: image) {
                    writing.store(other.index, ordering: .releasing)
                    other.latch.unlockExclusively()
                    return
                }
                if !isOpening, !isClosing, let closed = closedImage() {
                    if try open(closed, {}) {
                        writing.store(closed.index, ordering: .releasing)
                        closed.latch.unlockExclusively()
                        return
                    }
                }
                guard changed.wait(mutex, until: deadline) else { throw timedOut }
            }
        }
    }

    /// An open image without readers, locked; rather one that no reader tries first.
    private func idleImage(besides image: EngineImage) -> EngineImage? {
        let hint = reading.load(ordering: .relaxed)
        var found: EngineImage?
        for index in 0 ..< count where index != image.index {
            let other = self.image(at: index)
            guard other.state == .open, found == nil || found!.index == hint,
                other.tryToLockExclusively()
            else { continue }
            found?.latch.unlockExclusively()
            found = other
        }
        return found
    }
}
