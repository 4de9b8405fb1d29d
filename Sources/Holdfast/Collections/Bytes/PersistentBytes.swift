import HoldfastEngine

#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif

/// Bytes that live in a heap and are read and changed in part: files, images, records of a format
/// of your own.
///
/// A handle, like ``PersistentArray``: valid inside its transaction, and a change through one copy
/// is seen through all. For a few bytes that are always read whole, a plain `Data` as element, key
/// or value is simpler: up to 15 bytes of one lie in place.
///
///     let scan = try tx.bytes("scan")
///     while try scan.append(upTo: 65536, initializing: { try source.read(into: &$0) }) > 0 {}
///     scan.write(header, at: 0)
///     for chunk in scan.chunks(of: 4096) { … }
///
/// The bytes lie one behind the other. Appending is amortised O(1) a byte; a value that outgrows
/// its place moves as a whole, so tell it with ``reserveCapacity(_:)`` if you know how much will
/// come. As bytes are removed, memory is given back as with ``PersistentArray``. A value can be
/// larger than the log: a transaction that does not fit makes the log grow.
@frozen
public struct PersistentBytes {
    @usableFromInline let bytes: PersistentArray<UInt8>

    @inlinable
    init(bytes: PersistentArray<UInt8>) { self.bytes = bytes }

    /// No bytes, for a field of a new record: the value is made in the heap when the record is
    /// stored. Until then it must not be used.
    @inlinable
    public init() { bytes = PersistentArray() }

    /// Bytes that fit before the next growth. O(1).
    public var capacity: Int { bytes.capacity }

    /// Makes room for so many bytes in all, so that appending up to there moves nothing. O(count).
    public func reserveCapacity(_ minimumCapacity: Int) { bytes.reserveCapacity(minimumCapacity) }

    // MARK: Reading

    /// Calls `body` with all bytes in place, without a copy. The span cannot leave the closure; the
    /// value must not be changed inside it. O(1).
    @inlinable
    public func withSpan<R, Failure: Error>(_ body: (Span<UInt8>) throws(Failure) -> R)
        throws(Failure) -> R
    {
        try bytes.withSpan(body)
    }

