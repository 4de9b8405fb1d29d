/// Traps with a message: for programming errors, and for damage found in a heap that was opened
/// unchecked.
public enum Misuse {
    /// Traps with `sentence` unless the condition holds. `precondition` would lose its message in
    /// release builds.
    @inlinable @inline(__always)
    static func demand(_ condition: Bool, _ sentence: @autoclosure () -> String) {
        if !condition { fatalError(sentence()) }
    }

    /// Traps for a mistake of the program: says what is wrong, where, and what to do instead.
    public static func trap(_ what: String, in scene: MisuseScene, _ advice: String = "") -> Never {
        let parts = ["Holdfast: \(what).", scene.text, advice, LineHint.text]
        fatalError(parts.filter { !$0.isEmpty }.joined(separator: " "))
    }

    @usableFromInline @inline(never)
    static func notOpen(_ access: HeapAccess) -> Never { notOpen(MisuseScene(access)) }

    /// Traps because of a handle whose transaction is not open.
    public static func notOpen(_ scene: MisuseScene) -> Never {
        if scene.isDetached {
            trap(
                "a new collection was used before it was stored in a heap", in: scene,
                "Store it first, and ask for it again from where it was stored.")
        }
        trap(
            "a handle was used after its transaction had ended", in: scene,
            "Handles are valid only inside the closure of the read, write or savepoint that made "
                + "them; ask the transaction that is open for the root again.")
    }

    /// Traps because of a change in a read transaction.
    @inline(never)
    public static func writeInReadTransaction(_ access: HeapAccess) -> Never {
        writeInReadTransaction(MisuseScene(access))
    }

    /// Traps because of a change in a read transaction.
    public static func writeInReadTransaction(_ scene: MisuseScene) -> Never {
        guard scene.isOpen else { notOpen(scene) }
        trap(
            "a read transaction was written through", in: scene,
            "Make changes inside heap.write { tx in … }.")
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
