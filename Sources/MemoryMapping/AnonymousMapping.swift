/// Zero-filled memory of this process, straight from the system: page-aligned, taking real memory
/// only where it is touched, and given back as a whole. For large tables and buffers that the heap
/// of the language would move or fragment.
///
/// Thread safety: `Sendable`, since its parts never change but for the bytes, and `AccessGuard`
/// traps when two threads would use the bytes against each other: any number may read, one may
/// change.
public final class AnonymousMapping: Sendable {
    /// Bytes that can be used.
    public let count: Int
    private let reservation: AddressReservation
    private let access = AccessGuard()

    /// Maps `byteCount` bytes, all zero; none is allowed. Throws `reserve` or `map` if there are
    /// not so many addresses. Traps for a negative size. O(1).
    public init(byteCount: Int) throws(MappingError) {
        demand(byteCount >= 0, "a mapping cannot have \(byteCount) bytes")
        let bytes = max(SystemPage.roundUp(byteCount), SystemPage.size)
        count = byteCount
        reservation = try AddressReservation(preferredBytes: bytes, minimumBytes: bytes)
        try reservation.mapAnonymous(byteCount: bytes, at: 0)
    }

    /// Calls `body` with all bytes; the span cannot leave the closure. Traps while another closure
    /// changes them.
    public func withBytes<R, Failure: Error>(_ body: (RawSpan) throws(Failure) -> R) throws(Failure)
        -> R
    {
        access.beginReading("memory")
        defer { access.endReading() }
        // The address goes through a local: the optimiser of Swift 6.3 fails on a span that depends
        // on the property itself.
        let base = UnsafeRawPointer(reservation.baseAddress)
        return try body(RawSpan(_unsafeStart: base, byteCount: count))
    }

    /// Calls `body` with all bytes for changing. Traps while another closure uses them.
    public func withMutableBytes<R, Failure: Error>(
        _ body: (inout MutableRawSpan) throws(Failure) -> R
    ) throws(Failure) -> R {
        access.beginChanging("memory")
        defer { access.endChanging() }
        var span = MutableRawSpan(
            _unsafeBytes: UnsafeMutableRawBufferPointer(
                start: reservation.baseAddress, count: count))
        return try body(&span)
    }

    /// Passes advice on to the system. Throws `advise`. `dontNeed` can change what the bytes are,
    /// and so traps while a closure uses them; ``clear()`` is the portable way to that.
    public func advise(_ advice: MemoryAdvice) throws(MappingError) {
        if advice == .dontNeed {
            access.beginChanging("memory")
        } else {
            access.beginReading("memory")
        }
        defer { if advice == .dontNeed { access.endChanging() } else { access.endReading() } }
        try reservation.advise(at: 0, byteCount: count, advice)
    }

    /// Makes every byte zero and gives the memory behind them back. Traps while a closure uses
    /// them. Throws `map`; then nothing has changed. O(pages that were in use).
    public func clear() throws(MappingError) {
        access.beginChanging("memory")
        defer { access.endChanging() }
        try reservation.mapAnonymous(byteCount: count, at: 0)
    }

    /// The address of the first byte, for code that builds its own safe access on it: valid while
    /// the object lives and not seen by the checks of the scoped calls.
    public var unsafeBaseAddress: UnsafeMutableRawPointer { reservation.baseAddress }
}
