import HoldfastSystem

/// The heap file's locks that an opening takes while it opens, closes, or waits.
extension DataFile {
    /// Runs `body` while no other process opens or closes the heap. A process without write
    /// permission changes nothing and may share the lock.
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
    /// until the lock is released.
    func isAlone(_ file: any DiskFile) throws(HeapError) -> Bool {
        do throws(SystemError) {
            return try file.tryLock(.presence, exclusive: true)
        } catch {
            // Opened for reading only: the lock can be tested but not held.
            guard error.errno == .badFileDescriptor else { throw heapError(error) }
            return try translating { () throws(SystemError) in
                !(try file.isLockedByOthers(.presence))
            }
        }
    }

    /// Waits for transient readers that began while the heap was at rest, before the process that
    /// left the log died. They need the pages that are about to be written unchanged. No new ones
    /// can begin while the header names a log.
    func awaitTransientReaders(_ file: any DiskFile) throws(HeapError) {
        let reader =
            "a read transaction of another process, begun before the heap was left unclosed"
        try askAgain(waitingFor: reader) { () throws(HeapError) in
            try translating { () throws(SystemError) in !(try file.isLockedByOthers(.transientRead))
            }
        }
    }

    /// Whether a process without the presence lock has the heap open.
    func hasOtherReaders(_ file: any DiskFile) throws(HeapError) -> Bool {
        try translating { () throws(SystemError) in
            if try file.isLockedByOthers(.unregisteredReader) { return true }
            return try file.isLockedByOthers(.transientReader)
        }
    }

    /// Whether a process reads whose snapshot is not in the reader table.
    func hasUnregisteredReaders(_ file: any DiskFile) throws(HeapError) -> Bool {
        try translating { () throws(SystemError) in
            if try file.isLockedByOthers(.unregisteredReader) { return true }
            return try file.isLockedByOthers(.transientRead)
        }
    }

    /// Polls until `isOver` returns true, at growing intervals of up to `longestPause`
    /// microseconds: for events without a wake-up. Throws `timedOut` or `cancelled`.
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
