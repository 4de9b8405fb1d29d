import HoldfastEngine

// Individually allocated blocks, for structures that the collections do not cover. Other blocks
// refer to them by relative pointers. The program owns them: a block that is not freed stays in the
// heap, and a pointer to a freed block reads whatever is stored there next.
extension WriteTransaction {
    /// Stores `value` in a block of its own.
    ///
    /// Traps with the reason if the type contains something that has no meaning in another process,
    /// such as a raw pointer.
    ///
    /// - Complexity: O(1).
    @inlinable
    public func allocate<Value: HeapStruct>(_ value: Value) -> RelativePointer<Value> {
        access.requireStorable(Value.self)
        let offset = access.allocate(for: Value.self)
        access.store(value, of: Value.self, at: offset)
        return RelativePointer(offset: offset)
    }

    /// Frees a block that `allocate(_:)` returned. Freeing a block twice traps with a message.
    ///
    /// - Complexity: O(1).
    @inlinable
    public func free<Value: HeapStruct>(_ pointer: RelativePointer<Value>) {
        access.free(
            pointer.offset, byteCount: MemoryLayout<Value>.size,
            alignment: MemoryLayout<Value>.alignment)
    }

    /// The value that a pointer leads to. Traps if the pointer is outside the heap.
    ///
    /// - Complexity: O(1).
    @inlinable
    public subscript<Value: HeapStruct>(pointer: RelativePointer<Value>) -> Value {
        get { pointer.load(access) }
        nonmutating set { access.store(newValue, of: Value.self, at: pointer.offset) }
    }

    /// Allocates a block of `byteCount` bytes with undefined contents.
    ///
    /// - Complexity: O(1), except for a large block, which searches a list of free runs.
    @inlinable
    public func allocate(byteCount: Int) -> RelativePointer<UInt8> {
        RelativePointer(offset: access.allocate(byteCount: byteCount))
    }

    /// Frees a block that `allocate(byteCount:)` returned for the same count. A different count, or
    /// freeing the block twice, traps with a message.
    @inlinable
    public func free(_ pointer: RelativePointer<UInt8>, byteCount: Int) {
        access.free(pointer.offset, byteCount: byteCount)
    }
}

extension HeapAccess {
    /// The check that a root of the type would have made.
    @usableFromInline
    func requireStorable(_ type: any HeapStruct.Type) {
        do throws(HeapError) { _ = try TypeRegistry.shared.fingerprint(of: type) } catch {
            Misuse.trap("\(error)", in: MisuseScene(self, "\(type)"))
        }
    }
}

extension HeapTransaction where Self: ~Copyable {
    /// The value that a pointer leads to. Traps if the pointer is outside the heap.
    ///
    /// - Complexity: O(1).
    @inlinable
    public subscript<Value: HeapStruct>(pointer: RelativePointer<Value>) -> Value {
        pointer.load(access)
    }
}
