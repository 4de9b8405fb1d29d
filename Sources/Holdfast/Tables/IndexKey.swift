import HoldfastEngine
import HoldfastFormat

/// An entry of an index: the value of the indexed property and the number of the row, ordered by
/// the value first. So rows with equal values follow each other in the order of their numbers.
@frozen @usableFromInline
package struct IndexKey<Value: PersistableOrderedKey> {
    @usableFromInline package let value: Value
    /// The number of the row. 0 and `UInt64.max` belong to no row: they come before and after the
    /// rows with this value.
    @usableFromInline package let row: UInt64

    @inlinable
    package init(_ value: Value, row: UInt64) {
        self.value = value
        self.row = row
    }

    /// A position before all rows with this value.
    @inlinable
    static func before(_ value: Value) -> IndexKey { IndexKey(value, row: 0) }

    /// A position after all rows with this value.
    @inlinable
    static func after(_ value: Value) -> IndexKey { IndexKey(value, row: .max) }

    /// The first row with this value; nil if there is none, or the value is nil. Compares by order.
    @inlinable
    static func firstRow(with value: Value, in entries: PersistentSortedSet<IndexKey>) -> UInt64? {
        guard !isNil(value) else { return nil }
        let first = entries.index(atOrAfter: .before(value))
        return first == entries.index(atOrAfter: .after(value)) ? nil : entries[first].row
    }
}

/// The stored form of an ``IndexKey``.
@frozen @usableFromInline
package struct StoredIndexKey<Value: BitwiseCopyable>: BitwiseCopyable {
    // First, so that there is no gap between the two.
    @usableFromInline var row: UInt64
    @usableFromInline var value: Value

    @inlinable
    init(row: UInt64, value: Value) {
        self.row = row
        self.value = value
    }

    /// The offset of the value in bytes.
    @inlinable
    static var valueOffset: UInt64 { UInt64(MemoryLayout<Self>.offset(of: \.value)!) }
}

extension IndexKey: PersistableValue {
    @usableFromInline package typealias Stored = StoredIndexKey<Value.Stored>

    @inlinable
    package static func load(_ stored: Stored, from access: HeapAccess) -> IndexKey {
        IndexKey(Value.load(stored.value, from: access), row: stored.row)
    }

    @inlinable
    package static func store(_ key: IndexKey, in access: HeapAccess) -> Stored {
        Stored(row: key.row, value: Value.store(key.value, in: access))
    }

    @inlinable
    package static func clearPadding(at place: UnsafeMutableRawPointer) {
        Value.clearPadding(at: place + Int(Stored.valueOffset))
    }

    @inlinable
    package static var hasPadding: Bool { Value.hasPadding }

    @inlinable
    package static func destroy(_ stored: Stored, in access: HeapAccess) {
        Value.destroy(stored.value, in: access)
    }

    @inlinable
    package static var ownsMemory: Bool { Value.ownsMemory }

    @usableFromInline
    package static func verify(at offset: UInt64, in verification: inout some BlockVerifier) {
        Value.verify(at: offset &+ Stored.valueOffset, in: &verification)
    }

    @usableFromInline
    package static func moveOwned(at place: UInt64, by mover: BlockMover) {
        mover.move(Value.self, at: place + Stored.valueOffset)
    }

    /// Encodes an array of the value and the row's number.
    @usableFromInline
    package static func encode(
        _ stored: Stored, from access: HeapAccess, to encoder: any Encoder
    ) throws {
        var container = encoder.unkeyedContainer()
        try container.encode(StoredEncodable(stored.value, Value.self, access))
        try container.encode(stored.row)
    }

    @usableFromInline
    package static func decode(from decoder: any Decoder, in access: HeapAccess) throws -> Stored {
        var container = try decoder.unkeyedContainer()
        let value = try container.decode(StoredDecodable<Value>.self).stored
        let row = try container.decode(UInt64.self)
        try container.requireEnd()
        return Stored(row: row, value: value)
    }

    @usableFromInline
    package static func describe() throws(HeapError) -> TypeDescription {
        TypeDescription("IndexKey<\(try TypeDescription.text(of: Value.self))>")
    }
}

