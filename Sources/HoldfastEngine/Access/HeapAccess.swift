import HoldfastFormat

/// Checked access to the bytes of an open transaction; part of every handle.
///
/// Safety: pointers into the mapping are made here. The epoch check shows that the transaction is
/// still open, and the bounds check that the bytes lie inside the mapping, whatever a damaged file
/// says. Pointers must not be kept beyond the operation that asked for them. Not `Sendable`: a
/// transaction belongs to the thread that runs it.
@frozen
public struct HeapAccess {
    /// Optional, though it is never nil, so that a handle has no spare bit pattern for the nil of
    /// an optional handle. Such a nil, made by unspecialised code of this module and tested by a
    /// client's code (Swift 6.3, without optimisation), was mistaken for a handle: the first clears
    /// only the pointer, the second compares the whole handle with zero.
    @usableFromInline let storedContext: UnsafeMutablePointer<TransactionContext>?
    public let epoch: UInt64

    @inlinable @inline(__always)
    public var context: UnsafeMutablePointer<TransactionContext> { storedContext.unsafelyUnwrapped }

    @inlinable
    public init(context: UnsafeMutablePointer<TransactionContext>, epoch: UInt64) {
        storedContext = context
        self.epoch = epoch
    }

    /// The access of a collection that is not in a heap yet; never open.
    public static var detached: HeapAccess {
        HeapAccess(context: TransactionContextPool.neverOpen, epoch: .max)
    }

    /// Whether this is `detached`.
    @inlinable
    public var isDetached: Bool { epoch == .max }

    @inlinable @inline(__always)
    public var isOpen: Bool { context.pointee.epoch == epoch }

    @inlinable @inline(__always)
    public var isWritable: Bool { context.pointee.isWritable }

    /// Whether the transaction has met a limit and continues only to reach its end; see `Shortage`.
    @inlinable @inline(__always)
    public var isLost: Bool { context.pointee.isLost }

    @inlinable @inline(__always)
    public var hashSeed: HeapIdentity { context.pointee.hashSeed }

    /// The size of `hints`.
    public static var hintBytes: Int { TransactionContext.hintBytes }

    /// A cache of the layer above for later transactions of the same opening, which may get this
    /// context or another. Initially zeros.
    @inlinable @inline(__always)
    public var hints: UnsafeMutableRawPointer { context.pointee.hints }

    /// The address of `count` bytes at `offset`. Traps if the transaction has ended or the bytes
    /// are not inside the heap. See `ReadRecord` for transactions whose reads are recorded.
    @inlinable @inline(__always)
    public func address(_ offset: UInt64, _ count: Int) -> UnsafeMutableRawPointer {
        guard isOpen else { Misuse.notOpen(self) }
        let limit = context.pointee.limit
        // Marked, because that path returns: the compiler would take it for as likely as the other.
        guard _fastPath(offset <= limit),
            _fastPath(UInt64(truncatingIfNeeded: count) <= limit &- offset)
        else { return addressBeyondLimit(offset, count) }
        return context.pointee.base + Int(truncatingIfNeeded: offset)
    }

    /// Like `address`, for changing the bytes: first marks their lines dirty, so that the change is
    /// logged and can be undone.
    @inlinable @inline(__always)
    public func writableAddress(_ offset: UInt64, _ count: Int) -> UnsafeMutableRawPointer {
        let address = address(offset, count)
        markDirty(offset, count)
        return address
    }

    /// Marks the lines of `count` bytes at `offset` dirty, before they change. The caller has
    /// checked that they lie inside the heap.
    @inlinable @inline(__always)
    public func markDirty(_ offset: UInt64, _ count: Int) {
        let first = offset &>> HeapLayout.lineShift
        let last = (offset &+ UInt64(truncatingIfNeeded: count) &- 1) &>> HeapLayout.lineShift
        if first == last, context.pointee.isWritable {
            let word = context.pointee.touchedLines[Int(truncatingIfNeeded: first &>> 6)]
            if word & (1 &<< (first & 63)) != 0 { return }
        }
        markDirtyLines(first, last, count)
    }

    /// `writableAddress` of a whole line; `offset` is its start.
    @inline(__always)
    func writableLine(_ offset: UInt64) -> UnsafeMutableRawPointer {
        let address = address(offset, HeapLayout.lineBytes)
        let line = offset &>> HeapLayout.lineShift
        if context.pointee.isWritable,
            context.pointee.touchedLines[Int(truncatingIfNeeded: line &>> 6)] & (1 &<< (line & 63))
                != 0
        {
            return address
        }
        markDirtyLines(line, line, HeapLayout.lineBytes)
        return address
    }

    @usableFromInline @inline(never)
    func markDirtyLines(_ first: UInt64, _ last: UInt64, _ count: Int) {
        guard context.pointee.isWritable else { Misuse.writeInReadTransaction(self) }
        guard count > 0 else { return }
        demandInside(first, last)
        context.pointee.view._withUnsafeGuaranteedRef {
            $0.dirty.markDirty(firstLine: first, lastLine: last)
        }
    }

    /// Marks the bytes of a block that this transaction has just allocated, all at once. Cheaper
    /// than `markDirty` where the heap has grown, because nothing there needs a before-image.
    @inlinable
    public func markFresh(_ offset: UInt64, _ count: Int) {
        guard isOpen else { Misuse.notOpen(self) }
        guard count > 0 else { return }
        let last = (offset &+ UInt64(truncatingIfNeeded: count) &- 1) &>> HeapLayout.lineShift
        markFreshLines(offset &>> HeapLayout.lineShift, last)
    }

    @usableFromInline @inline(never)
    func markFreshLines(_ first: UInt64, _ last: UInt64) {
        guard context.pointee.isWritable else { Misuse.writeInReadTransaction(self) }
        demandInside(first, last)
        context.pointee.view._withUnsafeGuaranteedRef {
            $0.dirty.markFresh(firstLine: first, lastLine: last)
        }
    }

    /// The table of dirty lines ends with the heap; an allocator with damaged records may hand out
    /// memory beyond it.
    private func demandInside(_ first: UInt64, _ last: UInt64) {
        guard first <= last, last < context.pointee.byteCount >> HeapLayout.lineShift else {
            Misuse.outOfBounds(first << HeapLayout.lineShift, HeapLayout.lineBytes, self)
        }
    }
}
