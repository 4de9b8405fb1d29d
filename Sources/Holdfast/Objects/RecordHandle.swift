import HoldfastEngine

/// A handle that leads to a record and accesses its fields by name: ``HeapRef``, ``SharedRef``, and
/// ``PersistentValue`` of a record.
///
///     node.next?.value = 3
///     contact.phones.append("+44 20 7946 0000")
///
/// Reading a field reads nothing else. Setting a field replaces it and frees everything that the
/// old value owned. Each is O(1), except for copying a string or the like. A field that is itself a
/// struct or record is read and set as a whole.
@dynamicMemberLookup
public protocol RecordHandle {
    /// The type of the record.
    associatedtype Target: HeapRecord

    /// The transaction that the handle belongs to.
    var access: HeapAccess { get }

    /// The offset of the record in bytes from the start of the heap.
    var place: UInt64 { get }
}

extension RecordHandle {
    // Always inlined, so that the key path is a constant at the use site. See
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

    /// Returns the field at this offset in bytes from the start of the record.
    @inlinable @inline(__always)
    func load<Value: Persistable>(_ field: UInt64, _ plan: UnsafePointer<RecordPlan>) -> Value {
        let place = place
        guard access.isOpen, plan.pointee.isRecord(at: place, access) else {
            trapNoRecord(plan.pointee, field)
        }
        return Value.load(access.load(place &+ field, as: Value.Stored.self), from: access)
    }

    @inlinable
    func replace<Value: Persistable>(
        _ field: UInt64, _ plan: UnsafePointer<RecordPlan>, _ value: Value
    ) {
        let place = place
        guard access.isOpen, plan.pointee.isRecord(at: place, access) else {
            trapNoRecord(plan.pointee, field)
        }
        guard access.isWritable else { trapReadOnly(plan.pointee, field) }
        let old = access.load(place &+ field, as: Value.Stored.self)
        access.store(Value.store(value, in: access), of: Value.self, at: place &+ field)
        if Value.ownsMemory { Value.destroy(old, in: access) }
    }

    /// The whole record. Setting it replaces every field in place, so that references to it stay
    /// valid.
    ///
    /// - Complexity: O(number of fields).
    public var record: Target {
        get {
            requireRecord("record")
            return Target.load(RelativePointer(offset: place), from: access)
        }
        nonmutating set {
            requireRecord("record")
            guard access.isWritable else {
                Misuse.writeInReadTransaction(Handle.scene(Self.self, access, place, "record"))
            }
            Target.replace(RelativePointer(offset: place), with: newValue, in: access)
        }
    }

    /// Traps unless the record is in the heap that `access` leads to. Its place has no meaning in
    /// another heap, and a place from an earlier transaction may belong to other data now.
    @inlinable @inline(__always)
    func requireBelongs(to access: HeapAccess) {
        guard self.access.isSameTransaction(as: access) else {
            trapForeign(access)
        }
    }

    @inlinable @inline(never)
    func trapForeign(_ target: HeapAccess) -> Never {
        Handle.foreign(
            Handle.scene(Self.self, access, place, "ref"), target, Target.storedName)
    }

    /// Traps because there is no record, on the way to a field.
    @inlinable @inline(never)
    func trapNoRecord(_ plan: RecordPlan, _ field: UInt64) -> Never {
        Handle.noRecord(
            Target.storedName,
            Handle.scene(Self.self, access, place, plan.fieldName(at: field)))
    }

    @inlinable @inline(never)
    func trapReadOnly(_ plan: RecordPlan, _ field: UInt64) -> Never {
        Misuse.writeInReadTransaction(
            Handle.scene(Self.self, access, place, plan.fieldName(at: field)))
    }

    /// Traps unless the handle leads to a record, with the name of the operation.
    func requireRecord(_ operation: String) {
        guard access.isOpen, RecordPlan.of(Target.self).pointee.isRecord(at: place, access) else {
            Handle.noRecord(
                Target.storedName, Handle.scene(Self.self, access, place, operation))
        }
    }

    /// A reference to the record that does not own it.
    @inlinable
    public var ref: HeapRef<Target> { HeapRef(access: access, place: place) }
}

extension RecordHandle where Target: PersistableContainer {
    /// The collection: a table. It is replaced where it is stored, and changed by its own methods.
    public var record: Target {
        get {
            requireRecord("record")
            return Target.load(RelativePointer(offset: place), from: access)
        }
        @available(
            *, unavailable,
            message: "a table is replaced where it is stored, not through a reference to it"
        )
        nonmutating set { fatalError("unavailable") }
    }
}
