import HoldfastEngine

/// The result of checking a sorted collection's tree.
package struct SortedTreeAccount {
    /// Violations of the invariants, as text.
    package var problems: [String] = []
    package var entries = 0
    package var leaves = 0
    package var inners = 0
    package var height = 0
    /// The number of slots in all leaves.
    package var slots = 0
}

// The invariants of the tree, checked by tests on an undamaged heap. On a damaged heap the check
// traps.
extension PersistentSortedMap {
    package func checkInvariants() -> SortedTreeAccount {
        var account = SortedTreeAccount()
        let header = opened()
        account.height = height(header)
        if header.pointee.root == 0 {
            if header.pointee.height != 0 {
                account.problems.append("height \(header.pointee.height) without a root")
            }
        } else {
            checkNode(
                header.pointee.root, level: account.height, lower: nil, upper: nil, isRoot: true,
                isLast: true, &account)
        }
        if account.entries != count {
            account.problems.append("count \(count), but \(account.entries) entries")
        }
        return account
    }

    private func checkNode(
        _ offset: UInt64, level: Int, lower: Key.Stored?, upper: Key.Stored?, isRoot: Bool,
        isLast: Bool,
        _ account: inout SortedTreeAccount
    ) {
        if level == 0 {
            checkLeaf(
                Leaf(access, offset), lower: lower, upper: upper, isRoot: isRoot, isLast: isLast,
                &account)
            return
        }
        account.inners += 1
        let node = Inner(access, offset)
        if node.level != level {
            account.problems.append("a node of level \(node.level) at level \(level)")
        }
        if isRoot ? node.count < 2 : !isLast && node.count < Inner.minimum {
            account.problems.append("an inner node with \(node.count) children")
        }
        let separators = (0 ..< node.count - 1).map { node.keys[$0] }
        if node.isPlain && !separators.allSatisfy(Key.isPlain) {
            account.problems.append("a separator that is not plain")
        }
        for index in node.count - 1 ..< Inner.capacity - 1 where !Self.isGreatest(node.keys[index])
        {
            account.problems.append(
                "place \(index) of a node with \(node.count) children does not hold the "
                    + "greatest key"
            )
        }
        for index in 0 ..< node.count {
            let left = index == 0 ? lower : node.keys[index - 1]
            let right = index == node.count - 1 ? upper : node.keys[index]
            if let left, let right, isOrdered(right, left) {
                account.problems.append("separators out of order")
            }
            checkNode(
                node.children[index], level: level - 1, lower: left, upper: right, isRoot: false,
                isLast: isLast && index == node.count - 1, &account)
        }
    }

    private func checkLeaf(
        _ leaf: Leaf, lower: Key.Stored?, upper: Key.Stored?, isRoot: Bool, isLast: Bool,
        _ account: inout SortedTreeAccount
    ) {
        account.leaves += 1
        account.entries += leaf.count
        account.slots += Leaf.capacity
        if leaf.count == 0 || (!isRoot && !isLast && leaf.count < Leaf.minimum) {
            account.problems.append("a leaf with \(leaf.count) entries")
        }
        let numbers = (0 ..< leaf.count).map { Int(leaf.order[$0]) }
        guard numbers.sorted() == Array(0 ..< leaf.count) else {
            account.problems.append("the order \(numbers) of a leaf")
            return
        }
        let keys = numbers.map { leaf.slots[$0].key }
        for (left, right) in zip(keys, keys.dropFirst())
        where !isOrdered(left, right) && !equalsNothing(right) {
            account.problems.append(
                "the keys \(Key.load(left, from: access)), \(Key.load(right, from: access)) out of "
                    + "order"
            )
        }
        if let lower, let first = keys.first, isOrdered(first, lower) {
            account.problems.append("a key before its separator")
        }
        if let upper, let last = keys.last, !isOrdered(last, upper) && !equalsNothing(last) {
            account.problems.append(
                "the key \(Key.load(last, from: access)) not before "
                    + "\(Key.load(upper, from: access))"
            )
        }
        for number in numbers {
            let hash = Key.hash(stored: leaf.slots[number].key, seed: access.hashSeed, from: access)
            if leaf.tags[number] != Leaf.tag(hash) {
                account.problems.append("the tag of slot \(number)")
            }
        }
    }

    private static func isGreatest(_ key: Key.Stored) -> Bool {
        withUnsafeBytes(of: key) { key in
            withUnsafeBytes(of: Key.greatest) { key.elementsEqual($0) }
        }
    }

    private func isOrdered(_ left: Key.Stored, _ right: Key.Stored) -> Bool {
        Key.withProbe(Key.load(right, from: access)) {
            Key.isStored(left, before: Key.orderedProbe($0), in: access)
        }
    }

    /// Returns whether the key is NaN, which may occur any number of times.
    private func equalsNothing(_ key: Key.Stored) -> Bool {
        !Key.withProbe(Key.load(key, from: access)) { Key.matches(key, $0, in: access) }
    }
}

extension PersistentSortedSet {
    package func checkInvariants() -> SortedTreeAccount { tree.checkInvariants() }
}
