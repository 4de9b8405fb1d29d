import HoldfastEngine

/// A reference to a record that does not own it. It links lists, trees and graphs, including cyclic
/// ones.
///
///     struct Node: HeapRecord {
///         var value: Int
///         var next: HeapRef<Node>?
///     }
///     let first = tx.new(Node(value: 1, next: nil))
///     first.next = tx.new(Node(value: 2, next: first))
///     first.next?.value = 3
///
/// The program manages ownership. A record that `tx.new` creates stays until `free()`, no matter
/// which references lead to it. A record inside a collection or another record stays until it is
/// removed or replaced there. Using a reference to a freed record traps with a message, unless its
/// place has been reused for another record of the same type. `HeapCheck.unreachedBlocks` counts
/// records that nothing leads to any more. ``SharedRef`` is the reference-counted alternative.
///
/// In the heap a reference takes 8 bytes. As a Swift value it is a handle, valid inside its
/// transaction. Two references are equal if they lead to the same record.
@dynamicMemberLookup
@frozen
public struct HeapRef<Target: HeapRecord>: RecordHandle {
    public let access: HeapAccess
    public let place: UInt64

    @inlinable
    init(access: HeapAccess, place: UInt64) {
        self.access = access
        self.place = place
    }

    /// Frees the record and everything that it owns.
    ///
    /// Its references must not be used after this. Only for records that `tx.new` created.
    ///
    /// - Complexity: O(everything that the record owns).
    public func free() {
        requireRecord("free()")
        guard access.isWritable else {
            Misuse.writeInReadTransaction(Handle.scene(Self.self, access, place, "free()"))
        }
        Target.destroy(RelativePointer(offset: place), in: access)
    }
}

extension HeapRef: Hashable {
    @inlinable
    public static func == (left: HeapRef, right: HeapRef) -> Bool { left.place == right.place }

    @inlinable
    public func hash(into hasher: inout Hasher) { hasher.combine(place) }
}

extension HeapRef: CustomStringConvertible {
    /// The type and place of the record.
    public var description: String { "\(Target.storedName)@\(place)" }
}

// A value, unlike other handles: its target stays when the place that held the reference is freed.
extension HeapRef: PersistableValue, ReferenceValue {
    /// The place of the record.
    public typealias Stored = RelativePointer<StoredRecord>

    @inlinable
    public static func load(_ stored: Stored, from access: HeapAccess) -> HeapRef {
        HeapRef(access: access, place: stored.offset)
    }

    /// Returns the place alone: the record is neither copied nor owned. Traps if the place belongs
    /// to another heap.
    @inlinable
    public static func store(_ value: HeapRef, in access: HeapAccess) -> Stored {
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
