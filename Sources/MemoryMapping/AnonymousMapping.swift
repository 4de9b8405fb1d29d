/// Zero-filled memory of this process, directly from the system: page-aligned, taking real memory
/// only where it is touched, and released as a whole. For large tables and buffers that the
/// language's heap would move or fragment.
///
/// Thread safety: `Sendable`, because only the bytes ever change, and `AccessGuard` traps on
/// conflicting use by two threads: any number may read, or one may write.
public final class AnonymousMapping: Sendable {
    /// The size in bytes.
    public let count: Int
    private let reservation: AddressReservation
    private let access = AccessGuard()

    /// Maps `byteCount` zero bytes; zero is allowed. Throws `reserve` or `map` if there are not
    /// enough addresses. Traps for a negative size. O(1).
    public init(byteCount: Int) throws(MappingError) {
        demand(byteCount >= 0, "a mapping cannot have \(byteCount) bytes")
        let bytes = max(SystemPage.roundUp(byteCount), SystemPage.size)
        count = byteCount
        reservation = try AddressReservation(preferredBytes: bytes, minimumBytes: bytes)
        try reservation.mapAnonymous(byteCount: bytes, at: 0)
    }

    /// Calls `body` with all bytes; the span cannot escape the closure. Traps while another closure
    /// changes them.
    public func withBytes<R, Failure: Error>(_ body: (RawSpan) throws(Failure) -> R) throws(Failure)
        -> R
    {
        access.beginReading("memory")
        defer { access.endReading() }
        // The address goes through a local: the optimiser of Swift 6.3 fails on a span that depends
        // on the property itself.
        let base = unsafe UnsafeRawPointer(reservation.baseAddress)
        return unsafe try body(RawSpan(_unsafeStart: base, byteCount: count))
    }

    /// Calls `body` with all bytes for writing. Traps while another closure uses them.
    public func withMutableBytes<R, Failure: Error>(
        _ body: (inout MutableRawSpan) throws(Failure) -> R
    ) throws(Failure) -> R {
        access.beginChanging("memory")
        defer { access.endChanging() }
        var span = unsafe MutableRawSpan(
            _unsafeBytes: UnsafeMutableRawBufferPointer(
                start: reservation.baseAddress, count: count))
        return try body(&span)
    }

    /// Passes advice to the system. Throws `advise`. `dontNeed` can change the bytes, and so traps
    /// while a closure uses them; ``clear()`` is the portable alternative.
    public func advise(_ advice: MemoryAdvice) throws(MappingError) {
        if advice == .dontNeed {
            access.beginChanging("memory")
        } else {
            access.beginReading("memory")
        }
        defer { if advice == .dontNeed { access.endChanging() } else { access.endReading() } }
        try reservation.advise(at: 0, byteCount: count, advice)
    }

    /// Sets every byte to zero and releases the memory behind them. Traps while a closure uses
    /// them. Throws `map`; then nothing has changed. O(pages that were in use).
    public func clear() throws(MappingError) {
        access.beginChanging("memory")
        defer { access.endChanging() }
        try reservation.mapAnonymous(byteCount: count, at: 0)
    }

    /// The address of the first byte, for code that builds its own safe access on it. Valid while
    /// the object lives; accesses through it are not covered by the checks of the scoped calls.
    public var unsafeBaseAddress: UnsafeMutableRawPointer { unsafe reservation.baseAddress }
}
