import Synchronization

/// A range of addresses in the list of ``FaultGuard``, and the first fault in it.
///
/// Ranges are changed while handlers on other threads read them. `version` tells a handler whether
/// its reads belong together: it is odd during a change, and never repeats a value. A handler that
/// finds a range being changed skips it. That is right, because no thread touches addresses that
/// are being registered or released.
///
/// Thread safety: all calls. Any thread may try `claim`; `release`, `moveEnd` and `clearFault` are
/// for the thread that claimed the range.
struct GuardedRange: ~Copyable {
    /// Even: the range is consistent. Odd: it is being changed.
    private let version = Atomic<Int>(0)
    /// First address; 0 for a free range.
    private let start = Atomic<UInt>(0)
    /// The address behind the last.
    private let end = Atomic<UInt>(0)
    /// Offset of the first page that failed, or `-version` if none did. A late handler that writes
    /// into a range with a new owner therefore does not find the value that it would replace.
    private let fault = Atomic<Int>(-1)
    /// Address of the next range in the list; never changes once the range is in it.
    let next = Atomic<UInt>(0)

    /// Takes the range for these addresses, if it is free.
    func claim(_ newStart: UInt, _ newEnd: UInt) -> Bool {
        let seen = version.load(ordering: .acquiring)
        guard seen & 1 == 0, start.load(ordering: .relaxed) == 0,
            version.compareExchange(expected: seen, desired: seen &+ 1, ordering: .acquiring)
                .exchanged
        else { return false }
        // All releasing: a thread that sees one of these stores also sees the odd version, or a
        // later one.
        fault.store(-(seen &+ 2), ordering: .releasing)
        end.store(newEnd, ordering: .releasing)
        start.store(newStart, ordering: .releasing)
        version.store(seen &+ 2, ordering: .releasing)
        return true
    }

    /// Lengthens or shortens a claimed range. No thread touches the addresses in question
    /// meanwhile, so a handler that still reads the old end does no harm.
    func moveEnd(to newEnd: UInt) { end.store(newEnd, ordering: .releasing) }

    /// Makes the range free again.
    func release() {
        let own = version.load(ordering: .relaxed)
        version.store(own &+ 1, ordering: .relaxed)
        end.store(0, ordering: .releasing)
        start.store(0, ordering: .releasing)
        version.store(own &+ 2, ordering: .releasing)
    }

    /// Records a fault on `page` if it lies in the range; returns whether it does. Runs in the
    /// signal handler.
    func note(_ page: UInt) -> Bool {
        let seen = version.load(ordering: .acquiring)
        let start = start.load(ordering: .acquiring)
        let end = end.load(ordering: .acquiring)
        guard seen & 1 == 0, start <= page, page < end, version.load(ordering: .relaxed) == seen
        else { return false }
        // Only the first fault is kept, so a failed exchange is right too.
        _ = fault.compareExchange(
            expected: 0 &- seen, desired: Int(bitPattern: page &- start),
            ordering: .acquiringAndReleasing)
        return true
    }

    /// Offset of the first page that failed, in bytes.
    var firstFault: Int? {
        // Reads of the pages before this call must not be reordered behind the read of the fault.
        // Otherwise a thread could read zeros from another thread's fault, and then a fault record
        // from before it.
        atomicMemoryFence(ordering: .acquiring)
        let offset = fault.load(ordering: .acquiring)
        return offset < 0 ? nil : offset
    }

    func clearFault() { fault.store(-version.load(ordering: .relaxed), ordering: .releasing) }
}
