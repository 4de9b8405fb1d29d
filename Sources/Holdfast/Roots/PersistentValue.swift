import HoldfastEngine

/// A single value in a heap, such as a program's settings. The handle's ``value`` is read and set.
@dynamicMemberLookup
@frozen
public struct PersistentValue<Value: Persistable> {
    /// The transaction that the handle belongs to.
    public let access: HeapAccess
    @usableFromInline package let offset: UInt64

    @inlinable
    init(access: HeapAccess, offset: UInt64) {
        self.access = access
        self.offset = offset
    }

    /// The value. Setting it frees everything that the old value owned.
    ///
    /// - Complexity: O(1).
    @inlinable
    public var value: Value {
        get {
            guard access.isOpen else { trapNotOpen() }
            return Value.load(access.load(offset, as: Value.Stored.self), from: access)
        }
        nonmutating _modify {
            var value = self.value
            if Value.ownsMemory, !access.isWritable { trapReadOnly() }
            defer {
                let old = access.load(offset, as: Value.Stored.self)
                let new = Value.store(value, in: access)
                if !access.isWritable { trapReadOnly() }
                access.store(new, of: Value.self, at: offset)
                if Value.ownsMemory { Value.destroy(old, in: access) }
            }
            yield &value
        }
    }

    @inlinable @inline(never)
    func trapNotOpen() -> Never { Misuse.notOpen(Handle.scene(Self.self, access, offset, "value")) }

    @inlinable @inline(never)
    func trapReadOnly() -> Never {
        Misuse.writeInReadTransaction(Handle.scene(Self.self, access, offset, "value"))
    }

    /// Creates a new value in this thread's innermost write transaction.
    ///
    /// Storing the handle transfers the value to its place. If it is not stored, it is freed when
    /// the transaction commits. Traps outside of write transactions.
    public init(_ value: Value) {
        self = HeapAccess.newHandle { PersistentValue.make(value, in: $0) }
    }

    @inlinable
    static func make(_ value: Value, in access: HeapAccess) -> Stored {
        let stored = Value.store(value, in: access)
        let offset = access.allocate(for: Value.Stored.self)
        access.store(stored, of: Value.self, at: offset)
        return Stored(offset: offset)
    }
}

extension PersistentValue: Persistable {
    public typealias Stored = RelativePointer<Value.Stored>

    @inlinable
    public static func load(_ stored: Stored, from access: HeapAccess) -> PersistentValue {
        PersistentValue(access: access, offset: stored.offset)
    }

    /// Copies the value. A new one is taken over without a copy.
    @inlinable
    public static func store(_ value: PersistentValue, in access: HeapAccess) -> Stored {
        if access.takeNewCollection(value.offset, of: value.access) {
            return Stored(offset: value.offset)
        }
        return make(value.value, in: access)
    }

    @inlinable
    public static func destroy(_ stored: Stored, in access: HeapAccess) {
        if Value.ownsMemory {
            Value.destroy(access.load(stored.offset, as: Value.Stored.self), in: access)
        }
        access.free(
            stored.offset, byteCount: MemoryLayout<Value.Stored>.size,
            alignment: MemoryLayout<Value.Stored>.alignment)
    }

    @inlinable
    public static var ownsMemory: Bool { true }

    public static func verify(at place: UInt64, in verification: inout some BlockVerifier) {
        let offset = verification.load(place, as: UInt64.self)
        guard verification.claim(offset, for: Value.Stored.self, "a value") else { return }
        Value.verify(at: offset, in: &verification)
    }

    public static func describe() throws(HeapError) -> TypeDescription {
        TypeDescription("Value<\(try TypeDescription.text(of: Value.self))>")
    }
}

extension PersistentValue: RecordHandle where Value: HeapRecord {
    public typealias Target = Value

    @inlinable
    public var place: UInt64 {
        guard access.isOpen else { trapNotOpen() }
        return access.load(offset, as: RelativePointer<StoredRecord>.self).offset
    }
}
