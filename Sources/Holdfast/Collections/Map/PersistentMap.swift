import HoldfastEngine
import HoldfastFormat

/// A dictionary in a heap, from keys to values, in no particular order.
///
/// A `PersistentMap` is a handle. Copying it does not copy the entries, and a change through one
/// copy is visible through all, as with a class. It is valid inside its transaction; later use
/// traps with a message. In a read transaction it is read-only. Assigning it to a place in a heap
/// copies the entries.
///
///     stock["bolt", default: 0] += 120
///     if let nails = stock["nail"] { … }
///     words[creating: "swift"].append(posting)        // values that are collections
///
/// Lookup, insertion and removal take O(1) expected time. Growth is incremental: the table consists
/// of segments of at most 64 KiB that split one at a time (extendible hashing: R. Fagin et al., ACM
/// TODS 4(3), 1979). No single insertion moves more than one segment and a directory of eight bytes
/// per segment. Removals free memory in the same steps: a table that is at most a quarter full
/// shrinks.
@frozen
public struct PersistentMap<Key: PersistableKey, Value: Persistable> {
    @usableFromInline package let access: HeapAccess
    /// The place of the header.
    @usableFromInline let offset: UInt64

    @inlinable
    init(access: HeapAccess, offset: UInt64) {
        self.access = access
        self.offset = offset
    }

    /// The header, at `offset`: one line.
    @frozen @usableFromInline
    struct Header: HandleHeader {
        @inlinable static var magic: UInt32 { 0x504d_4648 }  // "HFMP"
        // A line of its own, so that a change of the count logs one line.
        @inlinable static var blockAlignment: Int { HeapLayout.lineBytes }
        @inlinable static var kind: String { "map" }
        @usableFromInline var magic: UInt32
        /// The number of hash bits that index the directory, or 0 while there is only one segment
        /// and no directory.
        @usableFromInline var depth: UInt32 = 0
        @usableFromInline var count: UInt64 = 0
        /// The single segment's word (0 before the first insertion), or the directory's offset.
        @usableFromInline var table: UInt64 = 0
        /// Incremented with every insertion and removal. An iterator detects by it that the map has
        /// changed.
        @usableFromInline var changes: UInt64 = 0
        /// Up to this number of entries a segment accepts keys until it is full, so that reserved
        /// capacity can really be used.
        @usableFromInline var reservedCount: UInt64 = 0
        @usableFromInline var reserved: (UInt64, UInt64, UInt64) = (0, 0, 0)

        @inlinable
        init() { magic = Header.magic }
    }

    @usableFromInline typealias Slot = MapSlot<Key.Stored, Value.Stored>

    /// The distance between chunks in bytes: whole lines, so that a chunk of up to 64 bytes is one
    /// line of log.
    @inlinable @inline(__always)
    static var chunkBytes: Int {
        (MapChunk.headerBytes.roundedUp(to: MemoryLayout<Slot>.alignment) + MapChunk.slots
            * MemoryLayout<Slot>.stride)
            .roundedUp(to: HeapLayout.lineBytes)
    }

    @inlinable @inline(__always)
    static var slotsOffset: Int { MapChunk.headerBytes.roundedUp(to: MemoryLayout<Slot>.alignment) }

    /// log2 of the number of chunks in a segment of maximum size, up to 64 KiB. Such a segment
    /// splits instead of growing.
    @inlinable @inline(__always)
    static var largestExponent: Int {
        let chunks = Swift.max(1, 65536 / chunkBytes)
        return Int.bitWidth - 1 - chunks.leadingZeroBitCount
    }

