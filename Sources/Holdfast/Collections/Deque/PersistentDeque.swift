import HoldfastEngine
import HoldfastFormat

/// A double-ended queue that lives in a heap: a ring buffer that grows and shrinks, with both ends
/// in amortised constant time.
///
/// A `PersistentDeque` is a handle: copying it does not copy the elements, and a change through one
/// copy is seen through all, as with a class. It is valid inside its transaction; used later, it
/// traps with a sentence. In a read transaction it can only be read. Assigning it to a place in a
/// heap (`map["a"] = deque`) copies the elements.
///
///     let jobs = try tx.deque("jobs", of: Job.self)
///     jobs.append(job)                                // one transaction
///     while let job = jobs.popFirst() { … }           // another
///
/// The header has a line of its own, and elements whose size is a power of two up to 64 bytes never
/// straddle two. So an `append` logs the header's line and the element's, and a `popFirst` of a
/// plain value logs the header's line alone. Whoever is in a write transaction has the queue to
/// itself, and an element that was taken out in a transaction that is undone is there again.
///
/// Memory is given back as the deque gets emptier: removing down to a quarter of the capacity
/// halves it, until about 2 KiB are left. What ``reserveCapacity(_:)`` asked for is kept until
/// ``removeAll(keepingCapacity:)``.
@frozen
public struct PersistentDeque<Element: Persistable> {
    @usableFromInline package let access: HeapAccess
    /// Where the header lies.
    @usableFromInline let offset: UInt64

    @inlinable
    init(access: HeapAccess, offset: UInt64) {
        self.access = access
        self.offset = offset
    }

    /// What lies at `offset`: one line.
    @frozen @usableFromInline
    struct Header: BitwiseCopyable {
        @usableFromInline static var magic: UInt32 { 0x5144_4648 }  // "HFDQ"
        @usableFromInline var magic: UInt32
        /// Goes up with every insertion and removal but appending, which changes no element's
        /// index; shows a walk that it would skip elements, or come upon some twice.
        @usableFromInline var changes: UInt32 = 0
        @usableFromInline var count: UInt64 = 0
        /// The slot of the first element; 0 while there is none.
        @usableFromInline var head: UInt64 = 0
        /// Slots of the ring.
        @usableFromInline var capacity: UInt64 = 0
        /// The slots, at the start of a line; 0 while capacity is 0.
        @usableFromInline var buffer: UInt64 = 0
        /// The capacity that removals leave alone: what was asked for explicitly.
        @usableFromInline var kept: UInt64 = 0
        @usableFromInline var unused: (UInt64, UInt64) = (0, 0)

        @inlinable
        init() { magic = Header.magic }
    }

    @inlinable @inline(__always)
    static var stride: Int { MemoryLayout<Element.Stored>.stride }

    /// The header, for reading. A header without its magic number has been freed: the deque was
    /// removed from where it lay.
    @inlinable @inline(__always)
    var header: UnsafeMutablePointer<Header> {
        let header = access.address(offset, MemoryLayout<Header>.size).assumingMemoryBound(
            to: Header.self)
        guard header.pointee.magic == Header.magic else { Handle.removed(access, "deque") }
        return header
    }

    /// The header's words, checked against each other and the heap. Good until the next growth,
    /// removal or allocation.
    ///
    /// Invariants: `count <= capacity`; `head < capacity`, or both are 0; every slot lies inside
    /// the heap.
    @frozen @usableFromInline
    struct Ring {
        @usableFromInline let header: UnsafeMutablePointer<Header>
        @usableFromInline let slots: UnsafeMutablePointer<Element.Stored>
        @usableFromInline let count: Int
        @usableFromInline let capacity: Int
        @usableFromInline var head: Int

        @inlinable @inline(__always)
        init(
            header: UnsafeMutablePointer<Header>, slots: UnsafeMutablePointer<Element.Stored>,
            count: Int, capacity: Int,
            head: Int
        ) {
            self.header = header
            self.slots = slots
            self.count = count
            self.capacity = capacity
            self.head = head
        }

