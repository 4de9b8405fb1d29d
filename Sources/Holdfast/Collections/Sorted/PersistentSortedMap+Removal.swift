import HoldfastEngine

// Removing, and rebalancing nodes that have too few entries.
extension PersistentSortedMap {
    /// Removes the key's entry from the tree and returns it. The caller frees everything that it
    /// owned.
    @inlinable
    func remove(_ probe: Key.Probe) -> Slot? {
        let ordered = Key.orderedProbe(probe)
        guard let leaf = leaf(for: ordered, opened("removal of a key")),
            let found = leaf.find(probe, Key.hash(probe, seed: access.hashSeed), access)
        else { return nil }
        let number = found - leaf.slots
        var position = 0
        while Int(leaf.order[position]) != number && position < leaf.count - 1 { position += 1 }
        return remove(from: leaf, at: position) { $0.child(for: ordered, access) }
    }

    /// Removes an entry from its leaf. For every inner node on the path, `choose` returns the child
    /// that leads to the leaf.
    @inlinable
    func remove(from leaf: Leaf, at position: Int, _ choose: (Inner) -> Int) -> Slot {
        requireWritable("removal of a key")
        let header = openedForChange()
        let removed = leaf.remove(at: position, access)
        header.pointee.count &-= 1
        header.pointee.changes &+= 1
        if leaf.count < Leaf.minimum { shrink(header, choose) }
        return removed
    }

    /// Rebalances the leaf that `choose` leads to, which has too few entries, with a neighbour. On
    /// the way down every node gets one child more than it needs, so that removing a leaf does not
    /// leave its parent with too few.
    @inlinable @inline(never)
    func shrink(_ header: UnsafeMutablePointer<SortedHeader>, _ choose: (Inner) -> Int) {
        if header.pointee.height > 0 {
            var node = Inner(access, header.pointee.root)
            for _ in 1 ..< height(header) {
                var index = choose(node)
                if Inner(access, node.children[index]).count <= Inner.minimum && node.count > 1 {
                    shareInner(node, index)
                    index = choose(node)
                }
                node = Inner(access, node.children[index])
            }
            if node.count > 1 { shareLeaf(node, choose(node)) }
        }
        lowerRoot(header)
    }

    /// Removes roots that have only one child, and an empty leaf.
    @inlinable
    func lowerRoot(_ header: UnsafeMutablePointer<SortedHeader>) {
        while header.pointee.height > 0 {
            let root = header.pointee.root
            let node = Inner(access, root)
            guard node.count == 1 else { return }
            header.pointee.root = node.children[0]
            header.pointee.height -= 1
            freeInner(root)
        }
        let root = header.pointee.root
        if root != 0, Leaf(access, root).count == 0 {
            freeLeaf(root)
            header.pointee.root = 0
        }
    }

    /// Merges child `index` and a neighbour into one leaf, or divides their entries equally if one
    /// leaf would be more than three quarters full.
    @inlinable
    func shareLeaf(_ parent: Inner, _ index: Int) {
        let first = index + 1 < parent.count ? index : index - 1
        let left = Leaf(access, parent.children[first])
        let right = Leaf(access, parent.children[first + 1])
        let total = left.count + right.count
        if total <= Leaf.capacity * 3 / 4 {
            left.append(0 ..< right.count, of: right, access)
            let offset = parent.children[first + 1]
            let separator = parent.removeChild(behind: first, access)
            if Key.ownsMemory { Key.destroy(separator, in: access) }
            freeLeaf(offset)
            return
        }
        let half = total / 2
        if left.count < half {
            let moved = half - left.count
            left.append(0 ..< moved, of: right, access)
            right.keep(moved ..< right.count, access)
        } else {
            right.prepend(half ..< left.count, of: left, access)
            left.keep(0 ..< half, access)
        }
        let old = parent.keys[first]
        parent.replaceSeparator(first, with: separator(left, right), access)
        if Key.ownsMemory { Key.destroy(old, in: access) }
    }

