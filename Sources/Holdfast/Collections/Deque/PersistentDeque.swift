import HoldfastEngine
import HoldfastFormat

/// A double-ended queue in a heap: a ring buffer that grows and shrinks, with amortised constant
/// time at both ends.
///
/// A `PersistentDeque` is a handle. Copying it does not copy the elements, and a change through one
/// copy is visible through all, as with a class. It is valid inside its transaction; later use
/// traps with a message. In a read transaction it is read-only. Assigning it to a place in a heap
/// (`map["a"] = deque`) copies the elements.
///
///     let jobs = try tx.deque("jobs", of: Job.self)
///     jobs.append(job)                                // one transaction
///     while let job = jobs.popFirst() { … }           // another
///
/// The header has a line of its own, and elements whose size is a power of two up to 64 bytes never
/// straddle two lines. So an `append` logs the header's line and the element's, and a `popFirst` of
/// a plain value logs the header's line alone. A write transaction has the queue to itself. If it
/// is rolled back, the elements that it has removed are there again.
///
/// The deque frees memory as elements are removed. Removing elements down to a quarter of the
/// capacity halves it, down to about 2 KiB. Capacity from ``reserveCapacity(_:)`` is kept until
/// ``removeAll(keepingCapacity:)``.
@frozen
public struct PersistentDeque<Element: Persistable> {
    @usableFromInline package let access: HeapAccess
    /// The place of the header.
    @usableFromInline let offset: UInt64

    @inlinable
    init(access: HeapAccess, offset: UInt64) {
        self.access = access
        self.offset = offset
    }

    /// The header, at `offset`: one line.
    @frozen @usableFromInline
    struct Header: HandleHeader {
        @inlinable static var magic: UInt32 { 0x5144_4648 }  // "HFDQ"
        // A line of its own, so that a change at an end logs one line.
        @inlinable static var blockAlignment: Int { HeapLayout.lineBytes }
        @inlinable static var kind: String { "deque" }
        @usableFromInline var magic: UInt32
        /// Incremented with every insertion and removal except appending, which changes no
        /// element's index. An iterator detects by it that it would skip elements or visit some
        /// twice.
        @usableFromInline var changes: UInt32 = 0
        @usableFromInline var count: UInt64 = 0
        /// The slot of the first element, or 0 if there is none.
        @usableFromInline var head: UInt64 = 0
        /// The number of slots of the ring.
        @usableFromInline var capacity: UInt64 = 0
        /// The slots, at the start of a line. 0 while the capacity is 0.
        @usableFromInline var buffer: UInt64 = 0
        /// The reserved capacity, below which removals do not shrink the ring.
        @usableFromInline var kept: UInt64 = 0
        @usableFromInline var unused: (UInt64, UInt64) = (0, 0)

        @inlinable
        init() { magic = Header.magic }
    }

    @inlinable @inline(__always)
    static var stride: Int { MemoryLayout<Element.Stored>.stride }

    /// The header's words, checked against each other and the heap. Valid until the next growth,
    /// removal or allocation.
    ///
    /// Invariants: `count <= capacity`; `head < capacity`, or both are 0; every slot is inside the
    /// heap.
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

        /// Returns the slot of the element at `index`, 0...capacity.
        @inlinable @inline(__always)
        func slot(_ index: Int) -> Int {
            let slot = head &+ index
            return slot >= capacity ? slot &- capacity : slot
        }

        /// The slot before the first element's.
        @inlinable @inline(__always)
        var slotBefore: Int { (head == 0 ? capacity : head) &- 1 }

        /// Returns the place of the element at `index`.
        @inlinable @inline(__always)
        func place(_ index: Int) -> UnsafeMutablePointer<Element.Stored> { slots + slot(index) }
    }

    @inlinable @inline(__always)
    var ring: Ring { openedRing("") }

    /// The ring, for an operation whose name a trap says.
    @inlinable @inline(__always)
    func openedRing(_ operation: StaticString = #function) -> Ring {
        let header = opened(operation)
        let count = header.pointee.count
        let head = header.pointee.head
        let capacity = header.pointee.capacity
        let buffer = header.pointee.buffer
        // After this, an index only has to be checked against the count.
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

    /// Sets the fields that change with every insertion and removal. The caller has marked the
    /// header dirty.
    @inlinable @inline(__always)
    func update(_ ring: Ring, count: Int, head: Int, appends: Bool = false) {
        if !appends { ring.header.pointee.changes &+= 1 }
        ring.header.pointee.count = UInt64(truncatingIfNeeded: count)
        // An empty ring starts over, so that a queue that is emptied again and again stays on the
        // same few lines.
        ring.header.pointee.head = count == 0 ? 0 : UInt64(truncatingIfNeeded: head)
    }

    @inlinable @inline(__always)
    func write(_ stored: Element.Stored, at place: UnsafeMutablePointer<Element.Stored>) {
        requireWritable("subscript(_:)", at: self.place(of: place))
        access.markDirty(address: place, MemoryLayout<Element.Stored>.size)
        place.pointee = stored
        Element.clearPadding(at: place)
    }

    // MARK: Reading

    /// The number of elements.
    ///
    /// - Complexity: O(1).
    @inlinable
    public var count: Int { openedRing().count }

    /// Whether there are no elements.
    ///
    /// - Complexity: O(1).
    @inlinable
    public var isEmpty: Bool { openedRing().count == 0 }

    /// The number of elements that fit before the next growth.
    ///
    /// - Complexity: O(1).
    public var capacity: Int { openedRing().capacity }

    @inlinable @inline(__always)
    func checked(
        _ index: Int, _ ring: Ring, _ operation: StaticString = #function
    ) -> Int {
        guard UInt(bitPattern: index) < UInt(bitPattern: ring.count) else {
            Self.trapIndex(access.context, ring.slots, index, ring.count, operation.utf8Start)
        }
        return index
    }

    /// The element at `index`, counted from the front. Traps if there is none. Setting an element
    /// frees everything that the old one owned.
    ///
    /// - Complexity: O(1).
    @inlinable
    public subscript(index: Int) -> Element {
        get {
            let ring = openedRing()
            return Element.load(ring.place(checked(index, ring)).pointee, from: access)
        }
        nonmutating set {
            if Element.ownsMemory { requireWritable() }
            let ring = openedRing()
            let place = ring.place(checked(index, ring))
            // Storing at most allocates, which moves no block: the place stays valid.
            let stored = Element.store(newValue, in: access)
            let old = place.pointee
            write(stored, at: place)
            if Element.ownsMemory { Element.destroy(old, in: access) }
        }
    }

    /// The first element, or nil if there is none.
    ///
    /// - Complexity: O(1).
    @inlinable
    public var first: Element? {
        let ring = openedRing()
        return ring.count == 0 ? nil : Element.load(ring.place(0).pointee, from: access)
    }

    /// The last element, or nil if there is none.
    ///
    /// - Complexity: O(1).
    @inlinable
    public var last: Element? {
        let ring = openedRing()
        return ring.count == 0
            ? nil : Element.load(ring.place(ring.count &- 1).pointee, from: access)
    }
}
