public import CHoldfast
import HoldfastEngine
import HoldfastFormat

/// A leaf of a sorted map: entries in the order of their insertion, and a list of their key order.
///
///     byte 0   kind, 0x4C
///     byte 1   count of entries
///     byte 8   a tag for each slot: a byte of its key's hash
///     byte 36  the order: for each entry, smallest key first, the number of its slot
///     byte 64  the slots, of which the first `count` are in use
///
/// An insertion writes the first line, which contains the count, the tags and the order, and the
/// line of the new slot. It writes two lines independently of the key's position, while a sorted
/// array of entries would have to move them (the idea of S. Chen and Q. Jin, "Persistent B+-Trees
/// in Non-Volatile Main Memory", VLDB 2015, and of the FPTree's fingerprints, I. Oukid et al.,
/// SIGMOD 2016).
@frozen @usableFromInline
struct SortedLeaf<Key: PersistableOrderedKey, Value: Persistable> {
    @usableFromInline typealias Slot = MapSlot<Key.Stored, Value.Stored>

    @usableFromInline let base: UnsafeMutableRawPointer

    /// Creates a view of the leaf at `offset`, after checking that it is one.
    @inlinable @inline(__always)
    init(_ access: HeapAccess, _ offset: UInt64) {
        base = access.address(offset, Self.byteCount)
        guard base.load(as: UInt8.self) == Self.kind, count <= Self.capacity else {
            Handle.damaged(access, "sorted collection")
        }
    }

    @inlinable @inline(__always)
    init(base: UnsafeMutableRawPointer) { self.base = base }

    /// Starts fetching all of the leaf at `offset`.
    @inlinable @inline(__always)
    static func prefetch(_ access: HeapAccess, _ offset: UInt64) {
        let base = access.context.pointee.base + Int(truncatingIfNeeded: offset)
        for line in 0 ..< byteCount / HeapLayout.lineBytes {
            holdfast_prefetch(base + line &* HeapLayout.lineBytes)
        }
    }

    // MARK: Layout

    @inlinable @inline(__always)
    static var kind: UInt8 { 0x4c }
    @inlinable @inline(__always)
    static var tagsOffset: Int { 8 }
    @inlinable @inline(__always)
    static var mostSlots: Int { 28 }
    @inlinable @inline(__always)
    static var orderOffset: Int { tagsOffset + mostSlots }
    @inlinable @inline(__always)
    static var slotsOffset: Int { HeapLayout.lineBytes }
    @inlinable @inline(__always)
    static var stride: Int { MemoryLayout<Slot>.stride }

    /// The number of slots of a leaf: about 1 KiB of slots, as far as the first line can order
    /// them, but at least eight.
    @inlinable @inline(__always)
    static var capacity: Int { Swift.min(mostSlots, Swift.max(8, 960 / stride)) }

    /// A leaf with fewer entries is rebalanced with a neighbour, unless it is the last or the only
    /// one.
    @inlinable @inline(__always)
    static var minimum: Int { capacity / 4 }

    @inlinable @inline(__always)
    static var byteCount: Int {
        (slotsOffset + capacity * stride).roundedUp(to: HeapLayout.lineBytes)
    }

    @inlinable @inline(__always)
    var count: Int { Int(base.load(fromByteOffset: 1, as: UInt8.self)) }

    @inlinable @inline(__always)
    var isFull: Bool { count == Self.capacity }

    @inlinable @inline(__always)
    var order: UnsafeMutablePointer<UInt8> {
        (base + Self.orderOffset).assumingMemoryBound(to: UInt8.self)
    }

    @inlinable @inline(__always)
    var tags: UnsafeMutablePointer<UInt8> {
        (base + Self.tagsOffset).assumingMemoryBound(to: UInt8.self)
    }

    @inlinable @inline(__always)
    var slots: UnsafeMutablePointer<Slot> {
        (base + Self.slotsOffset).assumingMemoryBound(to: Slot.self)
    }

    /// Returns the number of the slot that holds the entry at `position` of the order. There must
    /// be such an entry.
    @inlinable @inline(__always)
    func slotNumber(_ position: Int, _ access: HeapAccess) -> Int {
        let number = Int(order[position])
        guard number < Self.capacity else { Handle.damaged(access, "sorted collection") }
        return number
    }

    @inlinable @inline(__always)
    func slot(_ position: Int, _ access: HeapAccess) -> UnsafeMutablePointer<Slot> {
        slots + slotNumber(position, access)
    }

    // MARK: Searching

    @inlinable @inline(__always)
    static func tag(_ hash: UInt64) -> UInt8 { UInt8(truncatingIfNeeded: hash >> 56) }

    /// Returns the number of keys that come before the probe.
    @inlinable @inline(__always)
    func rank(_ probe: Key.OrderedProbe, _ access: HeapAccess) -> Int {
        if Key.isAlwaysPlain {
            // All keys, in any order. No comparison waits for another, so the lines are fetched in
            // parallel.
            var rank = 0
            let slots = slots
            for index in 0 ..< count {
                rank &+= Branchless.bit(Key.isStored(slots[index].key, before: probe, in: access))
            }
            return rank
        }
        return partition(access) { Key.isStored($0, before: probe, in: access) }
    }

    /// Returns the number of leading keys that satisfy `isLeft`. No later one may satisfy it. O(log
    /// *n*), where *n* is the count.
    @inlinable @inline(__always)
    func partition(_ access: HeapAccess, _ isLeft: (Key.Stored) -> Bool) -> Int {
        var low = 0
        var high = count
        while low < high {
            let middle = (low &+ high) &>> 1
            if isLeft(slot(middle, access).pointee.key) { low = middle &+ 1 } else { high = middle }
        }
        return low
    }

