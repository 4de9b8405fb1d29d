import HoldfastEngine

/// Observing what changes in a collection.
extension TypedHeap {
    /// The changes of a map: an asynchronous sequence of batches, which begins with the contents,
    /// and goes on with what the commits of any process insert, update and remove.
    ///
    ///     for try await batch in shop.changes(of: { $0.stock }) {
    ///         for change in batch.changes { show(change) }
    ///     }
    ///
    /// `map` finds the map in a read transaction, as in `{ $0.stock }`. It may be one that is
    /// inside a value. A map that does not exist, because `map` returns nil or throws
    /// ``HeapError/rootNotFound(path:name:)``, counts as empty.
    ///
    /// See ``CollectionChanges`` for what the batches say, what they cost, and what becomes of a
    /// slow consumer. Any number of tasks can follow any number of collections; each iteration has
    /// up to two views, each one of the heap's 192 openings. Iterations do not end a suspension
    /// (``PersistentHeap/suspend()-(_)``), give their views up for it, and go on when something
    /// else has ended it.
    ///
    /// - Parameters:
    ///   - map: Finds the map.
    ///   - batchLimit: The most changes of a batch.
    ///   - logBudget: How many bytes of log the iteration may keep for a consumer that is slow. Of
    ///     a heap's log, 64 MiB are usual (``PersistentHeap/Options/logLimit``).
    public func changes<Key: PersistableKey & Sendable, Value>(
        of map: @escaping @Sendable (Schema) throws -> PersistentMap<Key, Value>?,
        batchLimit: Int = 1000, logBudget: Int = 4 << 20
    ) -> CollectionChanges<Key, KeyedChange<Key, Value>>
    where Value: PersistableValue & Equatable & Sendable {
        heap.changes(of: selecting(map), batchLimit: batchLimit, logBudget: logBudget)
    }

    /// The same for what a closure makes of the values of a map, in the transaction. So
    /// values can be collections, and one can look at a part of them.
    ///
    ///     changes(of: { $0.words }, as: { $0.count })
    ///
    /// The closure must not have an effect, and may be called several times for one change.
    public func changes<
        Key: PersistableKey & Sendable, Value: Persistable, Seen: Equatable & Sendable
    >(
        of map: @escaping @Sendable (Schema) throws -> PersistentMap<Key, Value>?,
        as see: @escaping @Sendable (Value) -> Seen,
        batchLimit: Int = 1000, logBudget: Int = 4 << 20
    ) -> CollectionChanges<Key, KeyedChange<Key, Seen>> {
        heap.changes(
            of: selecting(map), as: see, batchLimit: batchLimit, logBudget: logBudget)
    }

    /// The changes of a sorted map. See ``CollectionChanges``.
    public func changes<Key: PersistableOrderedKey & Sendable, Value>(
        of map: @escaping @Sendable (Schema) throws -> PersistentSortedMap<Key, Value>?,
        batchLimit: Int = 1000, logBudget: Int = 4 << 20
    ) -> CollectionChanges<Key, KeyedChange<Key, Value>>
    where Value: PersistableValue & Equatable & Sendable {
        heap.changes(of: selecting(map), batchLimit: batchLimit, logBudget: logBudget)
    }

    /// The same for what a closure makes of the values of a sorted map, in the transaction. So
    /// values can be collections, and one can look at a part of them.
    ///
    ///     changes(of: { $0.days }, as: { $0.count })
    ///
    /// The closure must not have an effect, and may be called several times for one change.
    public func changes<
        Key: PersistableOrderedKey & Sendable, Value: Persistable, Seen: Equatable & Sendable
    >(
        of map: @escaping @Sendable (Schema) throws -> PersistentSortedMap<Key, Value>?,
        as see: @escaping @Sendable (Value) -> Seen,
        batchLimit: Int = 1000, logBudget: Int = 4 << 20
    ) -> CollectionChanges<Key, KeyedChange<Key, Seen>> {
        heap.changes(
            of: selecting(map), as: see, batchLimit: batchLimit, logBudget: logBudget)
    }

    /// The changes of a table's rows, by their identifiers. See ``CollectionChanges``.
    public func changes<Value>(
        of table: @escaping @Sendable (Schema) throws -> PersistentTable<Value>?,
        batchLimit: Int = 1000, logBudget: Int = 4 << 20
    ) -> CollectionChanges<
        PersistentTable<Value>.ID, KeyedChange<PersistentTable<Value>.ID, Value>
    >
    where Value: PersistableValue & Equatable & Sendable {
        heap.changes(of: selecting(table), batchLimit: batchLimit, logBudget: logBudget)
    }

