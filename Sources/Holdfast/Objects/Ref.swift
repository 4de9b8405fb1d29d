import HoldfastEngine

/// A reference to a record that does not own it: what lists, trees and graphs are linked with,
/// cycles too.
///
///     struct Node: PersistableRecord {
///         var value: Int
///         var next: Ref<Node>?
///     }
///     let first = tx.new(Node(value: 1, next: nil))
///     first.next = tx.new(Node(value: 2, next: first))
///     first.next?.value = 3
///
/// Ownership is the program's: a record made by `tx.new` stays until `free()`, whoever refers to
/// it; a record inside a collection or another record stays until it is removed or replaced there.
/// A reference to a record that is gone traps with a sentence when it is used, unless its place has
/// been given to another record of the same type. `HeapCheck.unreachedBlocks` counts records that
/// nothing leads to any more; ``Shared`` counts its references instead.
///
/// In the heap a reference is 8 bytes. As a Swift value it is a handle, valid inside its
/// transaction. Two are equal if they lead to the same record.
@dynamicMemberLookup
@frozen
public struct Ref<Target: PersistableRecord>: RecordHandle {
    public let access: HeapAccess
    public let place: UInt64

    @inlinable
    init(access: HeapAccess, place: UInt64) {
        self.access = access
        self.place = place
    }

    /// Frees the record and what it owns; its references must not be used any more. Only for
    /// records that `tx.new` made. O(what it owns).
    public func free() { Target.destroy(RelativePointer(offset: place), in: access) }
}

extension Ref: Hashable {
    @inlinable
    public static func == (left: Ref, right: Ref) -> Bool { left.place == right.place }

    @inlinable
    public func hash(into hasher: inout Hasher) { hasher.combine(place) }
}

extension Ref: CustomStringConvertible {
    /// The type and the place.
    public var description: String { "\(Target.storedName)@\(place)" }
}

// A value, unlike other handles: what it leads to stays when the place that held the reference is
// freed.
extension Ref: PersistableValue, ReferenceValue {
    /// Where the record lies.
    public typealias Stored = RelativePointer<StoredRecord>

    @inlinable
    public static func load(_ stored: Stored, from access: HeapAccess) -> Ref {
        Ref(access: access, place: stored.offset)
    }

    /// The place alone: the record is neither copied nor owned. Traps if it is a place of another
    /// heap.
    @inlinable
    public static func store(_ value: Ref, in access: HeapAccess) -> Stored {
        value.requireBelongs(to: access)
        return Stored(offset: value.place)
    }

    @inlinable
    public static func destroy(_ stored: Stored, in access: HeapAccess) {}

    @inlinable
    public static var ownsMemory: Bool { false }

    public static func describe() throws(HeapError) -> TypeDescription {
        TypeDescription("Ref<\(try TypeDescription.text(of: Target.self))>")
    }
}
