import HoldfastEngine

// Blocks of one's own, for structures that the collections do not cover: a relative pointer to each
// is what other blocks keep. Ownership is the program's: what is not freed stays in the heap, and a
// pointer to a freed block reads whatever lies there next.
extension WriteTransaction {
    /// Puts `value` into a block of its own. Traps with the reason if its type holds what means
    /// nothing in another process, such as a raw pointer. O(1).
    @inlinable
    public func allocate<Value: PersistableStruct>(_ value: Value) -> RelativePointer<Value> {
        access.requireStorable(Value.self)
        let offset = access.allocate(for: Value.self)
        access.store(value, at: offset)
        return RelativePointer(offset: offset)
    }

    /// Frees a block made by `allocate(_:)`. Freeing a block twice traps with a sentence. O(1).
    @inlinable
    public func free<Value: PersistableStruct>(_ pointer: RelativePointer<Value>) {
        access.free(
            pointer.offset, byteCount: MemoryLayout<Value>.size,
            alignment: MemoryLayout<Value>.alignment)
    }

    /// What a pointer leads to. Traps if that is outside the heap. O(1).
    @inlinable
    public subscript<Value: PersistableStruct>(pointer: RelativePointer<Value>) -> Value {
        get { pointer.load(access) }
        nonmutating set { pointer.store(newValue, access) }
    }

    /// A block of `byteCount` bytes with undefined contents. O(1), but for a large one the search
    /// of a list of free runs.
    @inlinable
    public func allocate(byteCount: Int) -> RelativePointer<UInt8> {
        RelativePointer(offset: access.allocate(byteCount: byteCount))
    }

    /// Frees a block made by `allocate(byteCount:)` with the same count. Another count, or a second
    /// time, traps with a sentence.
    @inlinable
    public func free(_ pointer: RelativePointer<UInt8>, byteCount: Int) {
        access.free(pointer.offset, byteCount: byteCount)
    }
}

extension HeapAccess {
    /// The check that a root of the type would have brought.
    @usableFromInline
    func requireStorable(_ type: any PersistableStruct.Type) {
        do throws(HeapError) { _ = try TypeRegistry.shared.fingerprint(of: type) } catch {
            fatalError("Holdfast: \(error)")
        }
    }
}

extension HeapTransaction where Self: ~Copyable {
    /// What a pointer leads to. Traps if that is outside the heap. O(1).
    @inlinable
    public subscript<Value: PersistableStruct>(pointer: RelativePointer<Value>) -> Value {
        pointer.load(access)
    }
}
