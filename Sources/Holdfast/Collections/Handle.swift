import HoldfastEngine

/// The traps of the collections for programming errors, each with a message.
@usableFromInline
enum Handle {
    @usableFromInline @inline(never)
    static func removed(_ access: HeapAccess, _ kind: String) -> Never {
        fatalError(
            "Holdfast: a handle of the heap \(access.heapPath) no longer leads to its \(kind), "
                + "because the \(kind) was removed while the handle was in use. Look it up again "
                + "after removing. (If nothing was removed, the file is damaged; restore it from a "
                + "copy.)"
        )
    }

    @usableFromInline @inline(never)
    static func foreign(_ access: HeapAccess, _ target: HeapAccess, _ kind: String) -> Never {
        // Traps with its own message if the handle's transaction is over.
        _ = access.address(0, 0)
        fatalError(
            "Holdfast: a reference to a \(kind) of the heap \(access.heapPath) was stored through "
                + "another transaction or into another heap (\(target.heapPath)), where the "
                + "reference has no meaning. Store the record itself (reference.record), which is "
                + "copied."
        )
    }

    @usableFromInline @inline(never)
    static func outlived() -> Never {
        fatalError(
            "Holdfast: an iterator was used after its transaction had ended. Iterate inside the "
                + "closure of read or write. \(Misuse.lineHint)"
        )
    }

    @usableFromInline @inline(never)
    static func damaged(_ access: HeapAccess, _ kind: String) -> Never {
        Misuse.damaged(access, "the header of a \(kind) is inconsistent")
    }

    @usableFromInline @inline(never)
    static func indexOutOfRange(_ index: Int, _ count: Int, _ kind: String = "array") -> Never {
        fatalError("Holdfast: index \(index) is out of range; the \(kind) has \(count) elements.")
    }

    @usableFromInline @inline(never)
    static func removesTooMany(_ number: Int, _ count: Int) -> Never {
        fatalError("Holdfast: cannot remove \(number) elements: the deque has \(count).")
    }

    @usableFromInline @inline(never)
    static func changedByPredicate() -> Never {
        fatalError(
            "Holdfast: the predicate of removeAll(where:) changed the deque. Change it before or "
                + "after instead."
        )
    }

    @usableFromInline @inline(never)
    static func changedByElements() -> Never {
        fatalError(
            "Holdfast: iterating over the new elements changed the destination deque. Collect them "
                + "in an array first."
        )
    }

    @usableFromInline @inline(never)
    static func rangeOutOfRange(_ range: Range<Int>, _ count: Int) -> Never {
        fatalError(
            "Holdfast: the range \(range) is out of bounds; the deque has \(count) elements.")
    }

    @usableFromInline @inline(never)
    static func tooLarge(_ capacity: Int) -> Never {
        fatalError(
            "Holdfast: cannot reserve capacity for \(capacity) elements: a heap holds at most 16 "
                + "TiB.")
    }

    @usableFromInline @inline(never)
    static func changedWhileIterating() -> Never {
        fatalError(
            "Holdfast: a map or set was changed during iteration. Collect the keys first, or "
                + "change it after the loop."
        )
    }

    @usableFromInline @inline(never)
    static func staleIndex() -> Never {
        fatalError(
            "Holdfast: an index or a range of a sorted collection was used after an insertion or "
                + "removal, or with another collection. Look it up again after changing the "
                + "collection.")
    }

    @usableFromInline @inline(never)
    static func behindTheEnd() -> Never {
        fatalError(
            "Holdfast: an index of a sorted collection is past the last or before the first entry."
        )
    }

    @usableFromInline @inline(never)
    static func notAscending(_ key: String) -> Never {
        fatalError(
            "Holdfast: cannot append the key \(key) to a sorted collection: it does not come after "
                + "the last key. Sort the entries first, or insert them one by one.")
    }
}
