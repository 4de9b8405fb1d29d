import HoldfastEngine

// Initialisers with elements, for places that take a collection: a field of a new record, an
// element, a value of a map. The collection is created in the thread's innermost open write
// transaction; without one, the initialiser traps. An empty collection can be created anywhere. The
// first place that the collection is stored in takes it over without a copy.

extension PersistentArray: ExpressibleByArrayLiteral {
    /// Creates an array with the elements of a sequence, for a place in a heap:
    /// `Item(name: "bolt", tags: PersistentArray(tags))`.
    ///
    /// Traps outside of a write transaction if there are any elements.
    ///
    /// - Complexity: O(*n*), where *n* is the number of elements.
    public init(_ elements: some Sequence<Element>) {
        self = HeapAccess.newCollection(of: elements, orEmpty: Self()) { $0.append($1) }
    }

    public init(arrayLiteral elements: Element...) { self.init(elements) }
}

extension PersistentDeque: ExpressibleByArrayLiteral {
    /// Creates a deque with the elements of a sequence, for a place in a heap.
    ///
    /// Traps outside of a write transaction if there are any elements.
    ///
    /// - Complexity: O(*n*), where *n* is the number of elements.
    public init(_ elements: some Sequence<Element>) {
        self = HeapAccess.newCollection(of: elements, orEmpty: Self()) { $0.append($1) }
    }

    public init(arrayLiteral elements: Element...) { self.init(elements) }
}

extension PersistentSet: ExpressibleByArrayLiteral {
    /// Creates a set with the elements of a sequence, for a place in a heap.
    ///
    /// Traps outside of a write transaction if there are any elements.
    ///
    /// - Complexity: O(*n*) expected, where *n* is the number of elements.
    public init(_ elements: some Sequence<Element>) {
        self = HeapAccess.newCollection(of: elements, orEmpty: Self()) { $0.insert($1) }
    }

    public init(arrayLiteral elements: Element...) { self.init(elements) }
}

extension PersistentSortedSet: ExpressibleByArrayLiteral {
    /// Creates a sorted set with the elements of a sequence, for a place in a heap.
    ///
    /// Traps outside of a write transaction if there are any elements.
    ///
    /// - Complexity: O(*n* log *n*), where *n* is the number of elements.
    public init(_ elements: some Sequence<Element>) {
        self = HeapAccess.newCollection(of: elements, orEmpty: Self()) { $0.insert($1) }
    }

    public init(arrayLiteral elements: Element...) { self.init(elements) }
}

extension PersistentMap: ExpressibleByDictionaryLiteral {
    /// Creates a map from pairs with distinct keys, such as a `Dictionary`, for a place in a heap.
    ///
    /// Traps if a key occurs twice, and outside of a write transaction if there are any pairs.
    ///
    /// - Complexity: O(*n*) expected, where *n* is the number of pairs.
    public init(uniqueKeysWithValues pairs: some Sequence<(Key, Value)>) {
        self = HeapAccess.newCollection(of: pairs, orEmpty: Self()) { map, pair in
            let (key, value) = pair
            if !map.updateNew(value, forKey: key) {
                map.trapDuplicate(key, "init(uniqueKeysWithValues:)")
            }
        }
    }

    /// Creates a map with the entries of a dictionary, for a place in a heap.
    ///
    /// Traps outside of a write transaction if there are any entries.
    ///
    /// - Complexity: O(*n*) expected, where *n* is the number of entries.
    public init(_ dictionary: [Key: Value]) where Key: Hashable {
        self.init(uniqueKeysWithValues: dictionary.lazy.map { ($0.key, $0.value) })
    }

    public init(dictionaryLiteral elements: (Key, Value)...) {
        self.init(uniqueKeysWithValues: elements)
    }
}

extension PersistentSortedMap: ExpressibleByDictionaryLiteral {
    /// Creates a sorted map from pairs with distinct keys, for a place in a heap.
    ///
    /// Traps if a key occurs twice, and outside of a write transaction if there are any pairs.
    ///
    /// - Complexity: O(*n* log *n*), where *n* is the number of pairs.
    public init(uniqueKeysWithValues pairs: some Sequence<(Key, Value)>) {
        self = HeapAccess.newCollection(of: pairs, orEmpty: Self()) { map, pair in
            let (key, value) = pair
            if !map.updateValue(value, forKey: key) {
                map.trapDuplicate(key, "init(uniqueKeysWithValues:)")
            }
        }
    }

    /// Creates a sorted map with the entries of a dictionary, for a place in a heap.
    ///
    /// Traps outside of a write transaction if there are any entries.
    ///
    /// - Complexity: O(*n* log *n*), where *n* is the number of entries.
    public init(_ dictionary: [Key: Value]) where Key: Hashable {
        self.init(uniqueKeysWithValues: dictionary.lazy.map { ($0.key, $0.value) })
    }

    public init(dictionaryLiteral elements: (Key, Value)...) {
        self.init(uniqueKeysWithValues: elements)
    }
}

// No literals: a comparison with a literal means a `String`.
extension PersistentString {
    /// Creates a string for a place in a heap.
    ///
    /// Traps outside of a write transaction unless the string is empty.
    ///
    /// - Complexity: O(*n*), where *n* is the length of the string.
    public init(_ text: some StringProtocol) {
        self.init()
        guard !text.isEmpty else { return }
        self = HeapAccess.newCollection(Self.self)
        append(text)
    }
}

extension PersistentBytes {
    /// Creates bytes for a place in a heap.
    ///
    /// Traps outside of a write transaction if there are any bytes.
    ///
    /// - Complexity: O(*n*), where *n* is the number of bytes.
    public init(_ newBytes: some Collection<UInt8>) {
        self.init()
        guard !newBytes.isEmpty else { return }
        self = HeapAccess.newCollection(Self.self)
        append(contentsOf: newBytes)
    }
}

// No literals: a comparison with a literal means a `Set`.
extension PersistentBitSet {
    /// Creates a set with the numbers of a sequence, for a place in a heap.
    ///
    /// Traps outside of a write transaction if there are any numbers.
    ///
    /// - Complexity: O(*n* + *m* / 64), where *n* is the number of elements and *m* the largest.
    public init(_ elements: some Sequence<Int>) {
        self = HeapAccess.newCollection(of: elements, orEmpty: Self()) { $0.insert($1) }
    }
}
