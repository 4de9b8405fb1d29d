import HoldfastEngine

/// A string that lives in a heap and is changed in place: for text that grows, or that is long and
/// read in part.
///
/// A handle, like ``PersistentArray``. For a name or a line of text, a plain `String` as element,
/// key or value is simpler: up to 15 bytes of one lie in place.
///
/// Places in the text are counted in bytes of its UTF-8, as ``range(of:from:)`` gives them. The
/// content is always valid UTF-8: a place in the middle of a scalar traps wherever one is asked
/// for. Two texts are equal, and ordered, as `String`s are: by canonical equivalence.
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

    /// An empty text for a field of a new record: it is made in the heap when the record is stored.
    /// Until then it must not be used.
    @inlinable
    public init() { bytes = PersistentArray() }

    // MARK: Reading

    /// The whole text as a Swift string. O(utf8Count).
    public var string: String {
        get { bytes.withBytes { String(decoding: $0, as: UTF8.self) } }
        nonmutating set { replaceSubrange(0 ..< utf8Count, with: newValue) }
    }

    /// The text between two places as a Swift string; traps if one is in the middle of a scalar or
    /// outside the text. O(range.count).
    public subscript(range: Range<Int>) -> String {
        bytes.withBytes { bytes in
            check(range, bytes)
            return String(decoding: UnsafeRawBufferPointer(rebasing: bytes[range]), as: UTF8.self)
        }
    }

    /// The text between two places, as `text[10...]`.
    public subscript(range: some RangeExpression<Int>) -> String { self[range.relative(to: bytes)] }

    /// Bytes of UTF-8. O(1).
    public var utf8Count: Int { bytes.count }

    /// Whether there is no text. O(1).
    public var isEmpty: Bool { utf8Count == 0 }

    /// Bytes of UTF-8 that fit before the next growth. O(1).
    public var capacity: Int { bytes.capacity }

    /// Whether a place is the beginning of a scalar, or the end of the text. O(1).
    public func isScalarBoundary(_ offset: Int) -> Bool {
        bytes.withBytes { Self.isBoundary(offset, $0) }
    }

    /// Calls `body` with the text's UTF-8 in place, without a copy. The text must not be changed
    /// inside. O(1).
    @inlinable
    public func withUTF8<R, Failure: Error>(_ body: (Span<UInt8>) throws(Failure) -> R)
        throws(Failure) -> R
    {
        try bytes.withSpan(body)
    }

    /// Calls `body` with the text in place as Unicode sees it: scalars, characters, normal forms.
    /// No copy, but a check that the bytes are valid UTF-8 still, without which a damaged file
    /// could lead the span astray: O(utf8Count). The text must not be changed inside.
    @available(macOS 26, iOS 26, *)
    public func withUTF8Span<R, Failure: Error>(_ body: (UTF8Span) throws(Failure) -> R)
        throws(Failure) -> R
    {
        try bytes.withSpan { (span) throws(Failure) -> R in
            guard let text = try? UTF8Span(validating: span) else {
                Misuse.damaged(bytes.access, "a text is not valid UTF-8")
            }
            return try body(text)
        }
    }

    // MARK: Changing

    /// Adds text at the end. O(its length), amortised.
    public func append(_ text: some StringProtocol) {
        withUTF8(of: text) { bytes.append(contentsOf: $0) }
    }

    /// Adds another text of a heap, or this one, at the end. O(its length), amortised.
    public func append(_ text: PersistentString) { bytes.append(contentsOf: text.bytes) }

    /// Inserts text at a place; traps if that is in the middle of a scalar or outside the text.
    /// O(utf8Count - offset + its length).
    public func insert(_ text: some StringProtocol, at offset: Int) {
        replaceSubrange(offset ..< offset, with: text)
    }

    /// Removes the text between two places; traps if one is in the middle of a scalar or outside
    /// the text. O(utf8Count - range.lowerBound).
    public func removeSubrange(_ range: Range<Int>) { replaceSubrange(range, with: "") }

    /// Puts `text` in the place of what is between two places; traps if one is in the middle of a
    /// scalar or outside the text. O(utf8Count - range.lowerBound + its length).
    public func replaceSubrange(_ range: Range<Int>, with text: some StringProtocol) {
        bytes.withBytes { check(range, $0) }
        withUTF8(of: text) { bytes.replace(range, with: $0) }
    }

    /// Cuts the text off at a place; traps if that is in the middle of a scalar or beyond the end.
    /// O(1).
    public func truncate(to offset: Int) { removeSubrange(offset ..< utf8Count) }

    /// Removes all text. O(1).
    public func removeAll(keepingCapacity: Bool = false) {
        bytes.removeAll(keepingCapacity: keepingCapacity)
    }

    /// Makes room for so many bytes of UTF-8 in all. O(utf8Count).
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

    private func check(_ range: Range<Int>, _ bytes: UnsafeRawBufferPointer) {
        guard range.lowerBound >= 0, range.upperBound <= bytes.count else {
            Handle.rangeOutOfBounds(range, bytes.count)
        }
        for offset in [range.lowerBound, range.upperBound] where !Self.isBoundary(offset, bytes) {
            Handle.insideScalar(offset)
        }
    }
}

extension PersistentString: PersistableContainer {
    public typealias Stored = RelativePointer<StoredArray>

    @inlinable
    public static func load(_ stored: Stored, from access: HeapAccess) -> PersistentString {
        PersistentString(bytes: .load(stored, from: access))
    }

    /// Copies the text.
    @inlinable
    public static func store(_ value: PersistentString, in access: HeapAccess) -> Stored {
        PersistentArray<UInt8>.store(value.bytes, in: access)
    }

    @inlinable
    public static func storeEmpty(in access: HeapAccess) -> Stored {
        PersistentArray<UInt8>.storeEmpty(in: access)
    }

    @inlinable
    public static func destroy(_ stored: Stored, in access: HeapAccess) {
        PersistentArray<UInt8>.destroy(stored, in: access)
    }

    @inlinable
    public static var ownsMemory: Bool { true }

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

extension Handle {
    @inline(never)
    static func insideScalar(_ offset: Int) -> Never {
        fatalError(
            "Holdfast: byte \(offset) of a text is in the middle of a Unicode scalar. Take places "
                + "from range(of:), or ask isScalarBoundary."
        )
    }
}
