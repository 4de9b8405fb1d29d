import HoldfastEngine

/// A reference to a record that belongs to all who refer to it: the record is freed when the last
/// stored reference goes.
///
///     struct Article: PersistableRecord { var title: String; var author: Shared<Person> }
///
/// The count is of references in the heap, not of Swift values: copying a handle counts nothing,
/// storing it in a field or a collection counts one, and removing or replacing it there takes one
/// away. A record made by `tx.share` and never stored is nobody's, and is counted by
/// `HeapCheck.unreachedBlocks`; so are records that refer to each other in a circle and that
/// nothing else leads to. At most 2³²-1 references.
@dynamicMemberLookup
@frozen
public struct Shared<Target: PersistableRecord>: RecordHandle {
    public let access: HeapAccess
    public let place: UInt64

    @inlinable
    init(access: HeapAccess, place: UInt64) {
        self.access = access
        self.place = place
    }

    /// How many places in the heap hold a reference to the record. O(1).
    public var referenceCount: Int {
        RecordLayout.of(Target.self).require(place, access)
        return Int(access.load(place, as: StoredRecord.self).owners)
    }
}

extension Shared: Hashable {
    @inlinable
    public static func == (left: Shared, right: Shared) -> Bool { left.place == right.place }

    @inlinable
    public func hash(into hasher: inout Hasher) { hasher.combine(place) }
}

extension Shared: CustomStringConvertible {
    /// The type and the place.
    public var description: String { "\(Target.storedName)@\(place)" }
}

extension Shared: Persistable {
    /// Where the record lies.
    public typealias Stored = RelativePointer<StoredRecord>

    @inlinable
    public static func load(_ stored: Stored, from access: HeapAccess) -> Shared {
        Shared(access: access, place: stored.offset)
    }

    /// Counts one more owner. Traps if the record lies in another heap.
    public static func store(_ value: Shared, in access: HeapAccess) -> Stored {
        value.requireBelongs(to: access)
        RecordLayout.of(Target.self).require(value.place, access)
        var header = access.load(value.place, as: StoredRecord.self)
        guard header.owners < .max else {
            fatalError("Holdfast: a record cannot have more than \(UInt32.max) shared references.")
        }
        header.owners += 1
        access.store(header, at: value.place)
        return Stored(offset: value.place)
    }

    /// Counts one owner less; the last one frees the record.
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
