import HoldfastEngine

#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif

/// Bytes in a heap that are read and changed in part: files, images, records of your own format.
///
/// A handle, like ``PersistentArray``: it is valid inside its transaction, and a change through one
/// copy is visible through all. For a few bytes that are always read as a whole, a plain `Data` as
/// element, key or value is simpler; up to 15 bytes of it are stored inline.
///
///     let scan = try tx.bytes("scan")
///     while try scan.append(upTo: 65536, initializing: { try source.read(into: &$0) }) > 0 {}
///     scan.write(header, at: 0)
///     for chunk in scan.chunks(of: 4096) { … }
///
/// The bytes are contiguous. Appending takes amortised O(1) per byte. A value grows where it is as
/// long as the memory behind it is free, as it is behind the last value of a heap. Otherwise it
/// moves as a whole, which logs all of it in one transaction, so call ``reserveCapacity(_:)`` if
/// you know the final size. As bytes are removed, memory is freed as with ``PersistentArray``. A
/// value can be larger than the log: a transaction that does not fit makes the log grow.
@frozen
public struct PersistentBytes {
    @usableFromInline let bytes: PersistentArray<UInt8>

    @inlinable
    init(bytes: PersistentArray<UInt8>) { self.bytes = bytes }

    /// Creates an empty value for a field of a new record. It is created in the heap when the
    /// record is stored, and must not be used before that.
    @inlinable
    public init() { bytes = PersistentArray() }

    /// The number of bytes that fit before the next growth.
    ///
    /// - Complexity: O(1).
    public var capacity: Int { bytes.capacity }

    /// Reserves capacity for `minimumCapacity` bytes in all, so that appending up to that count
    /// moves nothing.
    ///
    /// - Complexity: O(*n*), where *n* is the count.
    public func reserveCapacity(_ minimumCapacity: Int) { bytes.reserveCapacity(minimumCapacity) }

    // MARK: Reading

    /// Calls `body` with a span over all bytes, without a copy.
    ///
    /// The span cannot leave the closure. The value must not be changed inside it.
    ///
    /// - Complexity: O(1).
    @inlinable
    public func withSpan<R, Failure: Error>(_ body: (Span<UInt8>) throws(Failure) -> R)
        throws(Failure) -> R
    {
        try bytes.withSpan(body)
    }