    /// The same for what a closure makes of the rows, in the transaction.
    public func changes<Value, Seen: Equatable & Sendable>(
        of table: @escaping @Sendable (Schema) throws -> PersistentTable<Value>?,
        as see: @escaping @Sendable (Value) -> Seen,
        batchLimit: Int = 1000, logBudget: Int = 4 << 20
    ) -> CollectionChanges<
        PersistentTable<Value>.ID, KeyedChange<PersistentTable<Value>.ID, Seen>
    > {
        heap.changes(
            of: selecting(table), as: see, batchLimit: batchLimit, logBudget: logBudget)
    }

    /// The changes of a set. See ``CollectionChanges``.
    public func changes<Element: PersistableKey & Sendable>(
        of set: @escaping @Sendable (Schema) throws -> PersistentSet<Element>?,
        batchLimit: Int = 1000, logBudget: Int = 4 << 20
    ) -> CollectionChanges<Element, SetChange<Element>> {
        heap.changes(of: selecting(set), batchLimit: batchLimit, logBudget: logBudget)
    }

    /// The changes of a sorted set. See ``CollectionChanges``.
    public func changes<Element: PersistableOrderedKey & Sendable>(
        of set: @escaping @Sendable (Schema) throws -> PersistentSortedSet<Element>?,
        batchLimit: Int = 1000, logBudget: Int = 4 << 20
    ) -> CollectionChanges<Element, SetChange<Element>> {
        heap.changes(of: selecting(set), batchLimit: batchLimit, logBudget: logBudget)
    }

    /// The changes of an array. See ``CollectionChanges``.
    public func changes<Element>(
        of array: @escaping @Sendable (Schema) throws -> PersistentArray<Element>?,
        batchLimit: Int = 1000, logBudget: Int = 4 << 20
    ) -> CollectionChanges<Int, IndexedChange<Element>>
    where Element: PersistableValue & Equatable & Sendable {
        heap.changes(of: selecting(array), batchLimit: batchLimit, logBudget: logBudget)
    }

    /// The same for what a closure makes of the elements of an array, in the transaction. So
    /// values can be collections, and one can look at a part of them.
    ///
    ///     changes(of: { $0.lists }, as: { Array($0) })
    ///
    /// The closure must not have an effect, and may be called several times for one change.
    public func changes<Element: Persistable, Seen: Equatable & Sendable>(
        of array: @escaping @Sendable (Schema) throws -> PersistentArray<Element>?,
        as see: @escaping @Sendable (Element) -> Seen,
        batchLimit: Int = 1000, logBudget: Int = 4 << 20
    ) -> CollectionChanges<Int, IndexedChange<Seen>> {
        heap.changes(
            of: selecting(array), as: see, batchLimit: batchLimit, logBudget: logBudget)
    }

    /// The changes of a deque. See ``CollectionChanges``.
    public func changes<Element>(
        of deque: @escaping @Sendable (Schema) throws -> PersistentDeque<Element>?,
        batchLimit: Int = 1000, logBudget: Int = 4 << 20
    ) -> CollectionChanges<Int, IndexedChange<Element>>
    where Element: PersistableValue & Equatable & Sendable {
        heap.changes(of: selecting(deque), batchLimit: batchLimit, logBudget: logBudget)
    }

    /// The same for what a closure makes of the elements of a deque, in the transaction. So
    /// values can be collections, and one can look at a part of them.
    ///
    ///     changes(of: { $0.jobs }, as: { $0.title })
    ///
    /// The closure must not have an effect, and may be called several times for one change.
    public func changes<Element: Persistable, Seen: Equatable & Sendable>(
        of deque: @escaping @Sendable (Schema) throws -> PersistentDeque<Element>?,
        as see: @escaping @Sendable (Element) -> Seen,
        batchLimit: Int = 1000, logBudget: Int = 4 << 20
    ) -> CollectionChanges<Int, IndexedChange<Seen>> {
        heap.changes(
            of: selecting(deque), as: see, batchLimit: batchLimit, logBudget: logBudget)
    }

    private func selecting<Handle>(
        _ select: @escaping @Sendable (Schema) throws -> Handle?
    ) -> @Sendable (borrowing ReadTransaction) throws -> Handle? {
        { tx in try Self.run(tx) { schema, _ in try select(schema) } }
    }
}
