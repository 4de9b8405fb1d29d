import HoldfastSystem
import Synchronization

/// Which image a read transaction uses.
extension ImagePool {
    /// Enters an image that is the newest state, or makes one so.
    @inline(__always)
    func enterReading() throws(HeapError) -> ReaderPlace {
        guard isPooled else {
            try first.readerLock.enter()
            return ReaderPlace(self[0], nil)
        }
        try lifecycle.requireUsable()
        let image = self[reading.load(ordering: .acquiring)]
        if let place = placeThroughBias(image) { return place }
        return try enterThroughLatch(image)
    }

    @inline(never)
    private func enterThroughLatch(
        _ image: Unmanaged<EngineImage>
    ) throws(HeapError) -> ReaderPlace {
        if let place = try tryToEnter(image) { return place }
        return try waitToRead(image.takeUnretainedValue())
    }

    /// The same as `enterReading`, if that needs no waiting; nil otherwise.
    func tryToEnterReading() throws(HeapError) -> ReaderPlace? {
        try lifecycle.requireUsable()
        let image = self[reading.load(ordering: .acquiring)]
        if let place = placeThroughBias(image) { return place }
        return try tryToEnter(image)
    }

    @inline(__always)
    private func placeThroughBias(_ image: Unmanaged<EngineImage>) -> ReaderPlace? {
        image._withUnsafeGuaranteedRef({ $0.tryToReadThroughBias() }).map {
            ReaderPlace(image, $0, isBiased: true)
        }
    }

    /// Passes the latch of the image, and catches up if it is behind; nil if that would take
    /// waiting for others.
    @inline(__always)
    private func tryToEnter(_ image: Unmanaged<EngineImage>) throws(HeapError) -> ReaderPlace? {
        var seat: ReaderSeat?
        switch image._withUnsafeGuaranteedRef({ $0.tryToRead(&seat) }) {
        case .first, .joined: return try entered(image, seat)
        case .mustPrepare where isPooled: return try catchUp(image.takeUnretainedValue(), seat)
        case .mustPrepare:
            // To become registered can take long.
            image._withUnsafeGuaranteedRef { $0.readerLock.decline(&seat) }
            return nil
        case .timedOut, nil: return nil
        }
    }

    /// The place of a reader that the latch has admitted, unless the heap has been closed
    /// meanwhile.
    @inline(__always)
    private func entered(
        _ image: Unmanaged<EngineImage>, _ seat: ReaderSeat?
    ) throws(HeapError) -> ReaderPlace {
        try image.use { (image) throws(HeapError) in
            try image.readerLock.requireUsableAsReader(seat)
        }
        let isBiased =
            seat != nil && image._withUnsafeGuaranteedRef { $0.readerLock.openBiasIfDue() }
        return ReaderPlace(image, seat, isBiased: isBiased)
    }

    /// Ends a read transaction. The outermost of a thread leaves the image.
    @inline(__always)
    func endReading(_ context: HeapView.Context) {
        let enclosing = context.pointee.enclosing
        let seat = context.pointee.seat.map { ReaderSeat(at: $0) }
        let isBiased = context.pointee.isBiased
        image(of: context)._withUnsafeGuaranteedRef { image in
            image.view.endContext(context)
            if image.view.openTransaction(enclosing) == nil {
                image.readerLock.leave(seat, isBiased: isBiased)
            }
        }
        if isPooled { wakeWaiting() }
    }

    /// For a reader that has its image exclusively, which is behind: catches up, unless the
    /// writer's image is free and has been for long.
    @inline(never)
    private func catchUp(
        _ image: EngineImage, _ seat: ReaderSeat?
    ) throws(HeapError) -> ReaderPlace {
        var seat = seat
        if image.index != writing.load(ordering: .acquiring), let other = calmPlace() {
            image.readerLock.decline(&seat)
            closeIdleImages()
            return other
        }
        image.isCatchingUp.store(true, ordering: .relaxed)
        defer {
            image.isCatchingUp.store(false, ordering: .relaxed)
            wakeWaiting()
        }
        try image.readerLock.prepare(&seat)
        return ReaderPlace(image, seat)
    }

    /// The writer's image, entered, if readers have found it free many times in a row. From then on
    /// they use it first.
    private func calmPlace() -> ReaderPlace? {
        mutex.lock()
        defer { mutex.unlock() }
        let other = image(at: writing.load(ordering: .acquiring))
        calmReads = other.latch.isFree ? calmReads + 1 : 0
        guard calmReads >= Self.manyCalmReads else { return nil }
        calmReads = 0
        var seat: ReaderSeat?
        switch other.tryToRead(&seat) {
        case .first, .joined:
            reading.store(other.index, ordering: .releasing)
            return ReaderPlace(other, seat)
        case .mustPrepare: other.readerLock.decline(&seat)
        case .timedOut, nil: break
        }
        return nil
    }

    /// What a reader does next.
    private enum Choice {
        case entered(ReaderPlace)
        case prepare(EngineImage, ReaderSeat?)
        case open(EngineImage)
        case wait
    }

    @inline(never)
    private func waitToRead(_ image: EngineImage) throws(HeapError) -> ReaderPlace {
        if image.catchesUpSoon, let place = try tryToEnter(.passUnretained(image)) { return place }
        return try whileWaiting { (deadline) throws(HeapError) in
            while true {
                try lifecycle.requireUsable()
                switch chooseForReading() {
                case .entered(let place):
                    reading.store(
                        place.image.takeUnretainedValue().index, ordering: .releasing)
                    return place
                case .prepare(let image, let taken):
                    var seat = taken
                    reading.store(image.index, ordering: .releasing)
                    try unlocked(image) { () throws(HeapError) in
                        try image.readerLock.prepare(&seat)
                    }
                    return ReaderPlace(image, seat)
                case .open(let image):
                    var seat: ReaderSeat?
                    let isOpen = try open(image) { () throws(HeapError) in
                        try image.readerLock.prepare(&seat)
                    }
                    if isOpen {
                        reading.store(image.index, ordering: .releasing)
                        return ReaderPlace(image, seat)
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
            if image.isChanging || image.hasReaders() || index == hint && image.latch.isFree {
                busy += 1
            }
        }
        var behind: (image: EngineImage, seat: ReaderSeat?)?
        func declineBehind() { behind?.image.readerLock.decline(&behind!.seat) }
        var isChanging = false
        for index in 0 ..< count {
            let image = image(at: index)
            if image.isChanging { isChanging = true }
            guard image.state == .open else { continue }
            if !image.latch.hasReaders, index != hint {
                // The writer would have to go elsewhere.
                guard index != writer, busy < mostReading else { continue }
            }
            var seat: ReaderSeat?
            switch image.tryToRead(&seat) {
            case .first, .joined:
                declineBehind()
                return .entered(ReaderPlace(image, seat))
            case .mustPrepare:
                if behind == nil {
                    behind = (image, seat)
                } else {
                    image.readerLock.decline(&seat)
                }
            case .timedOut, nil: break
            }
        }
        // The image that another thread makes current will do for this one too.
        if isChanging {
            declineBehind()
            return .wait
        }
        if let behind {
            behind.image.state = .changing
            return .prepare(behind.image, behind.seat)
        }
        guard busy < mostReading, !isClosing, !isOpening, let image = closedImage() else {
            return .wait
        }
        return .open(image)
    }
}
