import HoldfastFormat

// Reading ahead in a heap that is larger than memory. Of such a heap the system reads nothing but
// the page that is asked for (`AccessPattern`), which is right for look-ups; only the collection
// that is walked through knows what comes next.
extension HeapAccess {
    /// Has the system read `byteCount` bytes at `offset`, which are needed next, in one go and
    /// without waiting for them; of very many, the first. Does nothing in a heap that fits into
    /// memory.
    @usableFromInline @inline(never)
    package func willRead(_ offset: UInt64, _ byteCount: Int) {
        context.pointee.view._withUnsafeGuaranteedRef { view in
            guard view.image.isReadByPages, offset < UInt64(view.image.byteCount), byteCount > 0
            else { return }
            let start = Int(offset)
            view.image.readAhead(
                start ..< start
                    + min(byteCount, 2 * ReadAhead.window, view.image.byteCount - start))
        }
    }

    fileprivate var isReadByPages: Bool {
        context.pointee.view._withUnsafeGuaranteedRef { $0.image.isReadByPages }
    }
}

/// How far a walk through parts of a collection has read ahead.
///
/// Parts that were made one after the other mostly lie so too, with what they own in between. As
/// long as each part lies a little behind the one before it, everything behind it is read, a window
/// at a time. Otherwise only the parts themselves are.
@frozen @usableFromInline
package struct ReadAhead {
    /// The last part, and the end of what was read ahead.
    @usableFromInline var last: UInt64 = 0
    @usableFromInline var end: UInt64 = 0

    /// Parts that lie no farther apart count as following each other.
    private static var reach: UInt64 { 256 << 10 }
    /// The bytes that are read at a time.
    package static var window: Int { 2 << 20 }
    /// Fewer bytes than this, one after the other, are not worth a call.
    @inlinable @inline(__always)
    package static var noteworthy: Int { 64 << 10 }

    @usableFromInline package init() {}

    /// Called when the walk comes to the part at `offset`; `byteCount` bytes are the part itself.
    @usableFromInline @inline(never)
    package mutating func pass(_ offset: UInt64, _ byteCount: Int, _ access: HeapAccess) {
        defer { last = offset }
        guard access.isReadByPages else { return }
        guard offset > last, offset - last <= Self.reach else {
            end = 0
            return access.willRead(offset, byteCount)
        }
        // The next window is asked for when half of the last one is used.
        let window = UInt64(Self.window)
        guard end < offset &+ window / 2 else { return }
        let start = max(end, offset)
        end = offset &+ window
        access.willRead(start, Int(end - start))
    }
}
