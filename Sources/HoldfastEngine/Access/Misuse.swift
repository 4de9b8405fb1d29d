/// Traps with a message: for programming errors, and for damage found in a heap that was opened
/// unchecked.
public enum Misuse {
    /// Traps with `sentence` unless the condition holds. `precondition` would lose its message in
    /// release builds.
    @inlinable @inline(__always)
    static func demand(_ condition: Bool, _ sentence: @autoclosure () -> String) {
        if !condition { fatalError(sentence()) }
    }

    @usableFromInline @inline(never)
    static func notOpen(_ access: HeapAccess) -> Never {
        if access.isDetached {
            fatalError(
                "Holdfast: a new collection was used before it was stored in a heap. Store it "
                    + "first, and ask for it again from where it was stored.")
        }
        fatalError(
            "Holdfast: a handle was used after its transaction had ended. Handles are valid only "
                + "inside the closure of the read, write or savepoint that made them; ask the "
                + "transaction that is open for the root again.")
    }

    /// Traps because of a change in a read transaction.
    @inline(never)
    public static func writeInReadTransaction() -> Never {
        fatalError(
            "Holdfast: a read transaction was written through. Make changes inside heap.write { tx "
                + "in … }."
        )
    }

    @usableFromInline @inline(never)
    static func outOfBounds(_ offset: UInt64, _ count: Int, _ access: HeapAccess) -> Never {
        damaged(
            access,
            "a pointer leads to bytes \(offset)..<\(offset &+ UInt64(truncatingIfNeeded: count)), "
                + "outside the heap"
        )
    }

    /// Traps because the heap's own records contradict each other.
    public static func damaged(_ access: HeapAccess, _ what: String) -> Never {
        if let error = access.errorToCome {
            fatalError(
                "Holdfast: \(error) The transaction went on, and met something that had been left "
                    + "out for want of room.")
        }
        let path = access.context.pointee.view._withUnsafeGuaranteedRef { $0.path }
        fatalError(
            "Holdfast: the heap \(path) is damaged: \(what). This transaction was rolled back; "
                + "restore the file from a copy.")
    }
}
