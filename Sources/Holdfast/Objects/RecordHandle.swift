import HoldfastEngine

/// A handle that leads to a record and reaches its fields by name: ``Ref``, ``Shared``, and
/// ``PersistentValue`` of a record.
///
///     node.next?.value = 3
///     contact.phones.append("+44 20 7946 0000")
///
/// Reading a field reads nothing else; setting one replaces it and frees what the old one owned.
/// Each is O(1), but for the copy of a text or the like. A field that is itself a struct or record
/// is read and set whole.
@dynamicMemberLookup
public protocol RecordHandle {
    /// What the record is.
    associatedtype Target: PersistableRecord

    /// The transaction that the handle belongs to.
    var access: HeapAccess { get }

    /// Where the record lies, in bytes from the heap's start.
    var place: UInt64 { get }
}

extension RecordHandle {
    // Always inlined, so that the key path is a constant where it is used; see
    // `RecordPlan.place(of:)`.

    /// A field of the record.
    @inlinable
    public subscript<Value: Persistable>(dynamicMember path: KeyPath<Target, Value>) -> Value {
        @inline(__always)
        get {
            let plan = RecordPlan.of(Target.self)
            return load(plan.pointee.place(of: path), plan)
        }
    }

    /// A field of the record.
    @inlinable
    public subscript<Value: Persistable>(dynamicMember path: WritableKeyPath<Target, Value>)
        -> Value
    {
        @inline(__always)
        get {
            let plan = RecordPlan.of(Target.self)
            return load(plan.pointee.place(of: path), plan)
        }
        @inline(__always)
        nonmutating set {
            let plan = RecordPlan.of(Target.self)
            replace(plan.pointee.place(of: path), plan, newValue)
        }
    }

    /// The field at so many bytes from the record's first.
    @inlinable @inline(__always)
    func load<Value: Persistable>(_ field: UInt64, _ plan: UnsafePointer<RecordPlan>) -> Value {
        let place = place
        plan.pointee.require(place, access)
        return Value.load(access.load(place &+ field, as: Value.Stored.self), from: access)
    }

    @inlinable
    func replace<Value: Persistable>(
        _ field: UInt64, _ plan: UnsafePointer<RecordPlan>, _ value: Value
    ) {
        let place = place
        plan.pointee.require(place, access)
        let old = access.load(place &+ field, as: Value.Stored.self)
        access.store(Value.store(value, in: access), at: place &+ field)
        if Value.ownsMemory { Value.destroy(old, in: access) }
    }

    /// The whole record. Setting it replaces every field in place, so that references to it stay
    /// good. O(its fields).
    public var record: Target {
        get { Target.load(RelativePointer(offset: place), from: access) }
        nonmutating set {
            Target.replace(RelativePointer(offset: place), with: newValue, in: access)
        }
    }

    /// Traps unless the record lies in the heap that `access` leads to: its place says nothing of
    /// another one, and one kept from an earlier transaction may belong to something else by now.
    @inlinable @inline(__always)
    func requireBelongs(to access: HeapAccess) {
        guard self.access.context == access.context, self.access.epoch == access.epoch else {
            Handle.foreign(self.access, access, Target.storedName)
        }
    }

    /// A reference to the record that does not own it.
    @inlinable
    public var ref: Ref<Target> { Ref(access: access, place: place) }
}
