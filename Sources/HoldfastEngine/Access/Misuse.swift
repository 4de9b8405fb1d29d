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
        // Nothing else is known of it: its context may belong to another heap by now, and only the
        // number of its transaction tells them apart.
        let heap = EpochOrigins.shared.path(of: access.epoch).map { " (of the heap \($0))" } ?? ""
        fatalError(
            "Holdfast: a handle was used after its transaction had ended\(heap). Handles are valid "
                + "only inside the closure of the read, write or savepoint that made them; ask the "
                + "transaction that is open for the root again. \(lineHint)")
    }

    /// Where a message says how to find the program's line.
    public static let lineHint =
        "The environment variable SWIFT_BACKTRACE=enable=yes shows the line, and the type of the "
        + "handle."

    /// Traps because of a change in a read transaction.
    @inline(never)
    public static func writeInReadTransaction(_ access: HeapAccess) -> Never {
        guard access.isOpen else { notOpen(access) }
        fatalError(
            "Holdfast: a read transaction was written through, of the heap \(access.heapPath). Make "
                + "changes inside heap.write { tx in … }. \(lineHint)"
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
