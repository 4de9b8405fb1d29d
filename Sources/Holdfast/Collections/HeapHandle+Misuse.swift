import HoldfastEngine

// The traps of handles for programming errors. They are out of line, one for each type, so that the
// code that does not trap has one branch to them and computes nothing for them, not even the
// handle's type.
//
// What they take is in registers there anyway: the address of the header instead of its offset, and
// the context instead of the transaction, which is open unless the first of them says otherwise. An
// offset that only a trap used would have to be kept across a call that records a read.

/// The name of an operation, for a trap.
@usableFromInline
typealias OperationName = UnsafePointer<UInt8>

extension HeapHandle {
    @usableFromInline typealias Context = UnsafeMutablePointer<TransactionContext>

    @inlinable @inline(never)
    static func trapNotOpen(
        _ access: HeapAccess, _ offset: UInt64, _ operation: OperationName
    ) -> Never {
        Misuse.notOpen(Handle.scene(Self.self, access, offset, operation))
    }

    @inlinable @inline(never)
    static func trapRemoved(
        _ context: Context, _ header: UnsafeMutablePointer<Header>, _ operation: OperationName
    ) -> Never {
        Handle.removed(Handle.scene(Self.self, context, header, operation), Self.self)
    }

    @inlinable @inline(never)
    static func trapReadOnly(
        _ context: Context, _ place: UInt64, _ operation: OperationName
    ) -> Never {
        let access = HeapAccess(context: context, epoch: context.pointee.epoch)
        Misuse.writeInReadTransaction(Handle.scene(Self.self, access, place, operation))
    }

    /// Traps because of an index that is out of range. `block` is one of the collection's blocks.
    @inlinable @inline(never)
    static func trapIndex(
        _ context: Context, _ block: UnsafeMutableRawPointer, _ index: Int, _ count: Int,
        _ operation: OperationName
    ) -> Never {
        Handle.indexOutOfRange(
            index, count, Handle.scene(Self.self, context, block, operation), Self.self)
    }

    /// Traps with a sentence of `Handle` that needs no more than the handle.
    @inlinable @inline(__always)
    func trap(_ mistake: Handle.Mistake, _ operation: StaticString = #function) -> Never {
        Self.trap(access, offset, mistake, operation.utf8Start)
    }

    @inlinable @inline(never)
    static func trap(
        _ access: HeapAccess, _ offset: UInt64, _ mistake: Handle.Mistake,
        _ operation: OperationName
    ) -> Never {
        Handle.trap(mistake, (0, 0, 0), Handle.scene(Self.self, access, offset, operation))
    }

    /// Traps with a sentence of `Handle` that needs numbers.
    @inlinable @inline(never)
    func trap(
        _ mistake: Handle.Mistake, _ first: Int, _ second: Int = 0, _ third: Int = 0,
        _ operation: StaticString = #function
    ) -> Never {
        let scene = Handle.scene(Self.self, access, offset, operation.utf8Start)
        Handle.trap(mistake, (first, second, third), scene)
    }

    /// Traps because a key does not come after the last one.
    @inlinable @inline(never)
    func trapNotAscending<Key>(_ key: Key) -> Never {
        let operation: StaticString = "append(contentsOf:)"
        Handle.notAscending(
            "\(key)", Handle.scene(Self.self, access, offset, operation.utf8Start))
    }

    /// Traps because a key that must be new exists already.
    @inlinable @inline(never)
    func trapDuplicate<Key>(_ key: Key, _ operation: StaticString = #function) -> Never {
        Handle.duplicateKey(
            "\(key)", Handle.scene(Self.self, access, offset, operation.utf8Start))
    }

    /// Traps unless the transaction is open for writing. For a value that is stored before the
    /// handle is looked at, and that owns memory: its allocation would trap without the type.
    @inlinable @inline(__always)
    func requireOpenForChange(_ operation: StaticString = #function) {
        guard access.isOpen else { Self.trapNotOpen(access, offset, operation.utf8Start) }
        requireWritable(operation)
    }

    /// Traps in a read transaction. Costs nothing where the next step is to mark something dirty,
    /// which asks the same. `place` is in one of the collection's blocks: that which is at hand.
    @inlinable @inline(__always)
    func requireWritable(
        _ operation: StaticString = #function, at place: @autoclosure () -> UInt64
    ) {
        guard access.isWritable else {
            Self.trapReadOnly(access.context, place(), operation.utf8Start)
        }
    }

    @inlinable @inline(__always)
    func requireWritable(_ operation: StaticString = #function) {
        requireWritable(operation, at: offset)
    }

    /// The offset of an address in the heap.
    @inlinable @inline(__always)
    func place<T>(of address: UnsafeMutablePointer<T>) -> UInt64 {
        Handle.offset(of: address, access.context)
    }
}

extension Handle {
    /// What is known of a handle that was misused.
    @usableFromInline
    static func scene(
        _ type: Any.Type, _ access: HeapAccess, _ place: UInt64, _ operation: OperationName
    ) -> MisuseScene {
        scene(type, access, place, String(cString: operation))
    }

    /// The same of a handle whose transaction is open.
    @usableFromInline
    static func scene(
        _ type: Any.Type, _ context: UnsafeMutablePointer<TransactionContext>,
        _ block: UnsafeMutableRawPointer, _ operation: OperationName
    ) -> MisuseScene {
        let access = HeapAccess(context: context, epoch: context.pointee.epoch)
        return scene(type, access, offset(of: block, context), operation)
    }

    @usableFromInline
    static func offset(
        of block: UnsafeMutableRawPointer, _ context: UnsafeMutablePointer<TransactionContext>
    ) -> UInt64 {
        UInt64(truncatingIfNeeded: block - context.pointee.base)
    }

    @usableFromInline
    static func scene(
        _ type: Any.Type, _ access: HeapAccess, _ place: UInt64, _ operation: String
    ) -> MisuseScene {
        MisuseScene(access, name(of: type), operation, at: place)
    }

    /// The name of a handle's type as a program writes it. Sets, strings, bytes and bit sets are
    /// other collections within.
    static func name(of type: Any.Type) -> String {
        let name = "\(type)"
        let ending = ", \(NoValue.self)>"
        let sets = [
            ("PersistentMap<", "PersistentSet<"), ("PersistentSortedMap<", "PersistentSortedSet<"),
        ]
        for (map, set) in sets
        where name.hasPrefix(map) && name.hasSuffix(ending) {
            return set + name.dropFirst(map.count).dropLast(ending.count) + ">"
        }
        if type == PersistentArray<UInt8>.self {
            return "PersistentString, PersistentBytes or \(name)"
        }
        if type == PersistentArray<UInt64>.self { return "PersistentBitSet or \(name)" }
        return name
    }
}
