import HoldfastEngine

/// A sorted set of non-negative integers in a heap, one bit each.
///
/// A handle, like ``PersistentArray``. It takes an eighth of a byte for every number up to the
/// largest, whether the number is in the set or not. That is suitable for dense numbers (rows,
/// pages, visited nodes), but not for a few large ones; for those use a ``PersistentSortedSet`` of
/// `Int`.
///
///     let seen = try tx.bitSet("seen")
///     if seen.insert(row) { … }
///     seen.formUnion(others)
@frozen
public struct PersistentBitSet {
    /// The last word is not zero, so that equal sets have equal words.
    @usableFromInline let words: PersistentArray<UInt64>

    @inlinable
    init(words: PersistentArray<UInt64>) { self.words = words }

    /// Creates an empty set for a field of a new record. It is created in the heap when the record
    /// is stored, and must not be used before that.
    @inlinable
    public init() { words = PersistentArray() }

    @inlinable @inline(__always)
    static func bit(_ element: Int) -> UInt64 { 1 &<< UInt64(truncatingIfNeeded: element & 63) }
}

extension PersistentBitSet: PersistentSetAlgebra {
    /// The number of elements.
    ///
    /// - Complexity: O(*m* / 64), where *m* is the largest element.
    @inlinable
    public var count: Int { words.reduce(0) { $0 + $1.nonzeroBitCount } }

    /// Whether there are no elements.
    ///
    /// - Complexity: O(1).
    @inlinable
    public var isEmpty: Bool { words.isEmpty }

    /// Returns whether `element` is in the set. Always false for a negative number.
    ///
    /// - Complexity: O(1).
    @inlinable
    public func contains(_ element: Int) -> Bool {
        guard element >= 0, element >> 6 < words.count else { return false }
        return words[element >> 6] & Self.bit(element) != 0
    }

    /// Adds `element`. Traps for a negative number.
    ///
    /// - Returns: Whether the element is new, and the element.
    /// - Complexity: O(1), and O(`element` / 64) if the set has to grow.
    @inlinable @discardableResult
    public func insert(_ newMember: Int) -> (inserted: Bool, memberAfterInsert: Int) {
        guard newMember >= 0 else { words.trap(.negativeElement, newMember) }
        let index = newMember >> 6
        words.append(zeros: index + 1 - words.count)
        // There is no memory for so large a number: the transaction has exceeded a limit.
        guard index < words.count else { return (false, newMember) }
        let word = words[index]
        guard word & Self.bit(newMember) == 0 else { return (false, newMember) }
        words[index] = word | Self.bit(newMember)
        return (true, newMember)
    }

    /// Removes `element`.
    ///
    /// - Returns: The element, or nil if it was not in the set.
    /// - Complexity: O(1), and more if the largest element is removed and there is a gap below it.
    @inlinable @discardableResult
    public func remove(_ element: Int) -> Int? {
        guard contains(element) else { return nil }
        words[element >> 6] &= ~Self.bit(element)
        if element >> 6 == words.count - 1 { trim() }
        return element
    }

    /// Removes all elements, and frees their memory unless `keepingCapacity` is true.
    ///
    /// - Complexity: O(1).
    @inlinable
    public func removeAll(keepingCapacity: Bool = false) {
        words.removeAll(keepingCapacity: keepingCapacity)
    }

    /// Removes the elements that satisfy `shouldBeRemoved`.
    ///
    /// - Complexity: O(*m* / 64 + *n*), where *m* is the largest element and *n* the count.
    @inlinable
    public func removeAll(where shouldBeRemoved: (Int) throws -> Bool) rethrows {
        for index in 0 ..< words.count {
            let word = words[index]
            var kept = word
            var rest = word
            while rest != 0 {
                let element = index << 6 | rest.trailingZeroBitCount
                if try shouldBeRemoved(element) { kept &= ~Self.bit(element) }
                rest &= rest &- 1
            }
            if kept != word { words[index] = kept }
        }
        trim()
    }

    /// The elements in brackets. Empty for a set that is in no heap yet.
    public var description: String {
        words.access.isDetached ? "[]" : "[" + map { "\($0)" }.joined(separator: ", ") + "]"
    }

    /// Removes zero words from the end.
    @inlinable
    func trim() {
        var used = words.count
        while used > 0, words[used - 1] == 0 { used -= 1 }
        if used < words.count { words.removeSubrange(used ..< words.count) }
    }
}

extension PersistentBitSet: Sequence {
    /// An iterator over the elements that the set has when the iterator is created, in ascending
    /// order.
    ///
    /// Elements may be inserted and removed during iteration. In a write transaction the iterator
    /// therefore copies the words of the set: O(*m* / 64) bytes and time, where *m* is the largest
    /// element.
    @frozen
    public struct Iterator: IteratorProtocol {
        @usableFromInline var words: PersistentArray<UInt64>.Iterator
        /// The original words of the set, if it can change.
        @usableFromInline let copy: ContiguousArray<UInt64>?
        @usableFromInline var word: UInt64 = 0
        @usableFromInline var base = -64

        @inlinable
        init(_ words: PersistentArray<UInt64>) {
            self.words = words.makeIterator()
            copy = words.access.isWritable ? ContiguousArray(words) : nil
        }

        /// Returns the next element, or nil at the end.
        ///
        /// - Complexity: O(*g* / 64), where *g* is the size of the gap before the element.
        @inlinable
        public mutating func next() -> Int? {
            while word == 0 {
                guard let next = nextWord() else { return nil }
                word = next
                base += 64
            }
            defer { word &= word &- 1 }
            return base + word.trailingZeroBitCount
        }

        @inlinable
        mutating func nextWord() -> UInt64? {
            guard let copy else { return words.next() }
            guard words.array.access.isOpen else { words.array.trap(.iteratorOutlived) }
            let index = (base + 64) >> 6
            return index < copy.count ? copy[index] : nil
        }
    }

    @inlinable
    public func makeIterator() -> Iterator { Iterator(words) }
}

extension PersistentBitSet: Hashable {
    /// Returns whether both sets hold the same numbers.
    ///
    /// - Complexity: O(*m* / 64), where *m* is the largest element.
    @inlinable
    public static func == (left: PersistentBitSet, right: PersistentBitSet) -> Bool {
        left.words == right.words
    }

    /// Hashes the elements.
    ///
    /// - Complexity: O(*m* / 64), where *m* is the largest element.
    @inlinable
    public func hash(into hasher: inout Hasher) { words.hash(into: &hasher) }
}

extension PersistentBitSet: WrappingHandle {
    /// The place of the header.
    public typealias Stored = RelativePointer<StoredArray>
    @usableFromInline package typealias Base = PersistentArray<UInt64>

    @inlinable
    var base: Base { words }

    @inlinable
    init(base: PersistentArray<UInt64>) { self.init(words: base) }

    public static func describe() throws(HeapError) -> TypeDescription {
        TypeDescription("PersistentBitSet")
    }
}
