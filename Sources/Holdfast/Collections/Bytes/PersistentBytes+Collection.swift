import HoldfastEngine

#if canImport(FoundationEssentials)
    public import FoundationEssentials
#else
    public import Foundation
#endif

/// Index arithmetic is integer arithmetic, all O(1). A slice is a range of these bytes, not a copy.
/// `Data(bytes[2 ..< 5])` is a copy.
extension PersistentBytes: RandomAccessCollection, MutableCollection {
    /// The number of bytes.
    ///
    /// - Complexity: O(1).
    @inlinable
    public var count: Int { bytes.count }

    /// The first index: 0.
    @inlinable
    public var startIndex: Int { 0 }

    /// One past the last index.
    @inlinable
    public var endIndex: Int { bytes.count }

    @inlinable
    public func index(after index: Int) -> Int { index + 1 }

    @inlinable
    public func index(before index: Int) -> Int { index - 1 }

    @inlinable
    public var underestimatedCount: Int { bytes.count }

    /// The byte at `index`. Traps if there is none.
    ///
    /// - Complexity: O(1).
    @inlinable
    public subscript(index: Int) -> UInt8 {
        get { bytes[index] }
        nonmutating set { bytes[index] = newValue }
    }

    /// The bytes of a range, in place. Traps if the range is out of bounds. Setting copies the
    /// bytes of a slice of the same count.
    ///
    /// - Complexity: O(1); setting O(*m*), where *m* is the length of the range.
    @inlinable
    public subscript(range: Range<Int>) -> Slice<PersistentBytes> {
        get {
            bytes.check(range, bytes.opened())
            return Slice(base: self, bounds: range)
        }
        nonmutating set {
            bytes[range] = Slice(
                base: newValue.base.bytes, bounds: newValue.startIndex ..< newValue.endIndex)
        }
    }

    /// Exchanges two bytes. Traps if an index is out of bounds.
    ///
    /// - Complexity: O(1).
    @inlinable
    public func swapAt(_ first: Int, _ second: Int) { bytes.swapAt(first, second) }

    @inlinable
    public func makeIterator() -> PersistentArray<UInt8>.Iterator { bytes.makeIterator() }

    /// Gives algorithms of the standard library direct access to the bytes.
    @inlinable
    public func withContiguousStorageIfAvailable<R>(
        _ body: (UnsafeBufferPointer<UInt8>) throws -> R
    ) rethrows -> R? {
        try bytes.withContiguousStorageIfAvailable(body)
    }

    /// Like ``withContiguousStorageIfAvailable(_:)``, for modification. All bytes are marked dirty
    /// and logged.
    @inlinable
    public func withContiguousMutableStorageIfAvailable<R>(
        _ body: (inout UnsafeMutableBufferPointer<UInt8>) throws -> R
    ) rethrows -> R? {
        try bytes.withContiguousMutableStorageIfAvailable(body)
    }
}

extension PersistentBytes: ContiguousBytes, DataProtocol {
    /// Calls `body` with all bytes in place. The buffer must not escape the closure.
    @inlinable
    public func withUnsafeBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        try bytes.withBytes(body)
    }

    /// The single region that contains the bytes.
    @inlinable
    public var regions: CollectionOfOne<PersistentBytes> { CollectionOfOne(self) }
}

/// Two values are equal if their bytes are.
extension PersistentBytes: Hashable {
    /// Returns whether both hold the same bytes.
    ///
    /// - Complexity: O(*n*), where *n* is the count.
    public static func == (left: PersistentBytes, right: PersistentBytes) -> Bool {
        if left.bytes.access.isDetached || right.bytes.access.isDetached {
            return left.bytes == right.bytes
        }
        return left.count == right.count
            && left.bytes.withBytes { left in right.bytes.withBytes { UTF8Bytes.areEqual(left, $0) }
            }
    }

    /// Returns whether both hold the same bytes.
    ///
    /// - Complexity: O(*n*), where *n* is the count.
    @inlinable
    public static func == (left: PersistentBytes, right: some Collection<UInt8>) -> Bool {
        left.bytes == right
    }

    /// Returns whether the bytes differ.
    ///
    /// - Complexity: O(*n*), where *n* is the count.
    @inlinable
    public static func != (left: PersistentBytes, right: some Collection<UInt8>) -> Bool {
        left.bytes != right
    }

    /// Hashes the bytes.
    ///
    /// - Complexity: O(*n*), where *n* is the count.
    public func hash(into hasher: inout Hasher) {
        guard !bytes.access.isDetached else { return hasher.combine(0) }
        hasher.combine(count)
        bytes.withBytes { hasher.combine(bytes: $0) }
    }
}

extension PersistentBytes: CustomStringConvertible {
    /// The number of bytes as text. The bytes themselves are rarely useful as text.
    public var description: String {
        bytes.access.isDetached ? "0 bytes" : count == 1 ? "1 byte" : "\(count) bytes"
    }
}

extension PersistentBytes: WrappingHandle {
    /// The place of the header.
    public typealias Stored = RelativePointer<StoredArray>
    @usableFromInline package typealias Base = PersistentArray<UInt8>

    @inlinable
    var base: Base { bytes }

    @inlinable
    init(base: PersistentArray<UInt8>) { self.init(bytes: base) }

    public static func describe() throws(HeapError) -> TypeDescription {
        TypeDescription("PersistentBytes")
    }
}
