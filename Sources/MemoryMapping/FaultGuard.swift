import Synchronization

/// Turns a page of a mapped file that cannot be had (the file was cut short underneath, its disk
/// failed or is full) from the death of the process into a note: the page is replaced by zeros, and
/// the range remembers where.
///
/// The system reports such a page by SIGBUS to the thread that touched it. This is the part that
/// runs inside the signal handler: it may interrupt anything, an allocation too, so everything that
/// ``absorb(_:)`` reaches allocates nothing, takes no lock, and reads plain memory through atomics
/// only. ``SignalChain`` installs the handler and passes on what is not ours.
///
/// Limits: what a *system call* finds missing behind an address (a `read` into it, say) is that
/// call's `EFAULT` and no fault here. A file that ends inside a page shows zeros up to the page's
/// end without any fault. A thread that blocks SIGBUS is not guarded: the system ends the process.
enum FaultGuard {
    /// The first ``GuardedRange`` of a list that only gets longer: ranges are used again, never
    /// freed, so whoever walks the list needs no protection. As long as the most ranges that were
    /// ever guarded at one time.
    private static let first = Atomic<UInt>(0)
    /// Kept here so that the handler does not have to ask.
    private static let pageSize = UInt(SystemPage.size)

    /// Guards the addresses from `start` for `byteCount` bytes. Installs the handler if it is the
    /// first. O(ranges guarded). Memory for a new range is Swift's: a lack of it ends the process.
    static func register(_ start: UnsafeMutableRawPointer, _ byteCount: Int) -> UnsafePointer<
        GuardedRange
    > {
        _ = isInstalled
        return claimRange(start, byteCount)
    }

    /// Ends the guarding of a range that ``register(_:_:)`` gave. Comes before the addresses are
    /// unmapped, or the next mapping that gets them would be guarded too.
    static func unregister(_ range: UnsafePointer<GuardedRange>) { range.pointee.release() }

    private static func claimRange(
        _ start: UnsafeMutableRawPointer, _ byteCount: Int
    ) -> UnsafePointer<GuardedRange> {
        let first = UInt(bitPattern: start)
        let end = first + UInt(byteCount)
        var next = Self.first.load(ordering: .acquiring)
        while let range = UnsafePointer<GuardedRange>(bitPattern: next) {
            if range.pointee.claim(first, end) { return range }
            next = range.pointee.next.load(ordering: .relaxed)
        }
        let range = UnsafeMutablePointer<GuardedRange>.allocate(capacity: 1)
        range.initialize(to: GuardedRange())
        // Claimed before it is in the list, so it cannot be taken by another.
        _ = range.pointee.claim(first, end)
        var head = Self.first.load(ordering: .relaxed)
        while true {
            range.pointee.next.store(head, ordering: .relaxed)
            // Releasing: whoever finds the range finds it initialised.
            let (exchanged, original) = Self.first.weakCompareExchange(
                expected: head, desired: UInt(bitPattern: range), ordering: .releasing)
            if exchanged { return UnsafePointer(range) }
            head = original
        }
    }

    /// Ranges in the list, used or free. For tests.
    static var rangeCount: Int {
        var count = 0
        var next = first.load(ordering: .acquiring)
        while let range = UnsafePointer<GuardedRange>(bitPattern: next) {
            count += 1
            next = range.pointee.next.load(ordering: .relaxed)
        }
        return count
    }

    /// Called by the handler with an address whose page cannot be had. If it is guarded, notes the
    /// fault, puts zeros there, and returns true: the access that was interrupted then works.
    /// O(ranges guarded), one system call.
    ///
    /// A range is in the list twice for a moment when two threads register it at once, so the
    /// search does not end at the first find.
    static func absorb(_ address: UInt) -> Bool {
        let page = address & ~(pageSize &- 1)
        var isGuarded = false
        var next = first.load(ordering: .acquiring)
        while let range = UnsafePointer<GuardedRange>(bitPattern: next) {
            // Before the zeros are there: no thread may see them and find no fault.
            if range.pointee.note(page) { isGuarded = true }
            next = range.pointee.next.load(ordering: .relaxed)
        }
        // One system page is enough whatever size the kernel's own pages for this file have: it
        // splits them.
        return isGuarded && SystemCalls.placeZeros(at: page, byteCount: Int(bitPattern: pageSize))
    }

    /// Installs the handler, once.
    ///
    /// Before that the way through it is gone once on a page of no importance: whatever is lazy in
    /// it (global variables, type metadata in unoptimised builds, the dynamic linker's symbols) is
    /// done afterwards, and no handler will be the first: of `swift_once`, the one call into
    /// Swift's runtime that is left, only the question whether it was done remains.
    private static let isInstalled: Bool = {
        let byteCount = SystemPage.size
        let result = SystemCalls.map(
            at: nil, byteCount: byteCount, protection: SystemCalls.noAccess, isShared: false,
            descriptor: nil,
            fileOffset: 0)
        // Where memory is too short for that there is no rehearsal; everything else still holds.
        if case .success(let page) = result {
            let range = claimRange(page, byteCount)
            _ = absorb(UInt(bitPattern: page))
            unregister(range)
            SystemCalls.unmap(page, byteCount)
        }
        SignalChain.install()
        return true
    }()
}
