// Comparing the result of a lookup with a literal. With these operators the literal is an array, a
// dictionary or a string in memory. Without them the compiler would turn it into a collection of a
// heap, which only a write transaction can create.

/// Returns whether there is an array and it holds equal elements in the same order.
///
/// - Complexity: O(*n*), where *n* is the count.
@inlinable
public func == <Element: Equatable>(
    left: PersistentArray<Element>?, right: some Collection<Element>
) -> Bool {
    left.map { $0 == right } ?? false
}

/// Returns whether there is a deque and it holds equal elements in the same order.
///
/// - Complexity: O(*n*), where *n* is the count.
@inlinable
public func == <Element: Equatable>(
    left: PersistentDeque<Element>?, right: some Collection<Element>
) -> Bool {
    left.map { $0 == right } ?? false
}

/// Returns whether there is a map and it holds equal values for the same keys.
///
/// - Complexity: O(*n*) expected, where *n* is the count.
@inlinable
public func == <Key: Hashable, Value: Equatable>(
    left: PersistentMap<Key, Value>?, right: [Key: Value]
) -> Bool {
    left.map { $0 == right } ?? false
}

/// Returns whether there is a string and it is equal.
///
/// - Complexity: O(*n*), where *n* is the length of the string.
@inlinable
public func == (left: PersistentString?, right: some StringProtocol) -> Bool {
    left.map { $0 == right } ?? false
}

/// Returns whether there is no array, or its elements or their order differ.
///
/// - Complexity: O(*n*), where *n* is the count.
@inlinable
public func != <Element: Equatable>(
    left: PersistentArray<Element>?, right: some Collection<Element>
) -> Bool {
    !(left == right)
}

/// Returns whether there is no deque, or its elements or their order differ.
///
/// - Complexity: O(*n*), where *n* is the count.
@inlinable
public func != <Element: Equatable>(
    left: PersistentDeque<Element>?, right: some Collection<Element>
) -> Bool {
    !(left == right)
}

/// Returns whether there is no map, or the keys or a value differ.
///
/// - Complexity: O(*n*) expected, where *n* is the count.
@inlinable
public func != <Key: Hashable, Value: Equatable>(
    left: PersistentMap<Key, Value>?, right: [Key: Value]
) -> Bool {
    !(left == right)
}

/// Returns whether there is no string, or it differs.
///
/// - Complexity: O(*n*), where *n* is the length of the string.
@inlinable
public func != (left: PersistentString?, right: some StringProtocol) -> Bool { !(left == right) }
