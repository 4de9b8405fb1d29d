import HoldfastEngine

// The keys and the values as collections of their own, and the entries as text.

extension PersistentMap {
    /// The keys, in the order of iteration.
    @inlinable
    public var keys: Keys { Keys(map: self) }

    /// The values, in the order of iteration.
    @inlinable
    public var values: Values { Values(map: self) }

    /// The keys of a map: a handle, like the map itself.
    @frozen
    public struct Keys: Sequence, CustomStringConvertible {
        @usableFromInline let map: PersistentMap

        @inlinable
        init(map: PersistentMap) { self.map = map }

        /// The number of keys.
        ///
        /// - Complexity: O(1).
        @inlinable
        public var count: Int { map.count }

        /// Whether there are no keys.
        ///
        /// - Complexity: O(1).
        @inlinable
        public var isEmpty: Bool { map.isEmpty }

        /// Returns whether `key` is one of the keys.
        ///
        /// - Complexity: O(1) expected.
        @inlinable
        public func contains(_ key: Key) -> Bool { map.contains(key) }

        /// An iterator over the keys. Values are not loaded.
        @frozen
        public struct Iterator: IteratorProtocol {
            @usableFromInline var entries: PersistentMap.Iterator

            @inlinable
            init(_ entries: PersistentMap.Iterator) { self.entries = entries }

            /// Returns the next key, or nil at the end.
            ///
            /// - Complexity: Amortised O(1).
            @inlinable
            public mutating func next() -> Key? {
                entries.nextSlot().map { Key.load($0.pointee.key, from: entries.map.access) }
            }
        }

        @inlinable
        public func makeIterator() -> Iterator { Iterator(map.makeIterator()) }

        @inlinable
        public var underestimatedCount: Int { count }

        /// The keys in brackets.
        public var description: String {
            map.access.text { "[" + self.map { "\($0)" }.joined(separator: ", ") + "]" }
        }
    }

    /// The values of a map: a handle, like the map itself.
    @frozen
    public struct Values: Sequence, CustomStringConvertible {
        @usableFromInline let map: PersistentMap

        @inlinable
        init(map: PersistentMap) { self.map = map }

        /// The number of values.
        ///
        /// - Complexity: O(1).
        @inlinable
        public var count: Int { map.count }

        /// Whether there are no values.
        ///
        /// - Complexity: O(1).
        @inlinable
        public var isEmpty: Bool { map.isEmpty }

        /// An iterator over the values. Keys are not loaded.
        @frozen
        public struct Iterator: IteratorProtocol {
            @usableFromInline var entries: PersistentMap.Iterator

            @inlinable
            init(_ entries: PersistentMap.Iterator) { self.entries = entries }

            /// Returns the next value, or nil at the end.
            ///
            /// - Complexity: Amortised O(1).
            @inlinable
            public mutating func next() -> Value? {
                entries.nextSlot().map { Value.load($0.pointee.value, from: entries.map.access) }
            }
        }

        @inlinable
        public func makeIterator() -> Iterator { Iterator(map.makeIterator()) }

        @inlinable
        public var underestimatedCount: Int { count }

        /// The values in brackets.
        public var description: String {
            map.access.text { "[" + self.map { "\($0)" }.joined(separator: ", ") + "]" }
        }
    }
}

extension PersistentMap: CustomStringConvertible, CustomDebugStringConvertible {
    /// The entries as a dictionary literal, in the order of iteration. Empty for a map that is in
    /// no heap yet.
    public var description: String { text { "\($0.key): \($0.value)" } }

    /// The entries as a dictionary literal, with the debug descriptions of keys and values.
    public var debugDescription: String {
        text { "\(String(reflecting: $0.key)): \(String(reflecting: $0.value))" }
    }

    private func text(_ entry: (Element) -> String) -> String {
        if access.isDetached || isEmpty { return "[:]" }
        return access.text { "[" + map(entry).joined(separator: ", ") + "]" }
    }
}
