import HoldfastEngine

// Operations on sixty-four elements at a time.
extension PersistentBitSet {
    /// Adds all elements of another bit set.
    ///
    /// - Complexity: O(*m* / 64), where *m* is the largest element of `other`.
    @inlinable
    public func formUnion(_ other: PersistentBitSet) {
        let shared = Swift.min(words.count, other.words.count)
        combine(shared, other, |)
        if shared < other.words.count { words.append(contentsOf: other.words[shared...]) }
    }

    /// Keeps only the elements that are in another bit set too.
    ///
    /// - Complexity: O(*m* / 64), where *m* is the largest element.
    @inlinable
    public func formIntersection(_ other: PersistentBitSet) {
        let shared = Swift.min(words.count, other.words.count)
        if shared < words.count { words.removeSubrange(shared ..< words.count) }
        combine(shared, other, &)
        trim()
    }

    /// Removes all elements of another bit set, which may be this set itself.
    ///
    /// - Complexity: O(*m* / 64), where *m* is the largest element.
    @inlinable
    public func subtract(_ other: PersistentBitSet) {
        combine(Swift.min(words.count, other.words.count), other) { $0 & ~$1 }
        trim()
    }

    /// Keeps the elements that are in exactly one of the two sets.
    ///
    /// - Complexity: O(*m* / 64), where *m* is the largest element.
    @inlinable
    public func formSymmetricDifference(_ other: PersistentBitSet) {
        let shared = Swift.min(words.count, other.words.count)
        combine(shared, other, ^)
        if shared < other.words.count { words.append(contentsOf: other.words[shared...]) }
        trim()
    }

    /// Adds all numbers of a range. Traps for negative numbers.
    ///
    /// - Complexity: O(*m* / 64), where *m* is the upper bound of the range.
    @inlinable
    public func insert(_ range: Range<Int>) {
        guard let last = range.last else { return }
        guard range.lowerBound >= 0 else { words.trap(.negativeElement, range.lowerBound) }
        insert(last)
        for index in range.lowerBound >> 6 ... last >> 6 {
            let mask = Self.mask(of: range, index)
            if words[index] & mask != mask { words[index] |= mask }
        }
    }

    /// Removes all numbers of a range.
    ///
    /// - Complexity: O(*m* / 64), where *m* is the length of the range.
    @inlinable
    public func remove(_ range: Range<Int>) {
        let range = range.clamped(to: 0 ..< words.count << 6)
        guard let last = range.last else { return }
        for index in range.lowerBound >> 6 ... last >> 6 {
            let mask = Self.mask(of: range, index)
            if words[index] & mask != 0 { words[index] &= ~mask }
        }
        trim()
    }

    /// The maximal ranges of consecutive elements, in ascending order.
    ///
    /// - Complexity: O(*m* / 64 + *r*), where *m* is the largest element and *r* the number of
    ///   ranges.
    public var ranges: [Range<Int>] {
        var result: [Range<Int>] = []
        for (index, word) in words.enumerated() {
            var at = 0
            while at < 64, word >> UInt64(at) != 0 {
                let start = at + (word >> UInt64(at)).trailingZeroBitCount
                let length = (~(word >> UInt64(start))).trailingZeroBitCount
                let end = Swift.min(start + length, 64)
                let range = index << 6 + start ..< index << 6 + end
                if let last = result.last, last.upperBound == range.lowerBound {
                    result[result.count - 1] = last.lowerBound ..< range.upperBound
                } else {
                    result.append(range)
                }
                at = end
            }
        }
        return result
    }

    /// Returns the smallest element, or nil if the set is empty.
    ///
    /// - Complexity: O(*m* / 64), where *m* is the smallest element.
    @inlinable
    public func min() -> Int? { first { _ in true } }

    /// Returns the largest element, or nil if the set is empty.
    ///
    /// - Complexity: O(1).
    @inlinable
    public func max() -> Int? {
        words.last.map { (words.count - 1) << 6 + 63 - $0.leadingZeroBitCount }
    }

    /// Returns the bits of the word at `index` that belong to a range which overlaps it.
    @inlinable
    static func mask(of range: Range<Int>, _ index: Int) -> UInt64 {
        let low = Swift.max(range.lowerBound - index << 6, 0)
        let high = Swift.min(range.upperBound - index << 6, 64)
        return (~0 << UInt64(low)) & (~0 >> UInt64(64 - high))
    }

    @inlinable
    func combine(_ count: Int, _ other: PersistentBitSet, _ operation: (UInt64, UInt64) -> UInt64) {
        for index in 0 ..< count {
            let word = words[index]
            let new = operation(word, other.words[index])
            if new != word { words[index] = new }
        }
    }
}
