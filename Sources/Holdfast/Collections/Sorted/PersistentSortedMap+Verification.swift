import HoldfastEngine
import HoldfastFormat

// Verifying a sorted map that may be damaged: the header, the nodes, the order of the keys, and
// that each key is between its separators.
extension PersistentSortedMap {
    public static func verify(at place: UInt64, in verification: inout some BlockVerifier) {
        let offset = verification.load(place, as: UInt64.self)
        guard
            verification.claim(
                offset, byteCount: MemoryLayout<SortedHeader>.size, alignment: HeapLayout.lineBytes,
                "a sorted collection's header")
        else { return }
        let header = verification.load(offset, as: SortedHeader.self)
        guard header.magic == SortedHeader.magic else {
            return verification.report("the header of a sorted collection has a wrong magic number")
        }
        guard header.height <= mostLevels else {
            return verification.report(
                "a sorted collection has an invalid height of \(header.height) levels")
        }
        var walk = SortedWalk<Key, Value>(
            part: verification.partToVisit(), access: verification.access)
        if case .nothing = walk.part.choice { return }
        if header.root != 0 {
            walk.verifyNode(
                header.root, level: Int(header.height), lower: nil, upper: nil, in: &verification)
        } else if header.height != 0 {
            verification.report(
                "a sorted collection has a height of \(header.height) levels but no root")
        }
        // A walk that ends early has not counted all entries, but never more than there are.
        if walk.isWhole, walk.leavesOut ? walk.count > header.count : walk.count != header.count {
            verification.report(
                "a sorted collection has a count of \(header.count) but \(walk.count) entries")
        }
    }
}

/// A walk over the nodes of one sorted map.
private struct SortedWalk<Key: PersistableOrderedKey, Value: Persistable> {
    typealias Leaf = SortedLeaf<Key, Value>
    typealias Inner = SortedInner<Key>

    let part: VisitedPart
    let access: HeapAccess
    var count: UInt64 = 0
    /// Whether every node that was visited could be read.
    var isWhole = true
    /// Whether a node has been left out.
    private(set) var leavesOut = false
    /// Whether the leaf after the last visited entry has been visited too: an iteration that stops
    /// before its first entry has come to it.
    private var isAhead = false

    init(part: VisitedPart, access: HeapAccess) {
        self.part = part
        self.access = access
    }

    /// Returns whether to visit the next node of an iteration.
    private mutating func goesOn(isLeaf: Bool) -> Bool {
        guard case .elements(let range) = part.choice, count > range.upperBound else { return true }
        if isAhead { leavesOut = true }
        defer { if isLeaf { isAhead = true } }
        return !isAhead
    }

    /// Whether the value of the next entry is visited, and not only its key.
    private var visitsValue: Bool {
        switch part.choice {
        case .everything: true
        case .nothing, .key: false
        case .elements(let range): range.contains(Int(count))
        }
    }

    private mutating func fail(_ problem: String, in verification: inout some BlockVerifier) {
        isWhole = false
        verification.report(problem)
    }

