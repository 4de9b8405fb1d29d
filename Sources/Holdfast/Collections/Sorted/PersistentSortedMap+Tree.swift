import HoldfastEngine
import HoldfastFormat

// Finding and inserting.
extension PersistentSortedMap {
    /// The maximum height of a tree. Even with minimal fill, sixteen levels lead to more leaves
    /// than a heap has bytes.
    @inlinable @inline(__always)
    static var mostLevels: Int { 16 }

    @inlinable @inline(__always)
    func height(_ header: UnsafeMutablePointer<SortedHeader>) -> Int {
        let height = Int(header.pointee.height)
        guard height <= Self.mostLevels else { Handle.damaged(access, "sorted collection") }
        return height
    }

    /// Returns the leaf that the probe belongs to, or nil if the tree is empty.
    @inlinable @inline(__always)
    func leaf(for probe: Key.OrderedProbe, _ header: UnsafeMutablePointer<SortedHeader>) -> Leaf? {
        var offset = header.pointee.root
        guard offset != 0 else { return nil }
        for _ in 0 ..< height(header) {
            let node = Inner(access, offset)
            offset = node.children[node.child(for: probe, access)]
        }
        Leaf.prefetch(access, offset)
        return Leaf(access, offset)
    }

    @inlinable @inline(__always)
    func find(_ key: Key) -> UnsafeMutablePointer<Slot>? {
        Key.withProbe(key) { probe in
            leaf(for: Key.orderedProbe(probe), opened("look-up of a key"))?.find(
                probe, Key.hash(probe, seed: access.hashSeed), access)
        }
    }

    // MARK: Inserting

    /// Inserts an entry with a new key into its leaf.
    @inlinable @inline(__always)
    func insertNew(_ slot: Slot, _ probe: Key.Probe, _ ordered: Key.OrderedProbe) {
        var leaf: Leaf
        if let found = self.leaf(for: ordered, header) {
            leaf = found
            if leaf.isFull {
                // Without memory the transaction has exceeded a limit, and the entry is lost.
                guard hasRoomToSplit else { return }
                makeRoom(ordered, slot.key, appends: isBehindAll(ordered, header))
                leaf = self.leaf(for: ordered, header)!
            }
        } else {
            leaf = makeRootLeaf()
        }
        let header = openedForChange("insertion of a key")
        let tag = Leaf.tag(Key.hash(probe, seed: access.hashSeed))
        leaf.insert(slot, tag: tag, at: leaf.rank(ordered, access), access)
        header.pointee.count &+= 1
        header.pointee.changes &+= 1
    }

    @inlinable
    var hasRoomToSplit: Bool {
        let node = Swift.max(Leaf.byteCount, Inner.byteCount)
        // Small blocks are always available. Of larger ones, one per level may be needed.
        return access.hasRoom(
            byteCount: node <= SizeClass.maximumBytes ? node : node * (Self.mostLevels + 1))
    }

    /// Returns a slot for a new key. Nil if the transaction has exceeded a limit and the key could
    /// not be stored. It must not be inserted then.
    @inlinable @inline(__always)
    func newSlot(
        _ key: Key, _ probe: Key.Probe, _ value: @autoclosure () -> Value.Stored
    ) -> Slot? {
        let slot = Slot(key: Key.store(key, in: access), value: value())
        guard Key.ownsMemory, access.isLost else { return slot }
        return Key.matches(slot.key, probe, in: access) ? slot : nil
    }

    @inlinable
    func makeRootLeaf() -> Leaf {
        let header = openedForChange("insertion of a key")
        header.pointee.root = makeLeaf()
        header.pointee.height = 0
        return Leaf(access, header.pointee.root)
    }

    /// Splits the full leaf that the probe belongs to, and every full node on the path to it.
    /// `newKey` is the probe's stored key. `appends` says that it comes after all others.
    @inlinable @inline(never)
    func makeRoom(_ probe: Key.OrderedProbe, _ newKey: Key.Stored, appends: Bool) {
        let header = openedForChange()
        if header.pointee.height == 0 || Inner(access, header.pointee.root).isFull {
            guard header.pointee.height < UInt32(Self.mostLevels) else {
                Handle.damaged(access, "sorted collection")
            }
            let root = makeInner(level: Int(header.pointee.height) + 1)
            Inner(access, new: root).assign([], [header.pointee.root], access)
            header.pointee.root = root
            header.pointee.height += 1
        }
        var node = Inner(access, header.pointee.root)
        for _ in 1 ..< height(header) {
            var index = appends ? node.count - 1 : node.child(for: probe, access)
            if Inner(access, node.children[index]).isFull {
                splitInner(node, index, appends: appends)
                index = appends ? node.count - 1 : node.child(for: probe, access)
            }
            node = Inner(access, node.children[index])
        }
        splitLeaf(
            node, appends ? node.count - 1 : node.child(for: probe, access), newKey,
            appends: appends)
    }

