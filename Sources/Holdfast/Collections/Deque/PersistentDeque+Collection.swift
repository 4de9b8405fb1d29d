import HoldfastEngine
import HoldfastSystem

/// Index arithmetic is integer arithmetic, all O(1). Index 0 is the front.
///
/// A slice (`deque[2..<5]`) is a view into the deque, and should be read immediately. Inserting or
/// removing during iteration traps, except for appending.
extension PersistentDeque: RandomAccessCollection, MutableCollection {
    /// The first index: 0.
    @inlinable
    public var startIndex: Int { 0 }

    /// One past the last index.
    @inlinable
    public var endIndex: Int { count }

    @inlinable
    public func index(after index: Int) -> Int { index + 1 }

    @inlinable
    public func index(before index: Int) -> Int { index - 1 }

    @inlinable
    public var underestimatedCount: Int { count }

    /// An iterator over the elements that the deque has when the iterator is created, from the
    /// front.
    ///
    /// Elements may be set and appended during iteration; appended elements are not visited. Every
    /// other insertion or removal traps at the next step.
    @frozen
    public struct Iterator: IteratorProtocol {
        @usableFromInline let deque: PersistentDeque
        @usableFromInline var index = 0
        /// Fixed, so that appending a deque to itself terminates.
        @usableFromInline let end: Int
        @usableFromInline let changes: UInt32

        @inlinable
        init(_ deque: PersistentDeque) {
            self.deque = deque
            let ring = deque.openedRing("makeIterator()")
            end = ring.count
            changes = ring.header.pointee.changes
        }

        /// Returns the next element, or nil at the end.
        ///
        /// - Complexity: O(1).
        @inlinable
        public mutating func next() -> Element? {
            guard index < end else { return nil }
            let ring = deque.openedRing()
            guard ring.header.pointee.changes == changes else {
                deque.trap(.arrayChangedWhileIterating)
            }
            defer { index &+= 1 }
            return Element.load(
                ring.place(deque.checked(index, ring, "next()")).pointee, from: deque.access)
        }
    }

    @inlinable
    public func makeIterator() -> Iterator { Iterator(self) }
}

extension PersistentDeque: CustomStringConvertible {
    /// The elements as an array literal, from the front.
    public var description: String {
        access.text { "[" + map { "\($0)" }.joined(separator: ", ") + "]" }
    }
}

extension PersistentDeque where Element: Equatable {
    /// Returns whether both collections hold equal elements in the same order.
    ///
    /// - Complexity: O(*n*), where *n* is the count.
    @inlinable
    public static func == (left: PersistentDeque, right: some Collection<Element>) -> Bool {
        left.count == right.count && DeepStack.run { left.elementsEqual(right) }
    }
}

extension PersistentDeque where Element: HeapStruct {
    /// Calls `body` with the elements as two spans over the mapped file.
    ///
    /// The second span continues the first, and is empty unless the ring wraps. Nothing is copied,
    /// and no element is checked beyond the spans' own checks. The spans cannot leave the closure.
    /// The deque must not be changed inside it.
    ///
    /// - Complexity: O(1).
    @inlinable
    public func withSegments<R, Failure: Error>(
        _ body: (Span<Element>, Span<Element>) throws(Failure) -> R
    ) throws(Failure) -> R {
        let ring = openedRing()
        guard ring.count > 0 else { return try body(Span(), Span()) }
        let front = Swift.min(ring.count, ring.capacity - ring.head)
        return try body(
            Span(_unsafeStart: UnsafePointer(ring.slots + ring.head), count: front),
            Span(_unsafeStart: UnsafePointer(ring.slots), count: ring.count - front))
    }
}