    /// Does the same for inner nodes. Separators are moved, never copied.
    @inlinable
    func shareInner(_ parent: Inner, _ index: Int) {
        let first = index + 1 < parent.count ? index : index - 1
        let left = Inner(access, parent.children[first])
        let right = Inner(access, parent.children[first + 1])
        var keys = Array(UnsafeMutableBufferPointer(start: left.keys, count: left.count - 1))
        keys.append(parent.keys[first])
        keys.append(
            contentsOf: UnsafeMutableBufferPointer(start: right.keys, count: right.count - 1))
        var children = Array(UnsafeMutableBufferPointer(start: left.children, count: left.count))
        children.append(
            contentsOf: UnsafeMutableBufferPointer(start: right.children, count: right.count))
        if children.count <= Inner.capacity * 3 / 4 {
            let old = left.count
            left.assign(keys[(old - 1)...], children[old...], from: old, access)
            let offset = parent.children[first + 1]
            _ = parent.removeChild(behind: first, access)
            freeInner(offset)
            return
        }
        let half = children.count / 2
        left.assign(keys[..<(half - 1)], children[..<half], access)
        right.assign(keys[half...], children[half...], access)
        parent.replaceSeparator(first, with: keys[half - 1], access)
    }

    // MARK: Removing many

    /// Removes the entries that satisfy `shouldBeRemoved` and frees everything that they owned.
    ///
    /// The map must not be changed inside the closure. If it throws, the entries that have been
    /// removed before stay removed.
    ///
    /// - Complexity: O(*n*), where *n* is the count.
    @inlinable
    public func removeAll(where shouldBeRemoved: ((key: Key, value: Value)) throws -> Bool) rethrows
    {
        let header = openedForChange()
        guard header.pointee.root != 0 else { return }
        defer {
            // The removals have left leaves with any number of entries. A pass completes only the
            // level directly below a node that it rebalances, so it is repeated until it finds
            // nothing to do.
            while header.pointee.height > 0, share(header.pointee.root, level: height(header)) {
                lowerRoot(header)
            }
            lowerRoot(header)
        }
        try removeAll(header.pointee.root, level: height(header), header, where: shouldBeRemoved)
    }

    @inlinable
    func removeAll(
        _ offset: UInt64, level: Int, _ header: UnsafeMutablePointer<SortedHeader>,
        where shouldBeRemoved: ((key: Key, value: Value)) throws -> Bool
    ) rethrows {
        guard level == 0 else {
            let node = Inner(access, offset)
            for index in 0 ..< node.count {
                try removeAll(
                    node.children[index], level: level - 1, header, where: shouldBeRemoved)
            }
            return
        }
        let leaf = Leaf(access, offset)
        var position = 0
        while position < leaf.count {
            let slot = leaf.slot(position, access)
            let changes = header.pointee.changes
            let removes = try shouldBeRemoved(
                (
                    Key.load(slot.pointee.key, from: access),
                    Value.load(slot.pointee.value, from: access)
                ))
            guard header.pointee.changes == changes else { trap(.changedWhileIterating) }
            if removes {
                access.markDirty(self.offset, MemoryLayout<SortedHeader>.size)
                let removed = leaf.remove(at: position, access)
                header.pointee.count &-= 1
                header.pointee.changes &+= 1
                destroy(removed)
            } else {
                position += 1
            }
        }
    }

    /// Rebalances all nodes below that have too few entries. Returns whether there were any.
    @inlinable
    func share(_ offset: UInt64, level: Int) -> Bool {
        let node = Inner(access, offset)
        var hasShared = false
        if level > 1 {
            for index in 0 ..< node.count where share(node.children[index], level: level - 1) {
                hasShared = true
            }
        }
        var index = 0
        while index < node.count && node.count > 1 {
            let isTooEmpty =
                level > 1
                ? Inner(access, node.children[index]).count < Inner.minimum
                : Leaf(access, node.children[index]).count < Leaf.minimum
            guard isTooEmpty else {
                index += 1
                continue
            }
            hasShared = true
            if level > 1 { shareInner(node, index) } else { shareLeaf(node, index) }
            // The node that has taken over this one's entries may be at this index or the one
            // before.
            index = Swift.max(0, index - 1)
        }
        return hasShared
    }
}
