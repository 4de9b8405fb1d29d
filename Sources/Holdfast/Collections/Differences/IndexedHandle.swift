import HoldfastEngine
import HoldfastFormat

/// An array or a deque, as a comparison of two states sees it: stored forms one after the other, or
/// in a ring.
protocol IndexedHandle: Persistable {
    associatedtype Element: Persistable

    var access: HeapAccess { get }
    /// The header's words.
    var indexedShape: IndexedShape { get }
    static var headerBytes: Int { get }
}

/// Where the elements of an array or a deque are.
struct IndexedShape: Equatable {
    let header: UInt64
    let buffer: UInt64
    /// The number of slots of the ring, at least 1.
    let capacity: Int
    let head: Int
    let count: Int
    /// A number that changes with every insertion and removal except appending.
    let changes: UInt32

    func slot(_ index: Int) -> Int {
        let slot = head + index
        return slot >= capacity ? slot - capacity : slot
    }

    /// Whether `index` is the same slot here as `other` is in another state.
    func isSamePlace(_ index: Int, as otherIndex: Int, of other: IndexedShape) -> Bool {
        buffer == other.buffer && capacity == other.capacity
            && slot(index) == other.slot(otherIndex)
    }

    /// Whether the only insertions since `earlier` are at the end.
    func hasOnlyGrown(since earlier: IndexedShape) -> Bool {
        header == earlier.header && buffer == earlier.buffer && capacity == earlier.capacity
            && head == earlier.head && changes == earlier.changes && count >= earlier.count
    }
}

extension IndexedHandle {
    static var elementBytes: Int { MemoryLayout<Element.Stored>.stride }

    func place(_ index: Int, _ shape: IndexedShape) -> UInt64 {
        shape.buffer + UInt64(shape.slot(index) * Self.elementBytes)
    }

    func element(_ index: Int, _ shape: IndexedShape) -> Element {
        Element.load(access.load(place(index, shape), as: Element.Stored.self), from: access)
    }

    func insertLines(into lines: inout LineSet) {
        let shape = indexedShape
        lines.insert(bytesAt: shape.header, count: Self.headerBytes)
        guard shape.count > 0 else { return }
        lines.insert(
            bytesAt: shape.buffer,
            count: (shape.head == 0 ? shape.count : shape.capacity) * Self.elementBytes)
        guard Element.changesInPlace, !lines.isComplete else { return }
        var walk = OwnedLines(access, collectingIn: lines)
        for index in 0 ..< shape.count where !walk.wasCancelled {
            Element.verify(at: place(index, shape), in: &walk)
        }
        if let all = walk.lines { lines = all }
    }

    /// Whether the element, or what it owns, has a line in `changed`.
    func isTouched(_ index: Int, _ shape: IndexedShape, _ changed: LineSet) -> Bool {
        let place = place(index, shape)
        if changed.intersects(bytesAt: place, count: Self.elementBytes) { return true }
        return Element.changesInPlace
            && OwnedLines.areTouched(Element.self, at: place, changed, in: access)
    }

    /// Returns the first element of a range that is touched; nil if none is. O(pages of the
    /// elements), but O(*n*) if what they own can change in place.
    func firstTouched(_ range: Range<Int>, _ shape: IndexedShape, _ changed: LineSet) -> Int? {
        if Element.changesInPlace { return range.first { isTouched($0, shape, changed) } }
        var index = range.lowerBound
        while index < range.upperBound {
            // Up to the end of the ring.
            let run = min(range.upperBound - index, shape.capacity - shape.slot(index))
            let start = place(index, shape)
            let last = start + UInt64(run * Self.elementBytes - 1)
            if let line = changed.first(
                from: start >> HeapLayout.lineShift, through: last >> HeapLayout.lineShift)
            {
                let byte = max(line << HeapLayout.lineShift, start)
                return index + Int(byte - start) / Self.elementBytes
            }
            index += run
        }
        return nil
    }
}

extension PersistentArray: IndexedHandle {
    static var headerBytes: Int { MemoryLayout<Header>.size }

    var indexedShape: IndexedShape {
        let header = opened()
        let count = Int(truncatingIfNeeded: header.pointee.count)
        return IndexedShape(
            header: offset, buffer: header.pointee.buffer, capacity: .max, head: 0, count: count,
            changes: header.pointee.changes)
    }
}

extension PersistentDeque: IndexedHandle {
    static var headerBytes: Int { MemoryLayout<Header>.size }

    var indexedShape: IndexedShape {
        let ring = ring
        return IndexedShape(
            header: offset, buffer: ring.header.pointee.buffer,
            capacity: Swift.max(1, ring.capacity), head: ring.head, count: ring.count,
            changes: ring.header.pointee.changes)
    }
}
