import HoldfastSystem

/// The suspension of an opening: it gives up its part in the sharing, as if it closed, and takes
/// part again when it is used, as if it opened the file anew. It is the same object meanwhile, with
/// the same open file and mapping.
struct Suspension {
    private let heap: OpenHeap
    private let pool: ImagePool

    init(_ pool: ImagePool) {
        self.pool = pool
        heap = pool.first.heap
    }

    private var lifecycle: Lifecycle { heap.lifecycle }
    private var maintenance: Maintenance { pool.first.maintenance }

    /// Idempotent.
    func begin() throws(HeapError) {
        guard !lifecycle.isForked else { throw HeapError.forked(path: lifecycle.path) }
        if lifecycle.isSuspended { return }
        try lifecycle.requireUsable()
        // No process can see a heap in memory.
        guard !heap.dataFile.disk.isVolatile else { return }
        // What a private copy or a snapshot sees exists only as long as its entry protects it.
        guard lifecycle.mode == .readWrite || lifecycle.mode == .readOnly,
            !heap.participation.isFixed
        else { throw HeapError.noFile(path: lifecycle.path) }
        // While other threads go on. Another error than this one comes again, when the locks have
        // been given up.
        do throws(HeapError) { try maintenance.makeDurable() } catch {
            if error.isOfSuspension { return }
            if case .timedOut = error { throw error }
        }
        maintenance.stopThread()
        do throws(HeapError) {
            try pool.alone { () throws(HeapError) in
                // Another thread may have been faster.
                guard lifecycle.isOpen else { return }
                // A thread that gave up waiting for this may have allowed it again.
                maintenance.stopThread()
                try Closing(pool.first).suspend()
            }
        } catch {
            if lifecycle.isOpen { maintenance.allowThread() }
            throw error
        }
        // They go to sleep where no other process wakes them.
        heap.participation.sharedMemory?.signal.wake()
    }

    /// Idempotent. On an error, the opening is suspended as before.
    func end() throws(HeapError) {
        guard !lifecycle.isForked else { throw HeapError.forked(path: lifecycle.path) }
        guard lifecycle.isSuspended else {
            if lifecycle.isClosed { throw HeapError.closed(path: lifecycle.path) }
            // Another thread has ended it, and may even have begun the next one.
            return
        }
        try pool.alone { () throws(HeapError) in
            guard lifecycle.isSuspended else { return }
            // What the disk has is unknown. A new opening finds out.
            try lifecycle.requireNotFailed()
            do throws(HeapError) {
                heap.log.takePart()
                try heap.opener.resume()
                try pool.beginAgain()
            } catch {
                Closing(pool.first).abandonResumption()
                throw error
            }
            if heap.dataFile.options.verifiesDirtyTracking {
                heap.view.verifyDirtyTracking(PageWalk.freePages)
            }
            maintenance.allowThread()
            lifecycle.resume()
            heap.localSignal.signal.publish(heap.localSignal.signal.position + 1)
        }
        heap.participation.former.tidy()
    }
}

extension HeapEngine {
    /// Gives up all locks, the entry in the reader table and the memory of private pages, until the
    /// opening is used again. Waits for open transactions of this process; see `Suspension`.
    public func suspend() throws(HeapError) {
        view.demandNoOpenTransaction(for: "heap.suspend")
        dependents.closeAll()
        // Once more for those that were opened meanwhile; later ones find the suspension.
        defer { dependents.closeAll() }
        try Suspension(pool).begin()
    }

    /// Ends a suspension. Every call that needs to does that by itself.
    public func resume() throws(HeapError) { try Suspension(pool).end() }

    /// Runs `body`; if the opening is suspended, ends the suspension and runs it again.
    @inline(__always)
    func awake<R>(_ body: () throws(HeapError) -> R) throws(HeapError) -> R {
        do throws(HeapError) { return try body() } catch { return try repeated(body, after: error) }
    }

    @inline(never)
    private func repeated<R>(
        _ body: () throws(HeapError) -> R, after first: HeapError
    ) throws(HeapError) -> R {
        var error = first
        while error.isOfSuspension {
            try resume()
            do throws(HeapError) { return try body() } catch let next { error = next }
        }
        throw error
    }

    /// Runs `body`, which does not wait; nil if the opening is suspended.
    @inline(__always)
    func unlessSuspended<R>(_ body: () throws(HeapError) -> R?) throws(HeapError) -> R? {
        do throws(HeapError) { return try body() } catch {
            if error.isOfSuspension { return nil }
            throw error
        }
    }
}