    /// Returns whether all keys come before the probe.
    @inlinable
    func isBehindAll(_ probe: Key.OrderedProbe, _ header: UnsafeMutablePointer<SortedHeader>)
        -> Bool
    {
        guard let leaf = lastLeaf(header), leaf.count > 0 else { return true }
        return Key.isStored(
            leaf.slot(leaf.count - 1, access).pointee.key, before: probe, in: access)
    }

    @inlinable
    func lastLeaf(_ header: UnsafeMutablePointer<SortedHeader>) -> Leaf? {
        var offset = header.pointee.root
        guard offset != 0 else { return nil }
        for _ in 0 ..< height(header) {
            let node = Inner(access, offset)
            offset = node.children[node.count - 1]
        }
        return Leaf(access, offset)
    }

    /// Splits child `index` into two leaves. If keys are inserted in ascending order, the new leaf
    /// is left empty for the next ones, so that the old leaves stay full.
    @inlinable
    func splitLeaf(_ parent: Inner, _ index: Int, _ newKey: Key.Stored, appends: Bool) {
        let leaf = Leaf(access, parent.children[index])
        let offset = makeLeaf()
        let separator: Key.Stored
        if appends {
            separator = Key.separator(
                leaf.slot(leaf.count - 1, access).pointee.key, newKey, in: access)
        } else {
            let half = leaf.count / 2
            Leaf(access, offset).append(half ..< leaf.count, of: leaf, access)
            leaf.keep(0 ..< half, access)
            separator = self.separator(leaf, Leaf(access, offset))
        }
        parent.insert(offset, behind: index, separator: separator, access)
    }

    /// Returns a separator of two neighbouring leaves.
    @inlinable
    func separator(_ left: Leaf, _ right: Leaf) -> Key.Stored {
        Key.separator(
            left.slot(left.count - 1, access).pointee.key, right.slot(0, access).pointee.key,
            in: access)
    }

    @inlinable
    func splitInner(_ parent: Inner, _ index: Int, appends: Bool) {
        let node = Inner(access, parent.children[index])
        let count = node.count
        let kept = appends ? count - 1 : count / 2
        let offset = makeInner(level: node.level)
        let keys = UnsafeMutableBufferPointer(start: node.keys, count: count - 1)
        let children = UnsafeMutableBufferPointer(start: node.children, count: count)
        Inner(access, new: offset).assign(
            Array(keys[kept...])[...], Array(children[kept...])[...], access)
        let separator = node.keys[kept - 1]
        node.markHead(access)
        node.setCount(kept)
        node.fillSeparators(behind: kept - 1, upTo: count - 1, access)
        parent.insert(offset, behind: index, separator: separator, access)
    }

    // MARK: Nodes

    /// Creates an empty leaf. Only its first line is marked dirty; slots that are never filled are
    /// not logged.
    @inlinable
    func makeLeaf() -> UInt64 {
        let offset = access.allocate(byteCount: Leaf.byteCount, alignment: HeapLayout.lineBytes)
        access.markFresh(offset, Leaf.slotsOffset)
        let base = access.address(offset, Leaf.byteCount)
        base.initializeMemory(as: UInt8.self, repeating: 0, count: Leaf.slotsOffset)
        base.storeBytes(of: Leaf.kind, as: UInt8.self)
        return offset
    }

    /// Creates an inner node without children.
    @inlinable
    func makeInner(level: Int) -> UInt64 {
        let offset = access.allocate(byteCount: Inner.byteCount, alignment: HeapLayout.lineBytes)
        access.markFresh(offset, 8)
        let base = access.address(offset, Inner.byteCount)
        base.initializeMemory(as: UInt8.self, repeating: 0, count: 8)
        base.storeBytes(of: Inner.kind, as: UInt8.self)
        base.storeBytes(of: UInt8(truncatingIfNeeded: level), toByteOffset: 2, as: UInt8.self)
        return offset
    }

    @inlinable
    func freeLeaf(_ offset: UInt64) {
        access.free(offset, byteCount: Leaf.byteCount, alignment: HeapLayout.lineBytes)
    }

    @inlinable
    func freeInner(_ offset: UInt64) {
        access.free(offset, byteCount: Inner.byteCount, alignment: HeapLayout.lineBytes)
    }

    /// Frees all nodes with everything that they own. Once its count is 0, the map is as empty as a
    /// new one.
    @inlinable
    func freeTree(_ header: UnsafeMutablePointer<SortedHeader>) {
        let root = header.pointee.root
        if root != 0 { freeNode(root, level: height(header)) }
        header.pointee.root = 0
        header.pointee.height = 0
    }

    @inlinable
    func freeNode(_ offset: UInt64, level: Int) {
        if level == 0 {
            if Key.ownsMemory || Value.ownsMemory {
                let leaf = Leaf(access, offset)
                for number in 0 ..< leaf.count { destroy(leaf.slots[number]) }
            }
            freeLeaf(offset)
            return
        }
        let node = Inner(access, offset)
        for index in 0 ..< node.count { freeNode(node.children[index], level: level - 1) }
        if Key.ownsMemory {
            for index in 0 ..< node.count - 1 { Key.destroy(node.keys[index], in: access) }
        }
        freeInner(offset)
    }
}
