import HoldfastEngine
import HoldfastFormat

/// A dictionary in a heap, sorted by its keys.
///
/// A `PersistentSortedMap` is a handle. Copying it does not copy the entries, and a change through
/// one copy is visible through all, as with a class. It is valid inside its transaction; later use
/// traps with a message. In a read transaction it is read-only. Assigning it to a place in a heap
/// copies the entries.
///
///     let log = try tx.sortedMap("log", Date.self, String.self)
///     log[.now] = "opened"
///     for (date, text) in log[yesterday ..< today] { … }
///     let latest = log.last
///     let before = log.entry(before: date)
///
/// Lookup, insertion and removal take O(log *n*) time, where *n* is the count. The map is a B+tree:
/// finding one of a million entries visits three or four nodes. An insertion changes three lines,
/// independently of the key's position, and in the long run about one more for splitting nodes.
/// Keys that are inserted in ascending order are packed without gaps. The tree does not store
/// ranks, because updating them would change one more line per level.
@frozen
public struct PersistentSortedMap<Key: PersistableOrderedKey, Value: Persistable> {
    @usableFromInline package let access: HeapAccess
    /// The place of the header.
    @usableFromInline let offset: UInt64

    @inlinable
    init(access: HeapAccess, offset: UInt64) {
        self.access = access
        self.offset = offset
    }

    @usableFromInline typealias Header = SortedHeader
    @usableFromInline typealias Leaf = SortedLeaf<Key, Value>
    @usableFromInline typealias Inner = SortedInner<Key>
    @usableFromInline typealias Slot = MapSlot<Key.Stored, Value.Stored>

    /// The number of entries.
    ///
    /// - Complexity: O(1).
    @inlinable
    public var count: Int { Int(truncatingIfNeeded: opened().pointee.count) }

    /// Whether there are no entries.
    ///
    /// - Complexity: O(1).
    @inlinable
    public var isEmpty: Bool { count == 0 }

    // MARK: Reading

    /// The value for `key`, or nil. Setting a value replaces or inserts it; setting nil removes the
    /// entry.
    ///
    /// - Complexity: O(log *n*), where *n* is the count.
    @inlinable
    public subscript(key: Key) -> Value? {
        @inline(__always) get {
            guard let slot = find(key) else { return nil }
            return Value.load(slot.pointee.value, from: access)
        }
        nonmutating set {
            if let newValue {
                updateValue(newValue, forKey: key)
            } else {
                removeValue(forKey: key)
            }
        }
    }

    /// The value for `key`, or `defaultValue` if there is none. Changing it in place inserts it.
    ///
    /// - Complexity: O(log *n*), where *n* is the count.
    @inlinable
    public subscript(key: Key, default defaultValue: @autoclosure () -> Value) -> Value {
        get { self[key] ?? defaultValue() }
        nonmutating _modify {
            var value: Value
            let found = find(key)
            let changes = header.pointee.changes
            if let found {
                value = Value.load(found.pointee.value, from: access)
            } else {
                value = defaultValue()
            }
            defer {
                if let found, header.pointee.changes == changes {
                    replace(found, with: value)
                } else {
                    updateValue(value, forKey: key)
                }
            }
            yield &value
        }
    }

    /// Returns whether there is an entry for `key`.
    ///
    /// - Complexity: O(log *n*), where *n* is the count.
    @inlinable
    public func contains(_ key: Key) -> Bool { find(key) != nil }

    // MARK: Changing

    /// Sets the value for `key` and frees the old one. For values that can be copied out of the
    /// heap, the other method of this name returns the old one.
    ///
    /// - Returns: Whether the key is new.
    /// - Complexity: O(log *n*), where *n* is the count.
    @inlinable @discardableResult
    public func updateValue(_ value: Value, forKey key: Key) -> Bool {
        guard let found = insertIfNew(key, value) else { return true }
        replace(found, with: value)
        return false
    }

    /// Inserts an entry if the key is new; otherwise returns the slot that has the key.
    @inlinable @inline(__always)
    func insertIfNew(_ key: Key, _ value: Value) -> UnsafeMutablePointer<Slot>? {
        Key.withProbe(key) { probe in
            let ordered = Key.orderedProbe(probe)
            let leaf = leaf(for: ordered, opened("insertion of a key"))
            if let leaf, let slot = leaf.find(probe, Key.hash(probe, seed: access.hashSeed), access)
            {
                return slot
            }
            if Key.ownsMemory || Value.ownsMemory { requireWritable("insertion of a key") }
            // A value that owns memory is stored first: storing it may allocate, and the tree must
            // be consistent then.
            if let slot = newSlot(key, probe, Value.store(value, in: access)) {
                insertNew(slot, probe, ordered)
            }
            return nil
        }
    }

