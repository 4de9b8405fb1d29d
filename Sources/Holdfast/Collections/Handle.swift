import HoldfastEngine

/// The traps of the collections: what a programmer's mistake ends in, each with a sentence.
@usableFromInline
enum Handle {
    @usableFromInline @inline(never)
    static func removed(_ access: HeapAccess, _ kind: String) -> Never {
        fatalError(
            "Holdfast: a handle of the heap \(access.heapPath) leads to no \(kind). Its \(kind) was removed while the handle was still in use: ask "
                + "for it again after removing. (If nothing was removed, the file is damaged; restore it from a copy.)")
    }

    @usableFromInline @inline(never)
    static func outlived() -> Never {
        fatalError("Holdfast: an iterator was used after its transaction had ended. Iterate inside the closure of read or write.")
    }

    @usableFromInline @inline(never)
    static func damaged(_ access: HeapAccess, _ kind: String) -> Never {
        Misuse.damaged(access, "the header of a \(kind) contradicts itself")
    }

    @usableFromInline @inline(never)
    static func indexOutOfRange(_ index: Int, _ count: Int) -> Never {
        fatalError("Holdfast: index \(index) is out of range; the array has \(count) elements.")
    }

    @usableFromInline @inline(never)
    static func tooLarge(_ capacity: Int) -> Never {
        fatalError("Holdfast: room for \(capacity) elements was asked for; a heap holds at most 16 TiB.")
    }

    @usableFromInline @inline(never)
    static func changedWhileIterating() -> Never {
        fatalError(
            "Holdfast: a map was changed while it was iterated. Collect the keys first, or change it after the loop.")
    }
}
