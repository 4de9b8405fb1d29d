import HoldfastEngine

// Collections made with elements, for a place that takes one: a field of a new record, an element,
// a value of a map. They are made in the innermost write transaction that the thread has open, and
// trap where there is none; an empty one can be made anywhere. The first place that one is stored
// in takes it over without a copy.

extension PersistentArray: ExpressibleByArrayLiteral {
    /// An array of the elements of a sequence, for a place in a heap: `Item(name: "bolt", tags:
    /// PersistentArray(tags))`. Traps outside of a write transaction if there are any. O(their
    /// number).
    public init(_ elements: some Sequence<Element>) {
        self.init()
        for element in elements {
            if access.isDetached { self = HeapAccess.newCollection(Self.self) }
            append(element)
        }
    }

    public init(arrayLiteral elements: Element...) { self.init(elements) }
}

extension PersistentDeque: ExpressibleByArrayLiteral {
    /// A deque of the elements of a sequence, for a place in a heap. Traps outside of a write
    /// transaction if there are any. O(their number).
    public init(_ elements: some Sequence<Element>) {
        self.init()
        for element in elements {
            if access.isDetached { self = HeapAccess.newCollection(Self.self) }
            append(element)
        }
    }

    public init(arrayLiteral elements: Element...) { self.init(elements) }
}

extension PersistentSet: ExpressibleByArrayLiteral {
    /// A set of the elements of a sequence, for a place in a heap. Traps outside of a write
    /// transaction if there are any. O(their number) expected.
    public init(_ elements: some Sequence<Element>) {
        self.init()
        for element in elements {
            if table.access.isDetached { self = HeapAccess.newCollection(Self.self) }
            insert(element)
        }
    }

    public init(arrayLiteral elements: Element...) { self.init(elements) }
}

extension PersistentSortedSet: ExpressibleByArrayLiteral {
    /// A sorted set of the elements of a sequence, for a place in a heap. Traps outside of a write
    /// transaction if there are any. O(their number · log of it).
    public init(_ elements: some Sequence<Element>) {
        self.init()
        for element in elements {
            if tree.access.isDetached { self = HeapAccess.newCollection(Self.self) }
            insert(element)
        }
    }

    public init(arrayLiteral elements: Element...) { self.init(elements) }
}

extension PersistentMap: ExpressibleByDictionaryLiteral {
    /// A map of pairs whose keys differ, for a place in a heap; a `Dictionary` is such a sequence.
    /// Traps if a key comes twice, and outside of a write transaction if there are any pairs.
    /// O(their number) expected.
    public init(uniqueKeysWithValues pairs: some Sequence<(Key, Value)>) {
        self.init()
        for (key, value) in pairs {
            if access.isDetached { self = HeapAccess.newCollection(Self.self) }
            if !updateNew(value, forKey: key) { Handle.duplicateKey("\(key)") }
        }
    }

    /// A map of the entries of a dictionary, for a place in a heap. Traps outside of a write
    /// transaction if there are any. O(their number) expected.
    public init(_ dictionary: [Key: Value]) where Key: Hashable {
        self.init(uniqueKeysWithValues: dictionary.lazy.map { ($0.key, $0.value) })
    }

    public init(dictionaryLiteral elements: (Key, Value)...) {
        self.init(uniqueKeysWithValues: elements)
    }
}

extension PersistentSortedMap: ExpressibleByDictionaryLiteral {
    /// A sorted map of pairs whose keys differ, for a place in a heap. Traps if a key comes twice,
    /// and outside of a write transaction if there are any pairs. O(their number · log of it).
    public init(uniqueKeysWithValues pairs: some Sequence<(Key, Value)>) {
        self.init()
        for (key, value) in pairs {
            if access.isDetached { self = HeapAccess.newCollection(Self.self) }
            if !updateValue(value, forKey: key) { Handle.duplicateKey("\(key)") }
        }
    }

    /// A sorted map of the entries of a dictionary, for a place in a heap. Traps outside of a write
    /// transaction if there are any. O(their number · log of it).
    public init(_ dictionary: [Key: Value]) where Key: Hashable {
        self.init(uniqueKeysWithValues: dictionary.lazy.map { ($0.key, $0.value) })
    }

    public init(dictionaryLiteral elements: (Key, Value)...) {
        self.init(uniqueKeysWithValues: elements)
    }
}

// No literal: a comparison with one means a `String`.
extension PersistentString {
    /// A text for a place in a heap. Traps outside of a write transaction unless it is empty. O(its
    /// length).
    public init(_ text: some StringProtocol) {
        self.init()
        guard !text.isEmpty else { return }
        self = HeapAccess.newCollection(Self.self)
        append(text)
    }
}

extension PersistentBytes {
    /// Bytes for a place in a heap. Traps outside of a write transaction if there are any. O(their
    /// number).
    public init(_ newBytes: some Collection<UInt8>) {
        self.init()
        guard !newBytes.isEmpty else { return }
        self = HeapAccess.newCollection(Self.self)
        append(contentsOf: newBytes)
    }
}

// No literal: a comparison with one means a `Set`.
extension PersistentBitSet {
    /// A set of the numbers of a sequence, for a place in a heap. Traps outside of a write
    /// transaction if there are any. O(their number + the largest / 64).
    public init(_ elements: some Sequence<Int>) {
        self.init()
        for element in elements {
            if words.access.isDetached { self = HeapAccess.newCollection(Self.self) }
            insert(element)
        }
    }
}
