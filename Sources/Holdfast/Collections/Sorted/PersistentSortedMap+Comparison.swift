import HoldfastEngine

// What a comparison of two states of a sorted map needs to know of the tree; see
// `SortedComparison`.

/// The place of an entry: a leaf with the path to it, and a position in its order.
struct SortedPosition: Equatable {
    let path: SortedPath
    let leaf: UInt64
    var index = 0

    static func == (left: SortedPosition, right: SortedPosition) -> Bool {
        left.leaf == right.leaf && left.index == right.index
    }
}

/// The words of a header that say where the tree is.
struct SortedShape: Equatable {
    let header: UInt64
    let root: UInt64
    let height: Int
}

package enum SortedOrder {
    case before, same, after
}

extension PersistentSortedMap {
    var treeShape: SortedShape {
        let header = opened()
        return SortedShape(header: offset, root: header.pointee.root, height: height(header))
    }

    // MARK: Positions

    var firstPosition: SortedPosition? {
        place { _ in 0 }.map { SortedPosition(path: $0.path, leaf: $0.offset) }
    }

    func positionInNextLeaf(_ position: SortedPosition) -> SortedPosition? {
        place(after: Place(path: position.path, offset: position.leaf))
            .map { SortedPosition(path: $0.path, leaf: $0.offset) }
    }

    func position(after position: SortedPosition) -> SortedPosition? {
        var next = position
        next.index += 1
        if next.index < Leaf(access, next.leaf).count { return next }
        return positionInNextLeaf(position)
    }

    /// The entry at a position; nil if the leaf is empty.
    func slot(at position: SortedPosition) -> UnsafeMutablePointer<Slot>? {
        let leaf = Leaf(access, position.leaf)
        return position.index < leaf.count ? leaf.slot(position.index, access) : nil
    }

    func key(_ slot: UnsafeMutablePointer<Slot>) -> Key {
        Key.load(slot.pointee.key, from: access)
    }

    func value(_ slot: UnsafeMutablePointer<Slot>) -> Value {
        Value.load(slot.pointee.value, from: access)
    }

    func valueOffset(_ slot: UnsafeMutablePointer<Slot>) -> UInt64 {
        let place = UnsafeMutableRawPointer(slot) - access.context.pointee.base
        return UInt64(place + MemoryLayout<Slot>.offset(of: \.value)!)
    }

    /// The place of an entry's key in relation to a key.
    func order(of slot: UnsafeMutablePointer<Slot>, and key: Key) -> SortedOrder {
        order(ofStored: slot.pointee.key, and: key)
    }

    func order(ofStored stored: Key.Stored, and key: Key) -> SortedOrder {
        Key.withProbe(key) { probe in
            if Key.matches(stored, probe, in: access) { return .same }
            return Key.isStored(stored, before: Key.orderedProbe(probe), in: access)
                ? .before : .after
        }
    }

    // MARK: Lines

    func insertTreeLines(into lines: inout LineSet) {
        lines.insert(bytesAt: offset, count: MemoryLayout<SortedHeader>.size)
        let shape = treeShape
        if shape.root != 0 { insertLines(of: shape.root, level: shape.height, into: &lines) }
    }

    private func insertLines(of node: UInt64, level: Int, into lines: inout LineSet) {
        if lines.isComplete { return }
        guard level > 0 else { return lines.insert(bytesAt: node, count: Leaf.byteCount) }
        lines.insert(bytesAt: node, count: Inner.byteCount)
        let inner = Inner(access, node)
        for child in 0 ..< inner.count {
            insertLines(of: inner.children[child], level: level - 1, into: &lines)
        }
    }

    /// Inserts the lines of all blocks that the values own.
    func insertOwnedLines(into lines: inout LineSet) {
        guard !lines.isComplete, MemoryLayout<Value.Stored>.size > 0 else { return }
        var walk = OwnedLines(access, collectingIn: lines)
        var position = firstPosition
        while !walk.wasCancelled, let current = position {
            if let slot = slot(at: current) { Value.verify(at: valueOffset(slot), in: &walk) }
            position = self.position(after: current)
        }
        if let all = walk.lines { lines = all }
    }
}
