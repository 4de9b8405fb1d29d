import HoldfastEngine

// As `String`: canonically equivalent texts are equal, and texts are ordered by the scalars of
// their normal forms. Where the bytes say it already, and they nearly always do, nothing is copied.

extension PersistentString: Comparable, Hashable {
    /// Whether both texts are canonically equivalent. O(utf8Count).
    public static func == (left: PersistentString, right: PersistentString) -> Bool {
        if left.bytes.access.isDetached || right.bytes.access.isDetached {
            return left.bytes == right.bytes
        }
        return left.compare(right) == 0
    }

    /// Whether the left text comes before the right one. O(utf8Count).
    public static func < (left: PersistentString, right: PersistentString) -> Bool {
        left.compare(right) < 0
    }

    /// Whether the text equals a string. O(utf8Count).
    public static func == (left: PersistentString, right: some StringProtocol) -> Bool {
        left.compare(right) == 0
    }

    /// Whether the text differs from a string. O(utf8Count).
    public static func != (left: PersistentString, right: some StringProtocol) -> Bool {
        left.compare(right) != 0
    }

    /// Whether the text comes before a string. O(utf8Count).
    public static func < (left: PersistentString, right: some StringProtocol) -> Bool {
        left.compare(right) < 0
    }

    /// Whether the text comes behind a string. O(utf8Count).
    public static func > (left: PersistentString, right: some StringProtocol) -> Bool {
        left.compare(right) > 0
    }

    /// Hashes as the `String` of the same text does. O(utf8Count), with a copy.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(bytes.access.isDetached ? "" : string)
    }

    private func compare(_ other: PersistentString) -> Int {
        bytes.withBytes { left in other.bytes.withBytes { UTF8Order.compare(left, $0) } }
    }

    private func compare(_ other: some StringProtocol) -> Int {
        var other = String(other)
        return other.withUTF8 { right in
            bytes.withBytes { UTF8Order.compare($0, UnsafeRawBufferPointer(right)) }
        }
    }
}

extension PersistentString: CustomStringConvertible, CustomDebugStringConvertible {
    /// The text. One that is in no heap yet is empty.
    public var description: String { bytes.access.isDetached ? "" : string }

    /// The text in quotes, with escapes.
    public var debugDescription: String { description.debugDescription }
}
