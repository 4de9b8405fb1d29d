import HoldfastSystem

/// The locks of the heap file that an opening takes while it opens, closes, or waits.
extension DataFile {
    /// Runs `body` while no other process opens or closes the heap. A process that cannot write the
    /// file changes nothing and may share the lock.
    func withOpeningLock(_ file: any DiskFile, _ body: () throws(HeapError) -> Void)
        throws(HeapError)
    {
        try askAgain(waitingFor: "another process that opens or closes it") {
            () throws(HeapError) in
            do throws(SystemError) {
                return try file.tryLock(.opening, exclusive: true)
            } catch {
                guard error.errno == .badFileDescriptor else { throw heapError(error) }
                return try translating { () throws(SystemError) in
                    try file.tryLock(.opening, exclusive: false)
                }
            }
        }
        defer { file.unlock(.opening) }
        try body()
    }

    /// Whether no other process uses the log. If so, and the file is writable, none can begin to
    /// until the lock is given back.
    func isAlone(_ file: any DiskFile) throws(HeapError) -> Bool {
        do throws(SystemError) {
            return try file.tryLock(.presence, exclusive: true)
        } catch {
            // Opened for reading only: the state of the lock can be read, but not held against
            // others.
            guard error.errno == .badFileDescriptor else { throw heapError(error) }
            return try translating { () throws(SystemError) in
                !(try file.isLockedByOthers(.presence))
            }
        }
    }

    /// Waits for transient readers that began when the heap was at rest, before the process died
    /// whose log this is: they need the pages that are about to be written as they are. None can
    /// begin while the header speaks of a log.
    func awaitTransientReaders(_ file: any DiskFile) throws(HeapError) {
        let reader =
            "a read transaction of another process, begun before the heap was left unclosed"
        try askAgain(waitingFor: reader) { () throws(HeapError) in
            try translating { () throws(SystemError) in !(try file.isLockedByOthers(.transientRead))
            }
        }
    }

    /// Whether a process reads whose snapshot is not in the reader table.
    func hasUnregisteredReaders(_ file: any DiskFile) throws(HeapError) -> Bool {
        try translating { () throws(SystemError) in
            if try file.isLockedByOthers(.unregisteredReader) { return true }
            return try file.isLockedByOthers(.transientRead)
        }
    }

    /// Asks until `isOver` says so, at growing intervals of up to `longestPause` microseconds: for
    /// events that wake no waiter. Throws `timedOut` or `cancelled`.
    func askAgain(
        waitingFor what: String, longestPause: UInt32 = 5000, _ isOver: () throws(HeapError) -> Bool
    ) throws(HeapError) {
        let deadline = Deadline(in: options.timeout)
        var pause: UInt32 = 50
        while !(try isOver()) {
            guard !deadline.hasPassed else {
                throw HeapError.timedOut(path: path, waitingFor: what)
            }
            if options.isCancelled?() == true { throw HeapError.cancelled(path: path) }
            SystemThread.sleep(microseconds: pause)
            pause = min(pause * 2, longestPause)
        }
    }
}
