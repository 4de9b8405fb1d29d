import HoldfastEngine

/// A string that lives in a heap and is changed in place: for text that grows, or that is long and read in part.
///
/// A handle, like ``PersistentArray``. For a name or a line of text, a plain `String` as element, key or value is simpler. Its
/// content is always valid UTF-8.
@frozen
public struct PersistentString {
    @usableFromInline let bytes: PersistentArray<UInt8>

    @inlinable
    init(bytes: PersistentArray<UInt8>) { self.bytes = bytes }

    /// An empty text for a field of a new record: it is made in the heap when the record is stored. Until then it must not be used.
    @inlinable
    public init() { bytes = PersistentArray() }

    /// The whole text as a Swift string. O(count).
    public var string: String {
        get { withUTF8 { span in span.withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) } } }
        nonmutating set {
            bytes.removeAll(keepingCapacity: true)
            append(newValue)
        }
    }

    /// Bytes of UTF-8. O(1).
    public var utf8Count: Int { bytes.count }

    /// Whether there is no text. O(1).
    public var isEmpty: Bool { utf8Count == 0 }

    /// Adds text at the end. O(its length), amortised.
    public func append(_ text: some StringProtocol) {
        var text = String(text)
        text.withUTF8 { bytes.append(bytes: $0) }
    }

    /// Calls `body` with the text's UTF-8 in place, without a copy. O(1).
    @inlinable
    public func withUTF8<R, Failure: Error>(_ body: (Span<UInt8>) throws(Failure) -> R) throws(Failure) -> R {
        try bytes.withSpan(body)
    }

    /// Removes all text. O(1).
    public func removeAll() { bytes.removeAll() }

    /// Whether the text equals a string, as `==` of `String` means it.
    public static func == (left: PersistentString, right: some StringProtocol) -> Bool { left.string == String(right) }
}

extension PersistentString: CustomStringConvertible {
    public var description: String { string }
}

extension PersistentString: PersistableContainer {
    public typealias Stored = RelativePointer<StoredArray>

    @inlinable
    public static func load(_ stored: Stored, from access: HeapAccess) -> PersistentString {
        PersistentString(bytes: .load(stored, from: access))
    }

    public static func store(_ value: PersistentString, in access: HeapAccess) -> Stored {
        let stored = storeEmpty(in: access)
        if !value.bytes.access.isDetached { load(stored, from: access).append(value.string) }
        return stored
    }

    @inlinable
    public static func storeEmpty(in access: HeapAccess) -> Stored { PersistentArray<UInt8>.storeEmpty(in: access) }

    @inlinable
    public static func destroy(_ stored: Stored, in access: HeapAccess) { PersistentArray<UInt8>.destroy(stored, in: access) }

    @inlinable
    public static var ownsMemory: Bool { true }

    public static func verify(at place: UInt64, in verification: inout Verification) {
        let before = verification.problemCount
        PersistentArray<UInt8>.verify(at: place, in: &verification)
        guard verification.problemCount == before else { return }
        let text = load(verification.load(place, as: Stored.self), from: verification.access)
        let isValid = text.withUTF8 { span in span.withUnsafeBufferPointer { UTF8Bytes.areValid(UnsafeRawBufferPointer($0)) } }
        if !isValid { verification.report("a string is not valid UTF-8") }
    }

    public static func describe() throws(HeapError) -> TypeDescription { TypeDescription("PersistentString") }
}

extension PersistentArray where Element == UInt8 {
    /// Adds bytes at the end with one copy. O(their number), amortised.
    func append(bytes newBytes: UnsafeBufferPointer<UInt8>) {
        guard let source = newBytes.baseAddress, newBytes.count > 0 else { return }
        reserveCapacity(count + newBytes.count)
        let header = writableHeader
        let place = header.pointee.buffer &+ header.pointee.count
        access.writableAddress(place, newBytes.count).copyMemory(from: source, byteCount: newBytes.count)
        header.pointee.count += UInt64(newBytes.count)
    }
}
