// What a look-up gives, compared with a literal: with these the literal is an array, a dictionary
// or a text in memory. Without them the compiler would make a collection of a heap of it, which
// only a write transaction can.

/// Whether there is an array and it holds equal elements in the same order. O(count).
@inlinable
public func == <Element: Equatable>(
    left: PersistentArray<Element>?, right: some Collection<Element>
) -> Bool {
    left.map { $0 == right } ?? false
}

/// Whether there is a deque and it holds equal elements in the same order. O(count).
@inlinable
public func == <Element: Equatable>(
    left: PersistentDeque<Element>?, right: some Collection<Element>
) -> Bool {
    left.map { $0 == right } ?? false
}

/// Whether there is a map and it holds equal values for the same keys. O(count) expected.
@inlinable
public func == <Key: Hashable, Value: Equatable>(
    left: PersistentMap<Key, Value>?, right: [Key: Value]
) -> Bool {
    left.map { $0 == right } ?? false
}

/// Whether there is a text and it is equal. O(its length).
@inlinable
public func == (left: PersistentString?, right: some StringProtocol) -> Bool {
    left.map { $0 == right } ?? false
}

/// Whether there is no array, or its elements or their order differ. O(count).
@inlinable
public func != <Element: Equatable>(
    left: PersistentArray<Element>?, right: some Collection<Element>
) -> Bool {
    !(left == right)
}

/// Whether there is no deque, or its elements or their order differ. O(count).
@inlinable
public func != <Element: Equatable>(
    left: PersistentDeque<Element>?, right: some Collection<Element>
) -> Bool {
    !(left == right)
}

/// Whether there is no map, or the keys or a value differ. O(count) expected.
@inlinable
public func != <Key: Hashable, Value: Equatable>(
    left: PersistentMap<Key, Value>?, right: [Key: Value]
) -> Bool {
    !(left == right)
}

/// Whether there is no text, or another. O(its length).
@inlinable
public func != (left: PersistentString?, right: some StringProtocol) -> Bool { !(left == right) }
