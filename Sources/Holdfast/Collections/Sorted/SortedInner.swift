import HoldfastEngine
import HoldfastFormat

/// An inner node of a sorted map: children, with a separator between each two of them.
///
///     byte 0   kind, 0x49
///     byte 1   count of children
///     byte 2   level: 1 if the children are leaves
///     byte 3   1 if all separators are plain (see `PersistableOrderedKey`)
///     byte 8   the separators, in order (aligned to their type)
///     then     the children's offsets, in order
///
/// Every key below child i is at or after separator i - 1 and before separator i. Separators belong
/// to the node, together with the memory that they own. A separator is a key or, for strings, a
/// prefix of one that is just long enough to separate its neighbours.
@frozen @usableFromInline
struct SortedInner<Key: PersistableOrderedKey> {
    @usableFromInline let base: UnsafeMutableRawPointer

    @inlinable @inline(__always)
    init(_ access: HeapAccess, _ offset: UInt64) {
        base = access.address(offset, Self.byteCount)
        guard base.load(as: UInt8.self) == Self.kind, count &- 1 < Self.capacity, count > 0 else {
            Handle.damaged(access, "sorted collection")
        }
    }

    /// Creates a new node without children.
    @inlinable
    init(_ access: HeapAccess, new offset: UInt64) { base = access.address(offset, Self.byteCount) }

    // MARK: Layout

    @inlinable @inline(__always)
    static var kind: UInt8 { 0x49 }
    /// The maximum number of children.
    @inlinable @inline(__always)
    static var capacity: Int { 1 &<< capacityShift }
    @inlinable @inline(__always)
    static var capacityShift: Int { 6 }
    /// A node with fewer children is rebalanced with a neighbour, unless it is the last of its
    /// level.
    @inlinable @inline(__always)
    static var minimum: Int { capacity / 4 }
    @inlinable @inline(__always)
    static var keysOffset: Int { 8.roundedUp(to: MemoryLayout<Key.Stored>.alignment) }
    @inlinable @inline(__always)
    static var childrenOffset: Int {
        (keysOffset + (capacity - 1) * MemoryLayout<Key.Stored>.stride).roundedUp(to: 8)
    }
    @inlinable @inline(__always)
    static var byteCount: Int {
        (childrenOffset + capacity * 8).roundedUp(to: HeapLayout.lineBytes)
    }

    /// The number of children.
    @inlinable @inline(__always)
    var count: Int { Int(base.load(fromByteOffset: 1, as: UInt8.self)) }
    @inlinable @inline(__always)
    var isFull: Bool { count == Self.capacity }
    @inlinable @inline(__always)
    var level: Int { Int(base.load(fromByteOffset: 2, as: UInt8.self)) }
    @inlinable @inline(__always)
    var keys: UnsafeMutablePointer<Key.Stored> {
        (base + Self.keysOffset).assumingMemoryBound(to: Key.Stored.self)
    }
    @inlinable @inline(__always)
    var children: UnsafeMutablePointer<UInt64> {
        (base + Self.childrenOffset).assumingMemoryBound(to: UInt64.self)
    }

    // MARK: Searching

    /// Returns the child that `probe` belongs to. Its index is the number of separators at or
    /// before the probe.
    @inlinable @inline(__always)
    func child(for probe: Key.OrderedProbe, _ access: HeapAccess) -> Int {
        guard Key.isAlwaysPlain || (isPlain && Key.isPlain(probe: probe)) else {
            return partition { !Key.isProbe(probe, before: $0, in: access) }
        }
        // Six steps for up to 63 separators, independently of their values. Each step adds half of
        // the remaining range. The slots after the last separator hold the greatest key, and only a
        // probe at that key does not come before it.
        let keys = keys
        var child = 0
        var shift = Self.capacityShift &- 1
        while shift >= 0 {
            let next = child &+ (1 &<< shift)
            child &+= Branchless.bit(!Key.isProbe(probe, beforePlain: keys[next &- 1])) &<< shift
            shift &-= 1
        }
        return Swift.min(child, count &- 1)
    }

    /// Returns the number of leading separators that satisfy `isLeft`. No later one may satisfy it.
    /// O(log *n*), where *n* is the count.
    @inlinable @inline(__always)
    func partition(_ isLeft: (Key.Stored) -> Bool) -> Int {
        let keys = keys
        var low = 0
        var high = count &- 1
        while low < high {
            let middle = (low &+ high) &>> 1
            if isLeft(keys[middle]) { low = middle &+ 1 } else { high = middle }
        }
        return low
    }