/// An ``IndexKey`` whose value is prepared for look-ups or for comparisons by order.
@frozen @usableFromInline
package struct IndexProbe<Value> {
    @usableFromInline let value: Value
    @usableFromInline let row: UInt64

    @inlinable
    init(value: Value, row: UInt64) {
        self.value = value
        self.row = row
    }
}

extension IndexKey: PersistableKey {
    @usableFromInline package typealias Probe = IndexProbe<Value.Probe>

    @inlinable
    package static func withProbe<R, Failure: Error>(
        _ key: IndexKey, _ body: (Probe) throws(Failure) -> R
    ) throws(Failure) -> R {
        try Value.withProbe(key.value) { value throws(Failure) in
            try body(Probe(value: value, row: key.row))
        }
    }

    // By the row alone: each row has one entry.
    @inlinable
    package static func hash(_ probe: Probe, seed: HeapIdentity) -> UInt64 {
        StableHash.hash(probe.row, seed: seed)
    }

    @inlinable
    package static func hash(stored: Stored, seed: HeapIdentity, from access: HeapAccess)
        -> UInt64
    {
        StableHash.hash(stored.row, seed: seed)
    }

    /// Compares by order, so that the entry of a value that does not equal itself (NaN) is found.
    @inlinable
    package static func matches(_ stored: Stored, _ probe: Probe, in access: HeapAccess) -> Bool {
        guard stored.row == probe.row else { return false }
        let ordered = Value.orderedProbe(probe.value)
        return !Value.isStored(stored.value, before: ordered, in: access)
            && !Value.isProbe(ordered, before: stored.value, in: access)
    }
}

extension IndexKey: PersistableOrderedKey {
    @usableFromInline package typealias OrderedProbe = IndexProbe<Value.OrderedProbe>

    @inlinable
    package static func orderedProbe(_ probe: Probe) -> OrderedProbe {
        OrderedProbe(value: Value.orderedProbe(probe.value), row: probe.row)
    }

    @inlinable
    package static func isStored(
        _ stored: Stored, before probe: OrderedProbe, in access: HeapAccess
    ) -> Bool {
        if Value.isStored(stored.value, before: probe.value, in: access) { return true }
        return stored.row < probe.row
            && !Value.isProbe(probe.value, before: stored.value, in: access)
    }

    @inlinable
    package static func isProbe(
        _ probe: OrderedProbe, before stored: Stored, in access: HeapAccess
    ) -> Bool {
        if Value.isProbe(probe.value, before: stored.value, in: access) { return true }
        return probe.row < stored.row
            && !Value.isStored(stored.value, before: probe.value, in: access)
    }

    // The branch-free search compares in one direction only, which does not tell equal values from
    // smaller ones. So no key is plain.

    @inlinable
    package static var isAlwaysPlain: Bool { false }

    @inlinable
    package static func isPlain(_ stored: Stored) -> Bool { false }

    @inlinable
    package static func isPlain(probe: OrderedProbe) -> Bool { false }

    @inlinable
    package static func isProbe(_ probe: OrderedProbe, beforePlain stored: Stored) -> Bool {
        Value.isProbe(probe.value, beforePlain: stored.value)
    }

    @inlinable
    package static var greatest: Stored { Stored(row: .max, value: Value.greatest) }

    @inlinable
    package static func separator(_ left: Stored, _ right: Stored, in access: HeapAccess)
        -> Stored
    {
        let value = Value.load(right.value, from: access)
        let isValueGreater = Value.withProbe(value) {
            Value.isStored(left.value, before: Value.orderedProbe($0), in: access)
        }
        if isValueGreater {
            return Stored(row: 0, value: Value.separator(left.value, right.value, in: access))
        }
        return Stored(row: right.row, value: Value.store(value, in: access))
    }

    @usableFromInline
    package static func verifySeparator(
        at place: UInt64, in verification: inout some BlockVerifier
    ) {
        Value.verifySeparator(at: place &+ Stored.valueOffset, in: &verification)
    }
}
