import Synchronization

/// Handles faults on inaccessible pages of a mapped file (the file was truncated, or its disk
/// failed or is full). Instead of the death of the process, the page is replaced by zeros and the
/// range records its place.
///
/// The system reports such a page by SIGBUS to the thread that touched it. This is the part that
/// runs inside the signal handler. It may interrupt anything, including an allocation, so
/// everything that ``absorb(_:)`` reaches allocates nothing, takes no lock, and reads plain memory
/// through atomics only. ``SignalChain`` installs the handler and forwards other signals.
///
/// Limits: a *system call* that finds an inaccessible page (a `read` into it, for example) fails
/// with `EFAULT` and is no fault here. A file that ends inside a page shows zeros up to the page's
/// end without any fault. A thread that blocks SIGBUS is not guarded: the system kills the process.
enum FaultGuard {
    /// The first ``GuardedRange`` of a list that only grows. Ranges are reused and never freed, so
    /// the list can be walked without protection. Its length is the largest number of ranges ever
    /// guarded at once.
    private static let first = Atomic<UInt>(0)
    /// Cached for the handler.
    private static let pageSize = UInt(SystemPage.size)

    /// Guards `byteCount` bytes from `start`. The first call installs the handler. O(ranges
    /// guarded). Allocates a new range in Swift: a lack of memory kills the process.
    static func register(_ start: UnsafeMutableRawPointer, _ byteCount: Int) -> UnsafePointer<
        GuardedRange
    > {
        _ = isInstalled
        return unsafe claimRange(start, byteCount)
    }

    /// Stops guarding a range returned by ``register(_:_:)``. Call before the addresses are
    /// unmapped; otherwise the next mapping that gets them would be guarded too.
    static func unregister(_ range: UnsafePointer<GuardedRange>) { unsafe range.pointee.release() }

    private static func claimRange(
        _ start: UnsafeMutableRawPointer, _ byteCount: Int
    ) -> UnsafePointer<GuardedRange> {
        let first = UInt(bitPattern: start)
        let end = first + UInt(byteCount)
        var next = Self.first.load(ordering: .acquiring)
        while let range = unsafe UnsafePointer<GuardedRange>(bitPattern: next) {
            if unsafe range.pointee.claim(first, end) { return unsafe range }
            next = unsafe range.pointee.next.load(ordering: .relaxed)
        }
        let range = UnsafeMutablePointer<GuardedRange>.allocate(capacity: 1)
        unsafe range.initialize(to: GuardedRange())
        // Claimed before it is in the list, so that no other thread can claim it.
        _ = unsafe range.pointee.claim(first, end)
        var head = Self.first.load(ordering: .relaxed)
        while true {
            unsafe range.pointee.next.store(head, ordering: .relaxed)
            // Releasing, so that any thread that finds the range finds it initialised.
            let (exchanged, original) = Self.first.weakCompareExchange(
                expected: head, desired: UInt(bitPattern: range), ordering: .releasing)
            if exchanged { return unsafe UnsafePointer(range) }
            head = original
        }
    }

    /// The number of ranges in the list, used or free. For tests.
    static var rangeCount: Int {
        var count = 0
        var next = first.load(ordering: .acquiring)
        while let range = unsafe UnsafePointer<GuardedRange>(bitPattern: next) {
            count += 1
            next = unsafe range.pointee.next.load(ordering: .relaxed)
        }
        return count
    }

    /// Called by the handler with an inaccessible address. If it is guarded, records the fault,
    /// maps zeros there, and returns true: the interrupted access then succeeds. O(ranges guarded),
    /// one system call.
    ///
    /// A range can be in the list twice for a moment when two threads register it at once, so the
    /// search does not end at the first match.
    static func absorb(_ address: UInt) -> Bool {
        let page = address & ~(pageSize &- 1)
        var isGuarded = false
        var next = first.load(ordering: .acquiring)
        while let range = unsafe UnsafePointer<GuardedRange>(bitPattern: next) {
            // Before the zeros are mapped: no thread may see them without a recorded fault.
            if unsafe range.pointee.note(page) { isGuarded = true }
            next = unsafe range.pointee.next.load(ordering: .relaxed)
        }
        // One system page suffices, even if the kernel uses larger pages for this file: it splits
        // them.
        return isGuarded && SystemCalls.placeZeros(at: page, byteCount: Int(bitPattern: pageSize))
    }

    /// Installs the handler, once.
    ///
    /// First, the handler's code path is run once on a page of no importance. That completes all
    /// lazy initialisation on it (global variables, type metadata in unoptimised builds, the
    /// dynamic linker's symbols), so that no handler is the first to need it. The only call into
    /// Swift's runtime that remains is the check in `swift_once` that the initialisation is done.
    private static let isInstalled: Bool = {
        let byteCount = SystemPage.size
        let result = unsafe SystemCalls.map(
            at: nil, byteCount: byteCount, protection: SystemCalls.noAccess, isShared: false,
            descriptor: nil,
            fileOffset: 0)
        // Without memory for that, the rehearsal is skipped; everything else still holds.
        if case .success(let page) = unsafe result {
            let range = unsafe claimRange(page, byteCount)
            _ = absorb(UInt(bitPattern: page))
            unsafe unregister(range)
            unsafe SystemCalls.unmap(page, byteCount)
        }
        SignalChain.install()
        return true
    }()
}