    @inlinable @inline(__always)
    func replace(_ slot: UnsafeMutablePointer<Slot>, with value: Value) {
        if Value.ownsMemory { requireWritable("change of a value") }
        let old = slot.pointee.value
        let new = Value.store(value, in: access)
        requireWritable("change of a value", at: place(of: slot))
        access.markDirty(address: slot, MemoryLayout<Slot>.size)
        slot.pointee.value = new
        MapSlot.clearPadding(Key.self, Value.self, at: slot)
        if Value.ownsMemory { Value.destroy(old, in: access) }
    }

    /// Removes the entry for `key` and frees everything that it owned.
    ///
    /// - Returns: Whether there was an entry.
    /// - Complexity: O(log *n*), where *n* is the count.
    @inlinable @discardableResult
    public func removeValue(forKey key: Key) -> Bool {
        Key.withProbe(key) { probe in
            guard let removed = remove(probe) else { return false }
            destroy(removed)
            return true
        }
    }

    @inlinable
    func destroy(_ slot: Slot) {
        if Key.ownsMemory { Key.destroy(slot.key, in: access) }
        if Value.ownsMemory { Value.destroy(slot.value, in: access) }
    }

    /// Removes all entries and frees everything that they owned, together with the nodes.
    ///
    /// - Complexity: O(*n*) if the entries own memory, where *n* is the count; otherwise O(number
    ///   of nodes).
    @inlinable
    public func removeAll() {
        let header = openedForChange()
        freeTree(header)
        header.pointee.count = 0
        header.pointee.changes &+= 1
    }

    /// Sets all pairs of `other`. For keys that exist already, `combine` determines the value from
    /// the old and the new one.
    ///
    /// - Complexity: O(*m* log *n*), where *m* is the number of pairs and *n* the count.
    @inlinable
    public func merge<S: Sequence>(
        _ other: S, uniquingKeysWith combine: (Value, Value) throws -> Value
    ) rethrows
    where S.Element == (Key, Value) {
        for (key, value) in other {
            if let old = self[key] {
                self[key] = try combine(old, value)
            } else {
                self[key] = value
            }
        }
    }
}

/// The header of a sorted collection, at its offset: one line.
@frozen @usableFromInline
struct SortedHeader: HandleHeader {
    @inlinable static var magic: UInt32 { 0x4d53_4648 }  // "HFSM"
    // A line of its own, so that a change of the count logs one line.
    @inlinable static var blockAlignment: Int { HeapLayout.lineBytes }
    @inlinable static var kind: String { "sorted collection" }
    @usableFromInline var magic: UInt32
    /// The number of levels of inner nodes above the leaves.
    @usableFromInline var height: UInt32 = 0
    @usableFromInline var count: UInt64 = 0
    /// The root node. A leaf if the height is 0; 0 while there are no entries.
    @usableFromInline var root: UInt64 = 0
    /// Incremented with every insertion and removal. An iterator or an index detects by it that the
    /// collection has changed.
    @usableFromInline var changes: UInt64 = 0
    @usableFromInline var reserved: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)

    @inlinable
    init() { magic = SortedHeader.magic }
}

extension PersistentSortedMap where Value: PersistableContainer {
    /// The collection for `key`, created empty if there is none:
    /// `days[creating: today].append(event)`.
    ///
    /// - Complexity: O(log *n*), where *n* is the count.
    @inlinable
    public subscript(creating key: Key) -> Value {
        Key.withProbe(key) { probe in
            let ordered = Key.orderedProbe(probe)
            if let slot = leaf(for: ordered, opened())?.find(
                probe, Key.hash(probe, seed: access.hashSeed), access)
            {
                return Value.load(slot.pointee.value, from: access)
            }
            let value = Value.storeEmpty(in: access)
            if let slot = newSlot(key, probe, value) { insertNew(slot, probe, ordered) }
            return Value.load(value, from: access)
        }
    }
}