        /// The slot of the element at `index`, 0...capacity.
        @inlinable @inline(__always)
        func slot(_ index: Int) -> Int {
            let slot = head &+ index
            return slot >= capacity ? slot &- capacity : slot
        }

        /// The slot before the first element's.
        @inlinable @inline(__always)
        var slotBefore: Int { (head == 0 ? capacity : head) &- 1 }

        /// The place of the element at `index`.
        @inlinable @inline(__always)
        func place(_ index: Int) -> UnsafeMutablePointer<Element.Stored> { slots + slot(index) }
    }

    @inlinable @inline(__always)
    var ring: Ring {
        let header = header
        let count = header.pointee.count
        let head = header.pointee.head
        let capacity = header.pointee.capacity
        let buffer = header.pointee.buffer
        // Once this holds, all that is left to check of an index is that it is below the count.
        guard count <= capacity, head < capacity || head == 0,
            capacity <= UInt64(Int.max / Self.stride),
            buffer & UInt64(HeapLayout.lineBytes - 1) == 0
        else { Handle.damaged(access, "deque") }
        let slots = access.address(buffer, Int(truncatingIfNeeded: capacity) &* Self.stride)
        return Ring(
            header: header, slots: slots.assumingMemoryBound(to: Element.Stored.self),
            count: Int(truncatingIfNeeded: count),
            capacity: Int(truncatingIfNeeded: capacity), head: Int(truncatingIfNeeded: head))
    }

    /// Notes that the header is about to change; traps in a read transaction.
    @inlinable @inline(__always)
    func markHeader() { access.markDirty(offset, MemoryLayout<Header>.size) }

    /// Sets what changes with every insertion and removal. The caller has noted the header.
    @inlinable @inline(__always)
    func update(_ ring: Ring, count: Int, head: Int, appends: Bool = false) {
        if !appends { ring.header.pointee.changes &+= 1 }
        ring.header.pointee.count = UInt64(truncatingIfNeeded: count)
        // An empty ring begins anew, so that a queue that is emptied again and again stays on the
        // same few lines.
        ring.header.pointee.head = count == 0 ? 0 : UInt64(truncatingIfNeeded: head)
    }

    @inlinable @inline(__always)
    func write(_ stored: Element.Stored, at place: UnsafeMutablePointer<Element.Stored>) {
        access.markDirty(address: place, MemoryLayout<Element.Stored>.size)
        place.pointee = stored
    }

    // MARK: Reading

    /// The number of elements. O(1).
    @inlinable
    public var count: Int { ring.count }

    /// Whether there are no elements. O(1).
    @inlinable
    public var isEmpty: Bool { ring.count == 0 }

    /// Elements that fit before the next growth. O(1).
    public var capacity: Int { ring.capacity }

    @inlinable @inline(__always)
    func checked(_ index: Int, _ ring: Ring) -> Int {
        guard UInt(bitPattern: index) < UInt(bitPattern: ring.count) else {
            Handle.indexOutOfRange(index, ring.count, "deque")
        }
        return index
    }

    /// The element at `index`, counted from the front; traps if there is none. Setting frees what
    /// the old element owned. O(1).
    @inlinable
    public subscript(index: Int) -> Element {
        get {
            let ring = ring
            return Element.load(ring.place(checked(index, ring)).pointee, from: access)
        }
        nonmutating set {
            let ring = ring
            let place = ring.place(checked(index, ring))
            // Storing allocates at most, and that moves no block: the place stays good.
            let stored = Element.store(newValue, in: access)
            let old = place.pointee
            write(stored, at: place)
            if Element.ownsMemory { Element.destroy(old, in: access) }
        }
    }

    /// The first element, or nil if there is none. O(1).
    @inlinable
    public var first: Element? {
        let ring = ring
        return ring.count == 0 ? nil : Element.load(ring.place(0).pointee, from: access)
    }

    /// The last element, or nil if there is none. O(1).
    @inlinable
    public var last: Element? {
        let ring = ring
        return ring.count == 0
            ? nil : Element.load(ring.place(ring.count &- 1).pointee, from: access)
    }
}