    // MARK: Changing

    @inlinable @inline(__always)
    func markHead(_ access: HeapAccess) {
        access.markDirty(address: base.assumingMemoryBound(to: UInt64.self), 8)
    }

    @inlinable @inline(__always)
    func setCount(_ count: Int) {
        base.storeBytes(of: UInt8(truncatingIfNeeded: count), toByteOffset: 1, as: UInt8.self)
    }

    @inlinable @inline(__always)
    var isPlain: Bool { base.load(fromByteOffset: 3, as: UInt8.self) == 1 }

    /// Records whether an inserted separator is plain. The node's head has been marked dirty.
    @inlinable @inline(__always)
    func admit(_ separator: Key.Stored) {
        if !Key.isPlain(separator) { base.storeBytes(of: 0, toByteOffset: 3, as: UInt8.self) }
    }

    @inlinable @inline(__always)
    func write(_ separator: Key.Stored, at index: Int) {
        keys[index] = separator
        Key.clearPadding(at: keys + index)
    }

    /// Fills the unused separator slots after the first `used` with the greatest key, as
    /// `child(for:)` requires.
    @inlinable
    func fillSeparators(behind used: Int, upTo end: Int = capacity - 1, _ access: HeapAccess) {
        guard used < end else { return }
        let greatest = Key.greatest
        access.markDirty(address: keys + used, (end - used) * MemoryLayout<Key.Stored>.stride)
        for index in used ..< end { write(greatest, at: index) }
    }

    /// Inserts `offset` as the child after child `index`, with `separator` between them. There must
    /// be a free slot.
    @inlinable
    func insert(_ offset: UInt64, behind index: Int, separator: Key.Stored, _ access: HeapAccess) {
        let count = count
        markHead(access)
        access.markDirty(address: keys + index, (count - index) * MemoryLayout<Key.Stored>.stride)
        access.markDirty(address: children + index + 1, (count - index) * 8)
        (keys + index + 1).update(from: keys + index, count: count - 1 - index)
        (children + index + 2).update(from: children + index + 1, count: count - 1 - index)
        write(separator, at: index)
        admit(separator)
        children[index + 1] = offset
        setCount(count + 1)
    }

    /// Removes the child after child `index` and returns the separator between them, which the
    /// caller then owns.
    @inlinable
    func removeChild(behind index: Int, _ access: HeapAccess) -> Key.Stored {
        let count = count
        let separator = keys[index]
        markHead(access)
        let moved = count - 2 - index
        if moved > 0 {
            access.markDirty(address: keys + index, moved * MemoryLayout<Key.Stored>.stride)
            access.markDirty(address: children + index + 1, moved * 8)
            (keys + index).update(from: keys + index + 1, count: moved)
            (children + index + 1).update(from: children + index + 2, count: moved)
        }
        fillSeparators(behind: count - 2, upTo: count - 1, access)
        setCount(count - 1)
        return separator
    }

    @inlinable
    func replaceSeparator(_ index: Int, with separator: Key.Stored, _ access: HeapAccess) {
        access.markDirty(address: keys + index, MemoryLayout<Key.Stored>.size)
        write(separator, at: index)
        markHead(access)
        admit(separator)
    }

    /// Writes children from `index` on, and the separators from before the first of them on. They
    /// are the last ones of the node.
    @inlinable
    func assign(
        _ newKeys: ArraySlice<Key.Stored>, _ newChildren: ArraySlice<UInt64>, from index: Int = 0,
        _ access: HeapAccess
    ) {
        let firstKey = Swift.max(0, index - 1)
        markHead(access)
        if !newKeys.isEmpty {
            access.markDirty(
                address: keys + firstKey, newKeys.count * MemoryLayout<Key.Stored>.stride)
        }
        access.markDirty(address: children + index, newChildren.count * 8)
        if index == 0 { base.storeBytes(of: 1, toByteOffset: 3, as: UInt8.self) }
        for (place, key) in newKeys.enumerated() {
            write(key, at: firstKey + place)
            admit(key)
        }
        for (place, child) in newChildren.enumerated() { children[index + place] = child }
        setCount(index + newChildren.count)
        fillSeparators(behind: count - 1, access)
    }
}