    /// `lower` and `upper` are separators that have been verified. Keys are at or after `lower`,
    /// and before `upper`.
    mutating func verifyNode(
        _ offset: UInt64, level: Int, lower: Key.Stored?, upper: Key.Stored?,
        in verification: inout some BlockVerifier
    ) {
        guard goesOn(isLeaf: level == 0) else { return }
        guard level > 0 else {
            return verifyLeaf(offset, lower: lower, upper: upper, in: &verification)
        }
        guard
            verification.claim(
                offset, byteCount: Inner.byteCount, alignment: HeapLayout.lineBytes, "an inner node"
            )
        else {
            return isWhole = false
        }
        let children = Int(verification.load(offset + 1, as: UInt8.self))
        guard verification.load(offset, as: UInt8.self) == Inner.kind, children > 0,
            children <= Inner.capacity,
            Int(verification.load(offset + 2, as: UInt8.self)) == level
        else {
            return fail("an inner node at level \(level) has an invalid header", in: &verification)
        }
        var separators: [Key.Stored] = []
        for index in 0 ..< children - 1 {
            let place = offset + UInt64(Inner.keysOffset + index * MemoryLayout<Key.Stored>.stride)
            let before = verification.problemCount
            verification.completely { Key.verifySeparator(at: place, in: &$0) }
            guard verification.problemCount == before else { return isWhole = false }
            separators.append(verification.load(place, as: Key.Stored.self))
        }
        var visited = 0 ..< children
        if case .key(let key as Key) = part.choice {
            // Only the child to which a search goes on. The separators are whole, so it can be
            // asked; whether they are in order is checked beside the child.
            let node = Inner(access, offset)
            let child = Key.withProbe(key) { node.child(for: Key.orderedProbe($0), access) }
            visited = child ..< child + 1
            leavesOut = true
        }
        for index in visited {
            let left = index == 0 ? lower : separators[index - 1]
            let right = index == children - 1 ? upper : separators[index]
            if let left, let right, isBefore(right, left) {
                return fail("the separators of an inner node are out of order", in: &verification)
            }
            let child = verification.load(
                offset + UInt64(Inner.childrenOffset + index * 8), as: UInt64.self)
            verifyNode(child, level: level - 1, lower: left, upper: right, in: &verification)
        }
    }

    private mutating func verifyLeaf(
        _ offset: UInt64, lower: Key.Stored?, upper: Key.Stored?,
        in verification: inout some BlockVerifier
    ) {
        guard
            verification.claim(
                offset, byteCount: Leaf.byteCount, alignment: HeapLayout.lineBytes, "a leaf")
        else {
            return isWhole = false
        }
        let entries = Int(verification.load(offset + 1, as: UInt8.self))
        guard verification.load(offset, as: UInt8.self) == Leaf.kind, entries <= Leaf.capacity
        else {
            return fail("a leaf has an invalid header", in: &verification)
        }
        let order = (0 ..< entries).map {
            Int(verification.load(offset + UInt64(Leaf.orderOffset + $0), as: UInt8.self))
        }
        guard order.sorted() == Array(0 ..< entries) else {
            return fail("the order of a leaf is \(order)", in: &verification)
        }
        var last: Key.Stored?
        for number in order {
            let visitsValue = visitsValue
            count += 1
            let place = offset + UInt64(Leaf.slotsOffset + number * Leaf.stride)
            let before = verification.problemCount
            verification.completely { Key.verify(at: place, in: &$0) }
            guard verification.problemCount == before else {
                isWhole = false
                continue
            }
            let key = verification.load(place, as: Key.Stored.self)
            let tag = Leaf.tag(Key.hash(stored: key, seed: access.hashSeed, from: access))
            let isPlaced =
                equalsNothing(key)
                || (last.map { isBefore($0, key) } ?? true)
                    && (lower.map { !isBefore(key, $0) } ?? true)
                    && (upper.map { isBefore(key, $0) } ?? true)
            last = key
            let valuePlace = place + UInt64(MemoryLayout<Leaf.Slot>.offset(of: \.value)!)
            let isTagged =
                verification.load(offset + UInt64(Leaf.tagsOffset + number), as: UInt8.self) == tag
            verification.within(.value(keyAt: place, Key.self)) { verification in
                if !isPlaced || !isTagged {
                    verification.report(
                        "a search would not find an entry of the sorted collection at its place"
                    )
                }
                if visitsValue, MemoryLayout<Value.Stored>.size > 0 {
                    Value.verify(at: valuePlace, in: &verification)
                }
            }
        }
    }

    private func isBefore(_ left: Key.Stored, _ right: Key.Stored) -> Bool {
        Key.withProbe(Key.load(right, from: access)) {
            Key.isStored(left, before: Key.orderedProbe($0), in: access)
        }
    }

    /// Returns whether the key is NaN, which may occur any number of times, in any order.
    private func equalsNothing(_ key: Key.Stored) -> Bool {
        !Key.withProbe(Key.load(key, from: access)) { Key.matches(key, $0, in: access) }
    }
}
