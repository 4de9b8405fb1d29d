import HoldfastEngine

// As with `String`, canonically equivalent strings are equal, and strings are ordered by the
// scalars of their normal forms. If the bytes already decide, as they nearly always do, nothing is
// copied.

extension PersistentString: Comparable, Hashable {
    /// Returns whether both strings are canonically equivalent.
    ///
    /// - Complexity: O(*n*), where *n* is the UTF-8 count.
    public static func == (left: PersistentString, right: PersistentString) -> Bool {
        if left.bytes.access.isDetached || right.bytes.access.isDetached {
            return left.bytes == right.bytes
        }
        return left.compare(right) == 0
    }

    /// Returns whether the left string comes before the right one.
    ///
    /// - Complexity: O(*n*), where *n* is the UTF-8 count.
    public static func < (left: PersistentString, right: PersistentString) -> Bool {
        left.compare(right) < 0
    }

    /// Returns whether both strings are canonically equivalent.
    ///
    /// - Complexity: O(*n*), where *n* is the UTF-8 count.
    public static func == (left: PersistentString, right: some StringProtocol) -> Bool {
        left.compare(right) == 0
    }

    /// Returns whether the strings differ.
    ///
    /// - Complexity: O(*n*), where *n* is the UTF-8 count.
    public static func != (left: PersistentString, right: some StringProtocol) -> Bool {
        left.compare(right) != 0
    }

    /// Returns whether the left string comes before the right one.
    ///
    /// - Complexity: O(*n*), where *n* is the UTF-8 count.
    public static func < (left: PersistentString, right: some StringProtocol) -> Bool {
        left.compare(right) < 0
    }

    /// Returns whether the left string comes after the right one.
    ///
    /// - Complexity: O(*n*), where *n* is the UTF-8 count.
    public static func > (left: PersistentString, right: some StringProtocol) -> Bool {
        left.compare(right) > 0
    }

    /// Hashes the string like a `String` with the same content. Makes a copy.
    ///
    /// - Complexity: O(*n*), where *n* is the UTF-8 count.
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
    /// The content. Empty for a string that is in no heap yet.
    public var description: String { bytes.access.isDetached ? "" : string }

    /// The content in quotes, with escapes.
    public var debugDescription: String { description.debugDescription }
}
