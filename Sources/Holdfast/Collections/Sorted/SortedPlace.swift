import HoldfastEngine

/// The path from the root to a leaf: the index of the child on each level. Smaller paths lead to
/// smaller keys.
///
/// With it, neighbouring leaves are found without links between the leaves, which every split would
/// have to update.
@frozen @usableFromInline
struct SortedPath: Hashable, Sendable, Comparable {
    /// A byte per level, the root's most significant.
    @usableFromInline var word: UInt128

    @inlinable @inline(__always)
    init() { word = 0 }

    @inlinable @inline(__always)
    init(word: UInt128) { self.word = word }

    @inlinable @inline(__always)
    static func shift(_ level: Int) -> UInt128 { UInt128(truncatingIfNeeded: 120 &- 8 &* level) }

    @inlinable @inline(__always)
    subscript(level: Int) -> Int { Int(truncatingIfNeeded: (word >> Self.shift(level)) & 0xff) }

    /// Returns a path that is the same above `level`, and has `child` there and the first child on
    /// every level below.
    @inlinable @inline(__always)
    func taking(_ child: Int, at level: Int) -> SortedPath {
        let above = level == 0 ? 0 : word & ~(UInt128.max >> UInt128(8 &* level))
        return SortedPath(word: above | UInt128(truncatingIfNeeded: child) << Self.shift(level))
    }

    @inlinable @inline(__always)
    static func < (left: SortedPath, right: SortedPath) -> Bool { left.word < right.word }
}

extension PersistentSortedMap {
    /// A leaf and the path to it.
    @frozen @usableFromInline
    struct Place {
        @usableFromInline var path: SortedPath
        @usableFromInline var offset: UInt64

        @inlinable @inline(__always)
        init(path: SortedPath, offset: UInt64) {
            self.path = path
            self.offset = offset
        }
    }

    /// Returns the leaf that `choose` leads to, or nil if the tree is empty.
    @inlinable @inline(__always)
    func place(_ choose: (Inner) -> Int) -> Place? {
        let header = opened("index")
        guard header.pointee.root != 0 else { return nil }
        return descend(from: header.pointee.root, SortedPath(), level: 0, height(header), choose)
    }

    @inlinable @inline(__always)
    func descend(
        from root: UInt64, _ start: SortedPath, level: Int, _ height: Int, _ choose: (Inner) -> Int
    ) -> Place {
        var offset = root
        var path = start
        for level in level ..< height {
            let node = Inner(access, offset)
            let child = choose(node)
            path = path.taking(child, at: level)
            offset = node.children[child]
        }
        return Place(path: path, offset: offset)
    }

    /// Returns the next leaf, or nil. O(log *n*), but nearly always a single step to the next child
    /// of the parent.
    @inlinable
    func place(after place: Place) -> Place? {
        let header = opened("index")
        let height = height(header)
        guard
            let (level, node) = lowestNode(
                on: place.path, header, height, where: { $0 + 1 < $1.count })
        else { return nil }
        let child = place.path[level] + 1
        return descend(
            from: node.children[child], place.path.taking(child, at: level), level: level + 1,
            height
        ) { _ in 0 }
    }

    /// Returns the previous leaf, or nil.
    @inlinable
    func place(before place: Place) -> Place? {
        let header = opened("index")
        let height = height(header)
        guard
            let (level, node) = lowestNode(
                on: place.path, header, height, where: { child, _ in child > 0 })
        else { return nil }
        let child = place.path[level] - 1
        return descend(
            from: node.children[child], place.path.taking(child, at: level), level: level + 1,
            height
        ) { $0.count - 1 }
    }

    /// Returns the lowest node on a path, and its level, for which `condition` is true of the
    /// path's child and the node.
    @inlinable @inline(__always)
    func lowestNode(
        on path: SortedPath, _ header: UnsafeMutablePointer<SortedHeader>, _ height: Int,
        where condition: (Int, Inner) -> Bool
    ) -> (Int, Inner)? {
        var found: (Int, Inner)?
        var offset = header.pointee.root
        for level in 0 ..< height {
            let node = Inner(access, offset)
            let child = path[level]
            guard child < node.count else { Handle.damaged(access, "sorted collection") }
            if condition(child, node) { found = (level, node) }
            offset = node.children[child]
        }
        return found
    }

    @inlinable
    func leaf(_ place: Place) -> Leaf { Leaf(access, place.offset) }
}