    /// Makes code that allocates by the count, or computes with the depth, safe with a damaged
    /// header.
    @inlinable @inline(__always)
    func requireConsistent(_ header: UnsafeMutablePointer<Header>) {
        guard header.pointee.depth <= 32, header.pointee.count <= access.context.pointee.byteCount
        else {
            Handle.damaged(access, "map")
        }
    }

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
    /// - Complexity: O(1) expected.
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
                let _: Bool = removeValue(forKey: key)
            }
        }
        nonmutating _modify {
            let found = find(key)
            let changes = header.pointee.changes
            var value = found.map { Value.load($0.pointee.value, from: access) }
            defer {
                if let value {
                    if let found, header.pointee.changes == changes {
                        replace(found, with: value)
                    } else {
                        updateValue(value, forKey: key)
                    }
                } else if found != nil || header.pointee.changes != changes {
                    let _: Bool = removeValue(forKey: key)
                }
            }
            yield &value
        }
    }

    /// The value for `key`, or `defaultValue` if there is none. Changing it in place inserts it.
    ///
    /// - Complexity: O(1) expected.
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
    /// - Complexity: O(1) expected.
    @inlinable
    public func contains(_ key: Key) -> Bool { find(key) != nil }

    // MARK: Changing

    /// Sets the value for `key` and frees the old one. For values that can be copied out of the
    /// heap, the other method of this name returns the old one.
    ///
    /// - Returns: Whether the key is new.
    /// - Complexity: O(1) expected.
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
            let hash = Key.hash(probe, seed: access.hashSeed)
            let header = opened("insertion of a key")
            let (found, room) = search(probe, hash, header)
            if let found { return found }
            if Key.ownsMemory || Value.ownsMemory { requireWritable("insertion of a key") }
            let changes = header.pointee.changes
            // A value that owns memory is stored first: storing it may allocate, and the table must
            // be consistent then.
            if let slot = newSlot(key, probe, Value.store(value, in: access)) {
                insertNew(slot, hash, room: room, changes: changes, header)
            }
            return nil
        }
    }

    @inlinable @inline(__always)
    func replace(_ slot: UnsafeMutablePointer<Slot>, with value: Value) {
        if Value.ownsMemory { requireWritable("change of a value") }
        let old = slot.pointee.value
        let new = Value.store(value, in: access)
        // Not the key, which may be in another line.
        withUnsafeMutablePointer(to: &slot.pointee.value) {
            requireWritable("change of a value", at: place(of: slot))
            access.markDirty(address: $0, MemoryLayout<Value.Stored>.size)
            $0.pointee = new
            Value.clearPadding(at: $0)
        }
        if Value.ownsMemory { Value.destroy(old, in: access) }
    }

    /// Removes the entry for `key` and frees everything that it owned.
    ///
    /// - Returns: Whether there was an entry.
    /// - Complexity: O(1) expected.
    @inlinable @discardableResult
    public func removeValue(forKey key: Key) -> Bool {
        Key.withProbe(key) { probe in
            let hash = Key.hash(probe, seed: access.hashSeed)
            guard let removed = remove(probe, hash) else { return false }
            destroy(removed)
            return true
        }
    }

    @inlinable
    func destroy(_ slot: Slot) {
        if Key.ownsMemory { Key.destroy(slot.key, in: access) }
        if Value.ownsMemory { Value.destroy(slot.value, in: access) }
    }

    /// Removes all entries and frees everything that they owned, together with the table.
    ///
    /// - Complexity: O(*c*), where *c* is the capacity.
    @inlinable
    public func removeAll() {
        let header = openedForChange()
        if Key.ownsMemory || Value.ownsMemory {
            forEachSlot { slot in
                Key.destroy(slot.pointee.key, in: access)
                Value.destroy(slot.pointee.value, in: access)
            }
        }
        freeTable(header)
        header.pointee.count = 0
        header.pointee.changes &+= 1
    }
}

extension PersistentMap where Value: PersistableContainer {
    /// The collection for `key`, created empty if there is none:
    /// `words[creating: "swift"].append(posting)`.
    ///
    /// - Complexity: O(1) expected.
    @inlinable
    public subscript(creating key: Key) -> Value {
        Key.withProbe(key) { probe in
            let hash = Key.hash(probe, seed: access.hashSeed)
            if let slot = find(probe, hash) { return Value.load(slot.pointee.value, from: access) }
            let value = Value.storeEmpty(in: access)
            if let slot = newSlot(key, probe, value) { insertNew(slot, hash) }
            return Value.load(value, from: access)
        }
    }
}