    /// Copies bytes from `offset` on into `buffer`, as many as there are and fit, and returns their
    /// number; 0 at the end. Traps if `offset` is beyond `count`. O(their number).
    public func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int) -> Int {
        bytes.withBytes { bytes in
            guard offset >= 0, offset <= bytes.count else {
                Handle.offsetOutOfBounds(offset, bytes.count)
            }
            let number = Swift.min(buffer.count, bytes.count - offset)
            if number > 0 {
                buffer.copyMemory(
                    from: UnsafeRawBufferPointer(rebasing: bytes[offset ..< offset + number]))
            }
            return number
        }
    }

    /// A copy of a range of the bytes; traps if it leads out of them. O(range.count).
    public func data(in range: Range<Int>) -> Data {
        bytes.withBytes { bytes in
            guard range.lowerBound >= 0, range.upperBound <= bytes.count else {
                Handle.rangeOutOfBounds(range, bytes.count)
            }
            return Data(bytes[range])
        }
    }

    /// A copy of all bytes. O(count).
    public var data: Data { data(in: 0 ..< bytes.count) }

    /// The bytes in pieces of `byteCount`, copied out one at a time; the last can be shorter. Traps
    /// unless `byteCount` is above 0.
    public func chunks(of byteCount: Int) -> Chunks {
        guard byteCount > 0 else { Handle.noChunk(byteCount) }
        return Chunks(bytes: self, byteCount: byteCount)
    }

    /// Bytes of a heap in pieces.
    public struct Chunks: Sequence {
        let bytes: PersistentBytes
        let byteCount: Int

        /// Walks the pieces, up to where the bytes end when each is read; bytes may be written and
        /// appended meanwhile. Every other insertion or removal traps at the next step.
        public struct Iterator: IteratorProtocol {
            let bytes: PersistentBytes
            let byteCount: Int
            let changes: UInt32
            var offset = 0

            init(bytes: PersistentBytes, byteCount: Int) {
                self.bytes = bytes
                self.byteCount = byteCount
                changes = bytes.bytes.header.pointee.changes
            }

            /// The next piece, or nil. O(byteCount).
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

    /// Adds bytes at the end: a `Data`, an array, a buffer, other bytes of a heap, or these.
    /// O(their number), amortised.
    @inlinable
    public func append(contentsOf newBytes: some Sequence<UInt8>) {
        bytes.append(contentsOf: newBytes)
    }

    /// Adds one byte at the end. Amortised O(1).
    @inlinable
    public func append(_ byte: UInt8) { bytes.append(byte) }

    /// Adds the bytes of a span at the end with one copy. The span must not be one of this value.
    /// O(their number), amortised.
    @inlinable
    public func append(contentsOf newBytes: Span<UInt8>) { bytes.append(contentsOf: newBytes) }

    /// Adds up to `maximum` bytes at the end, written in place by `body`, and returns what `body`
    /// does. If it throws, what it has written is kept.
    ///
    /// The span cannot leave the closure; the value must not be used inside it.
    @available(macOS 26, iOS 26, *)
    @inlinable
    public func append<R, Failure: Error>(
        upTo maximum: Int, initializing body: (inout OutputSpan<UInt8>) throws(Failure) -> R
    ) throws(Failure) -> R {
        try bytes.append(upTo: maximum, initializing: body)
    }

    /// Adds up to `maximum` bytes at the end, which `body` writes into a buffer in place, as
    /// `read(2)` or `InputStream` does; `body` returns how many it wrote, from the buffer's start,
    /// and so does this method. The buffer's first contents are undefined. If `body` throws,
    /// nothing is added.
    ///
    ///     while try scan.append(
    ///         upTo: 65536, reading: { stream.read($0.baseAddress!, maxLength: $0.count) }) > 0
    ///     {}
    @inlinable @discardableResult
    public func append<Failure: Error>(
        upTo maximum: Int, reading body: (UnsafeMutableBufferPointer<UInt8>) throws(Failure) -> Int
    ) throws(Failure) -> Int {
        guard maximum >= 0 else { Handle.negativeCount(maximum) }
        guard bytes.makeRoom(forMore: maximum) else {
            return try LostRoom.use(maximum, of: UInt8.self) { (buffer) throws(Failure) in
                try body(buffer)
            }
        }
        let header = bytes.writableHeader
        let place = bytes.access.writableAddress(bytes.elementOffset(bytes.count), maximum)
        let number = try body(
            UnsafeMutableBufferPointer(
                start: place.assumingMemoryBound(to: UInt8.self), count: maximum))
        guard number >= 0, number <= maximum else { Handle.wroteTooMuch(number, maximum) }
        header.pointee.count += UInt64(number)
        return number
    }

    /// Writes bytes over what is there from `offset` on, and appends what goes beyond the end.
    /// Traps if `offset` is beyond `count`. O(their number).
    ///
    /// Only lines whose bytes differ are written and logged.
    public func write(_ newBytes: some Collection<UInt8>, at offset: Int) {
        // A copy where the source is not contiguous.
        let done: Void? = newBytes.withContiguousStorageIfAvailable {
            write(UnsafeRawBufferPointer($0), at: offset)
        }
        if done == nil { ContiguousArray(newBytes).withUnsafeBytes { write($0, at: offset) } }
    }

    /// Calls `body` with a range of the bytes in place for changing; all of its lines are noted and
    /// logged. Traps if the range leads out of the bytes.
    @inlinable
    public func withMutableSpan<R, Failure: Error>(
        _ range: Range<Int>, _ body: (inout MutableSpan<UInt8>) throws(Failure) -> R
    ) throws(Failure) -> R {
        try bytes.withMutableSpan(range, body)
    }

    /// Puts `newBytes` in the place of a range; traps if that leads out of the bytes. O(count -
    /// range.lowerBound + newBytes.count).
    @inlinable
    public func replaceSubrange(_ range: Range<Int>, with newBytes: some Collection<UInt8>) {
        bytes.replaceSubrange(range, with: newBytes)
    }

    /// Inserts bytes at `offset`; traps if that is beyond `count`. O(count - offset + their
    /// number).
    @inlinable
    public func insert(contentsOf newBytes: some Collection<UInt8>, at offset: Int) {
        bytes.insert(contentsOf: newBytes, at: offset)
    }

    /// Removes the bytes of a range; traps if it leads out of them. O(count - range.lowerBound).
    @inlinable
    public func removeSubrange(_ range: Range<Int>) { bytes.removeSubrange(range) }

    /// Cuts the bytes off at `newCount`, or fills them up to there with zeros. O(what is added).
    public func resize(to newCount: Int) {
        guard newCount >= 0 else { Handle.negativeCount(newCount) }
        let count = bytes.count
        if newCount <= count { return bytes.removeSubrange(newCount ..< count) }
        bytes.append(zeros: newCount - count)
    }

    /// Cuts the bytes off at `newCount`; traps if there are fewer. O(1).
    public func truncate(to newCount: Int) {
        bytes.removeSubrange(newCount ..< Swift.max(newCount, bytes.count))
    }

    /// Removes all bytes, and the room for them unless told otherwise. O(1).
    public func removeAll(keepingCapacity: Bool = false) {
        bytes.removeAll(keepingCapacity: keepingCapacity)
    }

    private func write(_ source: UnsafeRawBufferPointer, at offset: Int) {
        let count = bytes.count
        guard offset >= 0, offset <= count else { Handle.offsetOutOfBounds(offset, count) }
        let inside = Swift.min(source.count, count - offset)
        if inside > 0 {
            bytes.access.overwrite(
                bytes.elementOffset(offset),
                with: UnsafeRawBufferPointer(rebasing: source[..<inside]))
        }
        if inside < source.count { bytes.append(contentsOf: source[inside...]) }
    }
}

extension Handle {
    @usableFromInline @inline(never)
    static func offsetOutOfBounds(_ offset: Int, _ count: Int) -> Never {
        fatalError("Holdfast: offset \(offset) is out of bounds; there are \(count) bytes.")
    }

    @usableFromInline @inline(never)
    static func wroteTooMuch(_ number: Int, _ maximum: Int) -> Never {
        fatalError(
            "Holdfast: a closure that may write up to \(maximum) bytes says that it wrote "
                + "\(number). It must return their number, 0 at the end."
        )
    }

    @inline(never)
    static func noChunk(_ byteCount: Int) -> Never {
        fatalError("Holdfast: bytes cannot be cut into pieces of \(byteCount) bytes.")
    }
}