    /// Returns the slot of the entry whose key matches. All tags are compared at once, and only the
    /// slots with the right tag are examined.
    @inlinable @inline(__always)
    func find(_ probe: Key.Probe, _ hash: UInt64, _ access: HeapAccess) -> UnsafeMutablePointer<
        Slot
    >? {
        // The last bytes that are compared belong to the order. Slots from `count` on are no
        // candidates.
        var candidates = holdfast_equal_bytes(base + Self.tagsOffset, Self.tag(hash))
        candidates &= (1 &<< UInt32(truncatingIfNeeded: count)) &- 1
        while candidates != 0 {
            let slot = slots + candidates.trailingZeroBitCount
            if Key.matches(slot.pointee.key, probe, in: access) { return slot }
            candidates &= candidates &- 1
        }
        return nil
    }

    // MARK: Changing

    @inlinable @inline(__always)
    func markHead(_ access: HeapAccess) {
        access.markDirty(address: tags, Self.slotsOffset - Self.tagsOffset)
    }

    @inlinable @inline(__always)
    func setCount(_ count: Int) {
        base.storeBytes(of: UInt8(truncatingIfNeeded: count), toByteOffset: 1, as: UInt8.self)
    }

    @inlinable @inline(__always)
    func write(_ slot: Slot, at number: Int) {
        slots[number] = slot
        MapSlot.clearPadding(Key.self, Value.self, at: slots + number)
    }

    /// Inserts an entry at `position` of the order. There must be a free slot.
    @inlinable @inline(__always)
    func insert(_ slot: Slot, tag: UInt8, at position: Int, _ access: HeapAccess) {
        let count = count
        markHead(access)
        access.markDirty(address: slots + count, MemoryLayout<Slot>.size)
        write(slot, at: count)
        tags[count] = tag
        var index = count
        while index > position {
            order[index] = order[index &- 1]
            index &-= 1
        }
        order[position] = UInt8(truncatingIfNeeded: count)
        setCount(count &+ 1)
    }

    /// Removes the entry at `position` of the order. The last slot moves to its place.
    @inlinable
    func remove(at position: Int, _ access: HeapAccess) -> Slot {
        let last = count - 1
        let number = slotNumber(position, access)
        let removed = slots[number]
        markHead(access)
        for index in position ..< last { order[index] = order[index + 1] }
        if number != last {
            moveSlot(last, to: number, access)
            for index in 0 ..< last where Int(order[index]) == last {
                order[index] = UInt8(truncatingIfNeeded: number)
            }
        }
        setCount(last)
        return removed
    }

    @inlinable @inline(__always)
    func moveSlot(_ from: Int, to: Int, _ access: HeapAccess) {
        access.markDirty(address: slots + to, MemoryLayout<Slot>.size)
        write(slots[from], at: to)
        tags[to] = tags[from]
    }

    /// Keeps the entries at `positions` of the order, in the first slots.
    @inlinable
    func keep(_ positions: Range<Int>, _ access: HeapAccess) {
        let count = positions.count
        markHead(access)
        var used: UInt64 = 0
        for (index, position) in positions.enumerated() {
            let number = slotNumber(position, access)
            order[index] = UInt8(truncatingIfNeeded: number)
            used |= 1 << UInt64(number)
        }
        for index in 0 ..< count where Int(order[index]) >= count {
            let free = (~used).trailingZeroBitCount
            guard free < count else { Handle.damaged(access, "sorted collection") }
            moveSlot(Int(order[index]), to: free, access)
            used |= 1 << UInt64(free)
            order[index] = UInt8(truncatingIfNeeded: free)
        }
        setCount(count)
    }

    /// Copies entries of another leaf after the last one of this leaf. They come after all of its
    /// keys.
    @inlinable
    func append(_ positions: Range<Int>, of other: SortedLeaf, _ access: HeapAccess) {
        guard !positions.isEmpty else { return }
        let count = count
        markHead(access)
        access.markDirty(address: slots + count, positions.count * Self.stride)
        for (index, position) in positions.enumerated() {
            let source = other.slotNumber(position, access)
            write(other.slots[source], at: count + index)
            tags[count + index] = other.tags[source]
            order[count + index] = UInt8(truncatingIfNeeded: count + index)
        }
        setCount(count + positions.count)
    }

    /// Copies entries of another leaf before the first one of this leaf. They come before all of
    /// its keys.
    @inlinable
    func prepend(_ positions: Range<Int>, of other: SortedLeaf, _ access: HeapAccess) {
        let count = count
        let moved = positions.count
        append(positions, of: other, access)
        // They are in the last slots, and their places in the order rotate to the front.
        for index in Swift.stride(from: count - 1, through: 0, by: -1) {
            order[index + moved] = order[index]
        }
        for index in 0 ..< moved { order[index] = UInt8(truncatingIfNeeded: count + index) }
    }
}

/// Arithmetic instead of branches, for comparisons with unpredictable results. A mispredicted
/// branch costs as much as twenty comparisons and prevents the processor from starting the next
/// lookup.
@usableFromInline
enum Branchless {
    /// Returns 1 if the condition is true, else 0.
    @inlinable @inline(__always)
    static func bit(_ condition: Bool) -> Int {
        Int(truncatingIfNeeded: unsafeBitCast(condition, to: UInt8.self))
    }
}
