import HoldfastEngine

/// A string in a heap that is changed in place: for text that grows, or that is long and read in
/// part.
///
/// A handle, like ``PersistentArray``. For a name or a line of text, a plain `String` as element,
/// key or value is simpler; up to 15 bytes of it are stored inline.
///
/// Positions are byte offsets in the UTF-8 encoding, as ``range(of:from:)`` returns them. The
/// content is always valid UTF-8: a position inside a scalar traps in every method that takes one.
/// Strings are compared like `String`s, by canonical equivalence.
///
///     let page = try tx.string("page")
///     page.append("Good morning.\n")
///     page.replace("morning", with: "evening")
///     for line in page.lines { … }
@frozen
public struct PersistentString {
    @usableFromInline let bytes: PersistentArray<UInt8>

    @inlinable
    init(bytes: PersistentArray<UInt8>) { self.bytes = bytes }

    /// Creates an empty string for a field of a new record. It is created in the heap when the
    /// record is stored, and must not be used before that.
    @inlinable
    public init() { bytes = PersistentArray() }

    // MARK: Reading

    /// The whole content as a Swift string.
    ///
    /// - Complexity: O(*n*), where *n* is the UTF-8 count.
    public var string: String {
        get { bytes.withBytes { String(decoding: $0, as: UTF8.self) } }
        nonmutating set { replaceSubrange(0 ..< utf8Count, with: newValue) }
    }

    /// The content between two positions as a Swift string. Traps if a position is inside a scalar
    /// or out of bounds.
    ///
    /// - Complexity: O(*m*), where *m* is the length of the range.
    public subscript(range: Range<Int>) -> String {
        bytes.withBytes { bytes in
            check(range, bytes)
            return String(decoding: UnsafeRawBufferPointer(rebasing: bytes[range]), as: UTF8.self)
        }
    }

    /// The content in a range expression, as in `text[10...]`.
    public subscript(range: some RangeExpression<Int>) -> String { self[range.relative(to: bytes)] }

    /// The number of bytes of UTF-8.
    ///
    /// - Complexity: O(1).
    public var utf8Count: Int { bytes.count }

    /// Whether the string is empty.
    ///
    /// - Complexity: O(1).
    public var isEmpty: Bool { utf8Count == 0 }

    /// The number of bytes of UTF-8 that fit before the next growth.
    ///
    /// - Complexity: O(1).
    public var capacity: Int { bytes.capacity }

    /// Returns whether a position is the beginning of a scalar, or the end of the string.
    ///
    /// - Complexity: O(1).
    public func isScalarBoundary(_ offset: Int) -> Bool {
        bytes.withBytes { Self.isBoundary(offset, $0) }
    }

    /// Calls `body` with a span over the UTF-8 bytes, without a copy. The string must not be
    /// changed inside the closure.
    ///
    /// - Complexity: O(1).
    @inlinable
    public func withUTF8<R, Failure: Error>(_ body: (Span<UInt8>) throws(Failure) -> R)
        throws(Failure) -> R
    {
        try bytes.withSpan(body)
    }

    /// Calls `body` with a span that gives access to scalars, characters and normal forms in place.
    ///
    /// Nothing is copied, but the bytes are checked to be valid UTF-8, because a span over a
    /// damaged file would be unsafe otherwise. The string must not be changed inside the closure.
    ///
    /// - Complexity: O(*n*), where *n* is the UTF-8 count.
    @available(macOS 26, iOS 26, *)
    public func withUTF8Span<R, Failure: Error>(_ body: (UTF8Span) throws(Failure) -> R)
        throws(Failure) -> R
    {
        try bytes.withSpan { (span) throws(Failure) -> R in
            guard let text = try? UTF8Span(validating: span) else {
                Misuse.damaged(bytes.access, "a string is not valid UTF-8")
            }
            return try body(text)
        }
    }

    // MARK: Changing

    /// Adds a string at the end.
    ///
    /// - Complexity: Amortised O(*m*), where *m* is the length of `text`.
    public func append(_ text: some StringProtocol) {
        withUTF8(of: text) { bytes.append(contentsOf: $0) }
    }

    /// Adds another string of a heap, or this one, at the end.
    ///
    /// - Complexity: Amortised O(*m*), where *m* is the length of `text`.
    public func append(_ text: PersistentString) { bytes.append(contentsOf: text.bytes) }