    /// Copies bytes from `offset` on into `buffer`, as many as there are and fit. Traps if `offset`
    /// is greater than `count`.
    ///
    /// - Returns: The number of bytes copied, 0 at the end.
    /// - Complexity: O(*m*), where *m* is the number of bytes copied.
    public func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) -> Int {
        bytes.withBytes { bytes in
            guard offset >= 0, offset <= bytes.count else {
                self.bytes.trap(.offsetOutOfBounds, offset, bytes.count)
            }
            let number = Swift.min(buffer.count, bytes.count - offset)
            if number > 0 {
                buffer.copyMemory(
                    from: UnsafeRawBufferPointer(rebasing: bytes[offset ..< offset + number]))
            }
            return number
        }
    }

    /// Returns a copy of a range of the bytes. Traps if the range is out of bounds.
    ///
    /// - Complexity: O(*m*), where *m* is the length of the range.
    public func data(in range: Range<Int>) -> Data {
        bytes.withBytes { bytes in
            guard range.lowerBound >= 0, range.upperBound <= bytes.count else {
                self.bytes.trap(
                    .rangeOutOfBounds, range.lowerBound, range.upperBound, bytes.count)
            }
            return Data(bytes[range])
        }
    }

    /// A copy of all bytes.
    ///
    /// - Complexity: O(*n*), where *n* is the count.
    public var data: Data { data(in: 0 ..< bytes.count) }

    /// Returns the bytes in pieces of `byteCount`, copied out one at a time. The last piece can be
    /// shorter. Traps unless `byteCount` is positive.
    public func chunks(of byteCount: Int) -> Chunks {
        guard byteCount > 0 else { bytes.trap(.noPieces, byteCount) }
        return Chunks(bytes: self, byteCount: byteCount)
    }

    /// Bytes of a heap in pieces.
    public struct Chunks: Sequence {
        let bytes: PersistentBytes
        let byteCount: Int

        /// An iterator over the pieces, up to the end of the bytes at the time of reading.
        ///
        /// Bytes may be written and appended during iteration. Every other insertion or removal
        /// traps at the next step.
        public struct Iterator: IteratorProtocol {
            let bytes: PersistentBytes
            let byteCount: Int
            let changes: UInt32
            var offset = 0

            init(bytes: PersistentBytes, byteCount: Int) {
                self.bytes = bytes
                self.byteCount = byteCount
                changes = bytes.bytes.opened("makeIterator()").pointee.changes
            }

            /// Returns the next piece, or nil at the end.
            ///
            /// - Complexity: O(*m*), where *m* is the length of the piece.
            public mutating func next() -> Data? {
                bytes.bytes.requireUnmoved(since: changes)
                let count = bytes.count
                guard offset < count else { return nil }
                let end = offset + Swift.min(byteCount, count - offset)
                defer { offset = end }
                return bytes.data(in: offset ..< end)
            }
        }

        public func makeIterator() -> Iterator { Iterator(bytes: bytes, byteCount: byteCount) }

        public var underestimatedCount: Int {
            bytes.count / byteCount + (bytes.count % byteCount == 0 ? 0 : 1)
        }
    }

    // MARK: Changing

    /// Adds bytes at the end: a `Data`, an array, a buffer, other bytes of a heap, or these bytes
    /// themselves.
    ///
    /// - Complexity: Amortised O(*m*), where *m* is the number of new bytes.
    @inlinable
    public func append(contentsOf newBytes: some Sequence<UInt8>) {
        bytes.append(contentsOf: newBytes)
    }

    /// Adds one byte at the end.
    ///
    /// - Complexity: Amortised O(1).
    @inlinable
    public func append(_ byte: UInt8) { bytes.append(byte) }

    /// Adds the bytes of a span at the end, with one copy. The span must not be one of this value.
    ///
    /// - Complexity: Amortised O(*m*), where *m* is the number of new bytes.
    @inlinable
    public func append(contentsOf newBytes: Span<UInt8>) { bytes.append(contentsOf: newBytes) }

    /// Adds up to `maximum` bytes at the end, which `body` writes in place.
    ///
    /// If `body` throws, the bytes that it has written are kept. The span cannot leave the closure.
    /// The value must not be used inside it.
    ///
    /// - Returns: The result of `body`.
    @available(macOS 26, iOS 26, *)
    @inlinable
    public func append<R, Failure: Error>(
        upTo maximum: Int, initializing body: (inout OutputSpan<UInt8>) throws(Failure) -> R
    ) throws(Failure) -> R {
        try bytes.append(upTo: maximum, initializing: body)
    }

    /// Adds up to `maximum` bytes at the end, which `body` writes into a buffer in place, as
    /// `read(2)` or `InputStream` does.
    ///
    /// The initial contents of the buffer are undefined. `body` writes from the start of the buffer
    /// and returns the number of bytes. If it throws, nothing is added.
    ///
    ///     while try scan.append(
    ///         upTo: 65536, reading: { stream.read($0.baseAddress!, maxLength: $0.count) }) > 0
    ///     {}
    ///
    /// - Returns: The number of bytes that `body` has written.
    @inlinable @discardableResult
    public func append<Failure: Error>(
        upTo maximum: Int, reading body: (UnsafeMutableBufferPointer<UInt8>) throws(Failure) -> Int
    ) throws(Failure) -> Int {
        guard maximum >= 0 else { bytes.trap(.negativeCount, maximum) }
        guard bytes.makeRoom(forMore: maximum) else {
            return try LostRoom.use(maximum, of: UInt8.self) { (buffer) throws(Failure) in
                try body(buffer)
            }
        }
        let header = bytes.openedForChange()
        let place = bytes.access.writableAddress(bytes.elementOffset(bytes.count), maximum)
        bytes.access.beginLending()
        defer { bytes.access.endLending() }
        let number = try body(
            UnsafeMutableBufferPointer(
                start: place.assumingMemoryBound(to: UInt8.self), count: maximum))
        guard number >= 0, number <= maximum else { bytes.trap(.wroteTooMuch, number, maximum) }
        header.pointee.count += UInt64(number)
        return number
    }

    /// Overwrites the bytes from `offset` on, and appends bytes that go beyond the end. Traps if
    /// `offset` is greater than `count`.
    ///
    /// Only lines whose bytes differ are written and logged.
    ///
    /// - Complexity: O(*m*), where *m* is the number of new bytes.
    public func write(_ newBytes: some Collection<UInt8>, at offset: Int) {
        // A source that is not contiguous is copied.
        let done: Void? = newBytes.withContiguousStorageIfAvailable {
            write(UnsafeRawBufferPointer($0), at: offset)
        }
        if done == nil { ContiguousArray(newBytes).withUnsafeBytes { write($0, at: offset) } }
    }

    /// Calls `body` with a mutable span over a range of the bytes. Traps if the range is out of
    /// bounds.
    ///
    /// All lines of the range are marked dirty and logged.
    @inlinable
    public func withMutableSpan<R, Failure: Error>(
        _ range: Range<Int>, _ body: (inout MutableSpan<UInt8>) throws(Failure) -> R
    ) throws(Failure) -> R {
        try bytes.withMutableSpan(range, body)
    }

    /// Replaces a range by `newBytes`. Traps if the range is out of bounds.
    ///
    /// - Complexity: O(*n* - *i* + *m*), where *n* is the count, *i* the lower bound of the range
    ///   and *m* the number of new bytes.
    @inlinable
    public func replaceSubrange(_ range: Range<Int>, with newBytes: some Collection<UInt8>) {
        bytes.replaceSubrange(range, with: newBytes)
    }

    /// Inserts bytes at `offset`. Traps if `offset` is greater than `count`.
    ///
    /// - Complexity: O(*n* - `offset` + *m*), where *n* is the count and *m* the number of new
    ///   bytes.
    @inlinable
    public func insert(contentsOf newBytes: some Collection<UInt8>, at offset: Int) {
        bytes.insert(contentsOf: newBytes, at: offset)
    }

    /// Removes the bytes of a range. Traps if the range is out of bounds.
    ///
    /// - Complexity: O(*n* - *i*), where *n* is the count and *i* the lower bound of the range.
    @inlinable
    public func removeSubrange(_ range: Range<Int>) { bytes.removeSubrange(range) }

    /// Truncates the bytes to `newCount`, or extends them with zeros.
    ///
    /// - Complexity: O(*m*), where *m* is the number of bytes added.
    public func resize(to newCount: Int) {
        guard newCount >= 0 else { bytes.trap(.negativeCount, newCount) }
        let count = bytes.count
        if newCount <= count { return bytes.removeSubrange(newCount ..< count) }
        bytes.append(zeros: newCount - count)
    }

    /// Truncates the bytes to `newCount`. Traps if there are fewer.
    ///
    /// - Complexity: O(1).
    public func truncate(to newCount: Int) {
        bytes.removeSubrange(newCount ..< Swift.max(newCount, bytes.count))
    }

    /// Removes all bytes, and frees their memory unless `keepingCapacity` is true.
    ///
    /// - Complexity: O(1).
    public func removeAll(keepingCapacity: Bool = false) {
        bytes.removeAll(keepingCapacity: keepingCapacity)
    }

    private func write(_ source: UnsafeRawBufferPointer, at offset: Int) {
        let count = bytes.count
        guard offset >= 0, offset <= count else {
            bytes.trap(.offsetOutOfBounds, offset, count, 0, "write(_:at:)")
        }
        let inside = Swift.min(source.count, count - offset)
        if inside > 0 {
            bytes.access.overwrite(
                bytes.elementOffset(offset),
                with: UnsafeRawBufferPointer(rebasing: source[..<inside]))
        }
        if inside < source.count { bytes.append(contentsOf: source[inside...]) }
    }
}
