import HoldfastEngine

extension PersistentArray {
    /// An iterator over the elements that the array has when iteration begins.
    ///
    /// Elements may be set and appended during iteration; appended elements are not visited. Every
    /// other insertion or removal traps at the next step.
    @frozen
    public struct Iterator: IteratorProtocol {
        @usableFromInline let array: PersistentArray
        /// The place of the header. Valid while the transaction is open.
        @usableFromInline let header: UnsafeMutablePointer<Header>
        @usableFromInline let count: Int
        @usableFromInline let changes: UInt32
        @usableFromInline var position = 0
        /// The end of the elements that are read ahead.
        @usableFromInline var limit: Int
        /// The place of the elements at the last step, as the header has it and as an address.
        @usableFromInline var buffer: UInt64
        @usableFromInline var base: UnsafeMutablePointer<Element.Stored>

        @inlinable
        init(_ array: PersistentArray) {
            self.array = array
            header = array.opened("makeIterator()")
            count = Int(truncatingIfNeeded: header.pointee.count)
            changes = header.pointee.changes
            buffer = header.pointee.buffer
            base = array.elements(header)
            limit = count &* PersistentArray.stride <= ReadAhead.noteworthy ? count : 0
        }

        /// Returns the next element, or nil at the end.
        ///
        /// - Complexity: O(1).
        @inlinable
        public mutating func next() -> Element? {
            if position >= limit {
                limit = array.readAhead(from: position, count, buffer)
                guard position < limit else { return nil }
            }
            guard array.access.isOpen else { array.trap(.iteratorOutlived) }
            // A removed array no longer has a buffer.
            if header.pointee.buffer != buffer || header.pointee.changes != changes {
                findElements()
            }
            let element = Element.load(base[position], from: array.access)
            position &+= 1
            return element
        }

        @inlinable @inline(never)
        mutating func findElements() {
            let header = array.opened("next()")
            guard header.pointee.changes == changes, header.pointee.count >= UInt64(count) else {
                array.trap(.arrayChangedWhileIterating, "next()")
            }
            buffer = header.pointee.buffer
            base = array.elements(header)
        }
    }

    @inlinable
    public func makeIterator() -> Iterator { Iterator(self) }

    /// Reads ahead of an iterator that has come to `position`; returns how far it may go on until
    /// the next call. Does not take the iterator's address, so that it can stay in registers.
    @usableFromInline @inline(never)
    func readAhead(from position: Int, _ count: Int, _ buffer: UInt64) -> Int {
        guard position < count else { return count }
        let offset = buffer &+ UInt64(position &* Self.stride)
        access.willRead(offset, Swift.min((count - position) * Self.stride, 2 * ReadAhead.window))
        return Swift.min(count, position + Swift.max(ReadAhead.window / Self.stride, 1))
    }

    /// Traps if elements have been inserted or removed, other than by appending, since the header's
    /// count of changes had this value.
    func requireUnmoved(since changes: UInt32) {
        guard opened("next()").pointee.changes == changes else {
            trap(.arrayChangedWhileIterating, "next()")
        }
    }

    /// Gives algorithms of the standard library direct access to plain values. Nil for elements
    /// with a different stored form.
    @inlinable
    public func withContiguousStorageIfAvailable<R>(
        _ body: (UnsafeBufferPointer<Element>) throws -> R
    ) rethrows -> R? {
        guard Element.self == Element.Stored.self else { return nil }
        let header = opened()
        let count = Int(truncatingIfNeeded: header.pointee.count)
        guard count > 0 else { return try body(UnsafeBufferPointer(start: nil, count: 0)) }
        let start = UnsafeRawPointer(elements(header)).assumingMemoryBound(to: Element.self)
        return try body(UnsafeBufferPointer(start: start, count: count))
    }

    /// Like ``withContiguousStorageIfAvailable(_:)``, for modification. All elements are marked
    /// dirty and logged.
    @inlinable
    public func withContiguousMutableStorageIfAvailable<R>(
        _ body: (inout UnsafeMutableBufferPointer<Element>) throws -> R
    ) rethrows -> R? {
        guard Element.self == Element.Stored.self else { return nil }
        let header = opened()
        let count = Int(truncatingIfNeeded: header.pointee.count)
        var buffer = UnsafeMutableBufferPointer<Element>(start: nil, count: 0)
        if count > 0 {
            requireWritable()
            access.markDirty(header.pointee.buffer, count * Self.stride)
            let start = UnsafeMutableRawPointer(elements(header)).assumingMemoryBound(
                to: Element.self)
            buffer = UnsafeMutableBufferPointer(start: start, count: count)
            access.beginLending()
        }
        defer { if count > 0 { access.endLending() } }
        return try body(&buffer)
    }
}