    /// Inserts a string at a position. Traps if the position is inside a scalar or out of bounds.
    ///
    /// - Complexity: O(*n* - `offset` + *m*), where *n* is the UTF-8 count and *m* the length of
    ///   `text`.
    public func insert(_ text: some StringProtocol, at offset: Int) {
        replaceSubrange(offset ..< offset, with: text)
    }

    /// Removes the content between two positions. Traps if a position is inside a scalar or out of
    /// bounds.
    ///
    /// - Complexity: O(*n* - *i*), where *n* is the UTF-8 count and *i* the lower bound of the
    ///   range.
    public func removeSubrange(_ range: Range<Int>) { replaceSubrange(range, with: "") }

    /// Replaces the content between two positions by `text`. Traps if a position is inside a scalar
    /// or out of bounds.
    ///
    /// - Complexity: O(*n* - *i* + *m*), where *n* is the UTF-8 count, *i* the lower bound of the
    ///   range and *m* the length of `text`.
    public func replaceSubrange(_ range: Range<Int>, with text: some StringProtocol) {
        bytes.withBytes { check(range, $0) }
        withUTF8(of: text) { bytes.replace(range, with: $0) }
    }

    /// Truncates the string at a position. Traps if the position is inside a scalar or out of
    /// bounds.
    ///
    /// - Complexity: O(1).
    public func truncate(to offset: Int) { removeSubrange(offset ..< utf8Count) }

    /// Removes the whole content.
    ///
    /// - Complexity: O(1).
    public func removeAll(keepingCapacity: Bool = false) {
        bytes.removeAll(keepingCapacity: keepingCapacity)
    }

    /// Reserves capacity for `minimumCapacity` bytes of UTF-8 in all.
    ///
    /// - Complexity: O(*n*), where *n* is the UTF-8 count.
    public func reserveCapacity(_ minimumCapacity: Int) { bytes.reserveCapacity(minimumCapacity) }

    private func withUTF8(
        of text: some StringProtocol, _ body: (UnsafeBufferPointer<UInt8>) -> Void
    ) {
        var text = String(text)
        text.withUTF8(body)
    }

    // MARK: Checking

    static func isBoundary(_ offset: Int, _ bytes: UnsafeRawBufferPointer) -> Bool {
        offset == bytes.count || offset >= 0 && offset < bytes.count && bytes[offset] & 0xc0 != 0x80
    }

    private func check(
        _ range: Range<Int>, _ bytes: UnsafeRawBufferPointer,
        _ operation: StaticString = #function
    ) {
        guard range.lowerBound >= 0, range.upperBound <= bytes.count else {
            self.bytes.trap(
                .rangeOutOfBounds, range.lowerBound, range.upperBound, bytes.count, operation)
        }
        for offset in [range.lowerBound, range.upperBound] where !Self.isBoundary(offset, bytes) {
            self.bytes.trap(.insideScalar, offset, 0, 0, operation)
        }
    }
}

extension PersistentString: WrappingHandle {
    /// The place of the header.
    public typealias Stored = RelativePointer<StoredArray>
    @usableFromInline package typealias Base = PersistentArray<UInt8>

    @inlinable
    var base: Base { bytes }

    @inlinable
    init(base: PersistentArray<UInt8>) { self.init(bytes: base) }

    public static func verify(at place: UInt64, in verification: inout some BlockVerifier) {
        let before = verification.problemCount
        PersistentArray<UInt8>.verify(at: place, in: &verification)
        guard verification.problemCount == before else { return }
        let text = load(verification.load(place, as: Stored.self), from: verification.access)
        let isValid = text.withUTF8 { span in
            span.withUnsafeBufferPointer { UTF8Bytes.areValid(UnsafeRawBufferPointer($0)) }
        }
        if !isValid { verification.report("a string is not valid UTF-8") }
    }

    public static func describe() throws(HeapError) -> TypeDescription {
        TypeDescription("PersistentString")
    }
}

extension PersistentArray where Element == UInt8 {
    /// Calls `body` with the bytes in place.
    @inlinable
    func withBytes<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        let header = header
        let count = Int(truncatingIfNeeded: header.pointee.count)
        return try body(
            UnsafeRawBufferPointer(start: count == 0 ? nil : elements(header), count: count))
    }
}
