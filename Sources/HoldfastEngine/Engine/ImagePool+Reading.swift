import HoldfastSystem
import Synchronization

/// Which image a read transaction uses.
extension ImagePool {
    /// Enters an image that is the newest state, or makes one so.
    @inline(__always)
    func enterReading() throws(HeapError) -> Unmanaged<EngineImage> {
        guard isPooled else {
            try first.readerLock.enter()
            return self[0]
        }
        try lifecycle.requireUsable()
        let image = self[reading.load(ordering: .acquiring)]
        switch image._withUnsafeGuaranteedRef({ $0.tryToRead() }) {
        case .first, .joined: return try entered(image)
        case .mustPrepare: return self[try catchUp(image.takeUnretainedValue()).index]
        case .timedOut, nil: return self[try waitToRead(image.takeUnretainedValue()).index]
        }
    }

    /// The same, if that needs no waiting; nil otherwise.
    func tryToEnterReading() throws(HeapError) -> Unmanaged<EngineImage>? {
        try lifecycle.requireUsable()
        let image = self[reading.load(ordering: .acquiring)]
        switch image._withUnsafeGuaranteedRef({ $0.tryToRead() }) {
        case .first, .joined: return try entered(image)
        case .mustPrepare where isPooled:
            return self[try catchUp(image.takeUnretainedValue()).index]
        case .mustPrepare:
            // To become registered can take long.
            image._withUnsafeGuaranteedRef { $0.readerLock.decline() }
            return nil
        case .timedOut, nil: return nil
        }
    }

    /// An image that has admitted the calling reader, unless the heap has been closed meanwhile.
    @inline(__always)
    private func entered(
        _ image: Unmanaged<EngineImage>
    ) throws(HeapError) -> Unmanaged<EngineImage> {
        try image.use { (image) throws(HeapError) in try image.readerLock.requireUsableAsReader() }
        return image
    }

    /// Ends a read transaction. The outermost of a thread leaves the image.
    @inline(__always)
    func endReading(_ context: HeapView.Context) {
        let enclosing = context.pointee.enclosing
        image(of: context)._withUnsafeGuaranteedRef { image in
            image.view.endContext(context)
            if image.view.openTransaction(enclosing) == nil { image.readerLock.leave() }
        }
        if isPooled { wakeWaiting() }
    }

    /// For a reader that has its image exclusively, which is behind: catches up, unless the
    /// writer's image is free and has been for long.
    @inline(never)
    private func catchUp(_ image: EngineImage) throws(HeapError) -> EngineImage {
        if image.index != writing.load(ordering: .acquiring), let other = calmImage() {
            image.readerLock.decline()
            closeIdleImages()
            return other
        }
        image.isCatchingUp.store(true, ordering: .relaxed)
        defer {
            image.isCatchingUp.store(false, ordering: .relaxed)
            wakeWaiting()
        }
        try image.readerLock.prepare()
        return image
    }

    /// The writer's image, entered, if readers have found it free many times in a row. From then on
    /// they use it first.
    private func calmImage() -> EngineImage? {
        mutex.lock()
        defer { mutex.unlock() }
        let other = image(at: writing.load(ordering: .acquiring))
        calmReads = other.latch.isFree ? calmReads + 1 : 0
        guard calmReads >= Self.manyCalmReads else { return nil }
        calmReads = 0
        switch other.tryToRead() {
        case .first, .joined:
            reading.store(other.index, ordering: .releasing)
            return other
        case .mustPrepare: other.readerLock.decline()
        case .timedOut, nil: break
        }
        return nil
    }

    /// What a reader does next.
    private enum Choice {
        case entered(EngineImage)
        case prepare(EngineImage)
        case open(EngineImage)
        case wait
    }

    @inline(never)
    private func waitToRead(_ image: EngineImage) throws(HeapError) -> EngineImage {
        if image.catchesUpSoon {
            switch image.tryToRead() {
            case .first, .joined:
                try image.readerLock.requireUsableAsReader()
                return image
            case .mustPrepare: return try catchUp(image)
            case .timedOut, nil: break
            }
        }
        return try whileWaiting { (deadline) throws(HeapError) in
            while true {
                try lifecycle.requireUsable()
                switch chooseForReading() {
                case .entered(let image):
                    reading.store(image.index, ordering: .releasing)
                    return image
                case .prepare(let image):
                    reading.store(image.index, ordering: .releasing)
                    try unlocked(image) { () throws(HeapError) in try image.readerLock.prepare() }
                    return image
                case .open(let image):
                    if try open(image, andRead: true) {
                        reading.store(image.index, ordering: .releasing)
                        return image
                    }
                case .wait: break
                }
                guard changed.wait(mutex, until: deadline) else { throw timedOut }
            }
        }
    }

    /// Under the mutex.
    private func chooseForReading() -> Choice {
        let (hint, writer) = (
            reading.load(ordering: .relaxed), writing.load(ordering: .relaxed)
        )
        // An unused first image to try counts as read: a reader may enter it at any moment.
        var busy = 0
        for index in 0 ..< count {
            let image = image(at: index)
            if image.isChanging || image.latch.hasReaders || index == hint && image.latch.isFree {
                busy += 1
            }
        }
        var behind: EngineImage?
        var isChanging = false
        for index in 0 ..< count {
            let image = image(at: index)
            if image.isChanging { isChanging = true }
            guard image.state == .open else { continue }
            if !image.latch.hasReaders, index != hint {
                // The writer would have to go elsewhere.
                guard index != writer, busy < mostReading else { continue }
            }
            switch image.tryToRead() {
            case .first, .joined:
                behind?.readerLock.decline()
                return .entered(image)
            case .mustPrepare:
                if behind == nil { behind = image } else { image.readerLock.decline() }
            case .timedOut, nil: break
            }
        }
        // The image that another thread makes current will do for this one too.
        if isChanging {
            behind?.readerLock.decline()
            return .wait
        }
        if let behind {
            behind.state = .changing
            return .prepare(behind)
        }
        guard busy < mostReading, !isClosing, !isOpening, let image = closedImage() else {
            return .wait
        }
        return .open(image)
    }
}
