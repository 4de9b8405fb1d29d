import HoldfastEngine

/// A reference-counted reference to a record. The record is freed with the last stored reference.
///
///     struct Article: HeapRecord { var title: String; var author: SharedRef<Person> }
///
/// The count is of references in the heap, not of Swift values. Copying a handle counts nothing,
/// storing it in a field or a collection adds one, and removing or replacing it there subtracts
/// one. A record that `tx.share` creates and that is never stored has no owner, and
/// `HeapCheck.unreachedBlocks` counts it. The same is true of a cycle of records that nothing else
/// leads to. A record can have at most 2³²-1 references.
@dynamicMemberLookup
@frozen
public struct SharedRef<Target: HeapRecord>: RecordHandle {
    public let access: HeapAccess
    public let place: UInt64

    @inlinable
    init(access: HeapAccess, place: UInt64) {
        self.access = access
        self.place = place
    }

    /// The number of places in the heap that hold a reference to the record.
    ///
    /// - Complexity: O(1).
    public var referenceCount: Int {
        requireRecord("referenceCount")
        return Int(access.load(place, as: StoredRecord.self).owners)
    }
}

extension SharedRef: Hashable {
    @inlinable
    public static func == (left: SharedRef, right: SharedRef) -> Bool { left.place == right.place }

    @inlinable
    public func hash(into hasher: inout Hasher) { hasher.combine(place) }
}

extension SharedRef: CustomStringConvertible {
    /// The type and place of the record.
    public var description: String { "\(Target.storedName)@\(place)" }
}

extension SharedRef: Persistable {
    /// The place of the record.
    public typealias Stored = RelativePointer<StoredRecord>

    @inlinable
    public static func load(_ stored: Stored, from access: HeapAccess) -> SharedRef {
        SharedRef(access: access, place: stored.offset)
    }

    /// Adds one owner. Traps if the record is in another heap.
    public static func store(_ value: SharedRef, in access: HeapAccess) -> Stored {
        value.requireBelongs(to: access)
        RecordLayout.of(Target.self).require(value.place, access)
        var header = access.load(value.place, as: StoredRecord.self)
        guard header.owners < .max else {
            Misuse.trap(
                "a record cannot have more than \(UInt32.max) shared references",
                in: Handle.scene(Self.self, value.access, value.place, "ref"))
        }
        header.owners += 1
        access.store(header, at: value.place)
        return Stored(offset: value.place)
    }

    /// Removes one owner. Removing the last one frees the record.
    public static func destroy(_ stored: Stored, in access: HeapAccess) {
        RecordLayout.of(Target.self).require(stored.offset, access)
        var header = access.load(stored.offset, as: StoredRecord.self)
        if header.owners > 1 {
            header.owners -= 1
            access.store(header, at: stored.offset)
        } else {
            Target.destroy(stored, in: access)
        }
    }

    public static var ownsMemory: Bool { true }

    public static func describe() throws(HeapError) -> TypeDescription {
        TypeDescription("Shared<\(try TypeDescription.text(of: Target.self))>")
    }
}
