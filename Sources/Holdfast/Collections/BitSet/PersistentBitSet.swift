import HoldfastEngine

/// A set of numbers from 0 on that lives in a heap: a bit each, in ascending order.
///
/// A handle, like ``PersistentArray``. It takes an eighth of a byte for every number up to the
/// largest, whether it is in the set or not: right for dense numbers (rows, pages, visited nodes),
/// wrong for a few large ones, which a ``PersistentSortedSet`` of `Int` keeps better.
///
///     let seen = try tx.bitSet("seen")
///     if seen.insert(row) { … }
///     seen.formUnion(others)
@frozen
public struct PersistentBitSet {
    /// No trailing zero words, so that two equal sets have equal words.
    @usableFromInline let words: PersistentArray<UInt64>

    @inlinable
    init(words: PersistentArray<UInt64>) { self.words = words }

    /// An empty set for a field of a new record: it is made in the heap when the record is stored.
    /// Until then it must not be used.
    @inlinable
    public init() { words = PersistentArray() }

    @inlinable @inline(__always)
    static func bit(_ element: Int) -> UInt64 { 1 &<< UInt64(truncatingIfNeeded: element & 63) }
}

extension PersistentBitSet: PersistentSetAlgebra {
    /// The number of elements. O(largest / 64).
    @inlinable
    public var count: Int { words.reduce(0) { $0 + $1.nonzeroBitCount } }

    /// Whether there are no elements. O(1).
    @inlinable
    public var isEmpty: Bool { words.isEmpty }

    /// Whether `element` is in the set; a negative number never is. O(1).
    @inlinable
    public func contains(_ element: Int) -> Bool {
        guard element >= 0, element >> 6 < words.count else { return false }
        return words[element >> 6] & Self.bit(element) != 0
    }

    /// Adds `element`; returns whether it was new. Traps for a negative number. O(1), and O(element
    /// / 64) where the set has to grow.
    @inlinable @discardableResult
    public func insert(_ element: Int) -> Bool {
        guard element >= 0 else { Handle.negativeElement(element) }
        let index = element >> 6
        words.append(zeros: index + 1 - words.count)
        // No room for so large a number: the transaction is lost.
        guard index < words.count else { return false }
        let word = words[index]
        guard word & Self.bit(element) == 0 else { return false }
        words[index] = word | Self.bit(element)
        return true
    }

    /// Removes `element`; returns whether it was there. O(1), and more where the largest goes and a
    /// gap below it.
    @inlinable @discardableResult
    public func remove(_ element: Int) -> Bool {
        guard contains(element) else { return false }
        words[element >> 6] &= ~Self.bit(element)
        if element >> 6 == words.count - 1 { trim() }
        return true
    }

    /// Removes all elements, and the room for them unless told otherwise. O(1).
    @inlinable
    public func removeAll(keepingCapacity: Bool = false) {
        words.removeAll(keepingCapacity: keepingCapacity)
    }

    /// Removes the elements that `shouldBeRemoved` says yes to. O(largest / 64 + count).
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

    /// The elements in brackets. A set that is in no heap yet is empty.
    public var description: String {
        words.access.isDetached ? "[]" : "[" + map { "\($0)" }.joined(separator: ", ") + "]"
    }

    /// Removes zero words at the end.
    @inlinable
    func trim() {
        var used = words.count
        while used > 0, words[used - 1] == 0 { used -= 1 }
        if used < words.count { words.removeSubrange(used ..< words.count) }
    }
}

extension PersistentBitSet: Sequence {
    /// Walks the elements that there were when it was made, in ascending order; elements may be
    /// inserted and removed meanwhile. For that it copies the words of the set in a write
    /// transaction: O(largest / 64) bytes and time.
    @frozen
    public struct Iterator: IteratorProtocol {
        @usableFromInline var words: PersistentArray<UInt64>.Iterator
        /// What the set was, where it can change.
        @usableFromInline let copy: ContiguousArray<UInt64>?
        @usableFromInline var word: UInt64 = 0
        @usableFromInline var base = -64

        @inlinable
        init(_ words: PersistentArray<UInt64>) {
            self.words = words.makeIterator()
            copy = words.access.isWritable ? ContiguousArray(words) : nil
        }

        /// The next element, or nil. O(the gap before it / 64).
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
            guard words.array.access.isOpen else { Handle.outlived() }
            let index = (base + 64) >> 6
            return index < copy.count ? copy[index] : nil
        }
    }

    @inlinable
    public func makeIterator() -> Iterator { Iterator(words) }
}

extension PersistentBitSet: Hashable {
    /// Whether both hold the same numbers. O(largest / 64).
    @inlinable
    public static func == (left: PersistentBitSet, right: PersistentBitSet) -> Bool {
        left.words == right.words
    }

    /// Hashes the elements. O(largest / 64).
    @inlinable
    public func hash(into hasher: inout Hasher) { words.hash(into: &hasher) }
}

extension PersistentBitSet: PersistableContainer {
    /// Where the header lies.
    public typealias Stored = RelativePointer<StoredArray>

    @inlinable
    public static func load(_ stored: Stored, from access: HeapAccess) -> PersistentBitSet {
        PersistentBitSet(words: .load(stored, from: access))
    }

    /// Copies the set.
    @inlinable
    public static func store(_ value: PersistentBitSet, in access: HeapAccess) -> Stored {
        PersistentArray<UInt64>.store(value.words, in: access)
    }

    @inlinable
    public static func storeEmpty(in access: HeapAccess) -> Stored {
        PersistentArray<UInt64>.storeEmpty(in: access)
    }

    @inlinable
    public static func destroy(_ stored: Stored, in access: HeapAccess) {
        PersistentArray<UInt64>.destroy(stored, in: access)
    }

    public static func verify(at place: UInt64, in verification: inout some BlockVerifier) {
        PersistentArray<UInt64>.verify(at: place, in: &verification)
    }

    @inlinable
    public static var ownsMemory: Bool { true }

    public static func describe() throws(HeapError) -> TypeDescription {
        TypeDescription("PersistentBitSet")
    }
}

extension Handle {
    @usableFromInline @inline(never)
    static func negativeElement(_ element: Int) -> Never {
        fatalError("Holdfast: a bit set holds numbers from 0 on, not \(element).")
    }
}
