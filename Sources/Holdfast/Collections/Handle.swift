import HoldfastEngine

/// The traps of the collections for programming errors, each with a message.
@usableFromInline
enum Handle {
    @usableFromInline
    static func removed(_ scene: MisuseScene, _ type: any HeapHandle.Type) -> Never {
        removed(type.kind, scene)
    }

    static func removed(_ kind: String, _ scene: MisuseScene) -> Never {
        Misuse.trap(
            "a handle no longer leads to its \(kind), because the \(kind) was removed while the "
                + "handle was in use", in: scene,
            "Look it up again after removing. (If nothing was removed, the file is damaged; "
                + "restore it from a copy.)")
    }

    /// For a handle that leads to no record of its type.
    @usableFromInline
    static func noRecord(_ kind: String, _ scene: MisuseScene) -> Never {
        guard scene.isOpen else { Misuse.notOpen(scene) }
        removed(kind, scene)
    }

    @usableFromInline
    static func foreign(_ scene: MisuseScene, _ target: HeapAccess, _ kind: String) -> Never {
        // With its own message if the handle's transaction is over.
        guard scene.isOpen else { Misuse.notOpen(scene) }
        Misuse.trap(
            "a reference to a \(kind) was stored through another transaction or into another heap "
                + "(\(target.heapPath)), where it has no meaning", in: scene,
            "Store the record itself (reference.record), which is copied.")
    }

    @usableFromInline @inline(never)
    static func damaged(_ access: HeapAccess, _ kind: String) -> Never {
        Misuse.damaged(access, "the header of a \(kind) is inconsistent")
    }

    @usableFromInline
    static func indexOutOfRange(
        _ index: Int, _ count: Int, _ scene: MisuseScene, _ type: any HeapHandle.Type
    ) -> Never {
        Misuse.trap(
            "index \(index) is out of range; the \(type.kind) has \(count) elements", in: scene)
    }

    /// What was wrong, for traps that need no more than the handle and some numbers. It takes one
    /// register.
    @usableFromInline
    enum Mistake: UInt8 {
        case removesTooMany, insertsOutOfRange, rangeOutOfBounds, negativeCount, anotherCount,
            offsetOutOfBounds
        case noPieces, wroteTooMuch, insideScalar, negativeElement
        case iteratorOutlived, changedByPredicate, changedByElements, changedByClosure
        case changedWhileIterating, arrayChangedWhileIterating, staleIndex, behindTheEnd
    }

    /// The numbers that the sentences of some mistakes name.
    @usableFromInline typealias Numbers = (Int, Int, Int)

    @usableFromInline
    static func trap(_ mistake: Mistake, _ numbers: Numbers, _ scene: MisuseScene) -> Never {
        let (what, advice) = text(mistake, numbers)
        Misuse.trap(what, in: scene, advice)
    }

    private static func text(_ mistake: Mistake, _ numbers: Numbers) -> (
        what: String, advice: String
    ) {
        let (first, second, third) = numbers
        return switch mistake {
        case .removesTooMany:
            ("cannot remove \(first) elements: there are \(second)", "")
        case .insertsOutOfRange:
            ("index \(first) is out of range; there are \(second) elements", "")
        case .rangeOutOfBounds:
            ("the range \(first ..< second) is out of bounds; there are \(third) elements", "")
        case .negativeCount:
            ("a number of elements or bytes cannot be negative (\(first))", "")
        case .anotherCount:
            (
                "a slice of \(second) elements cannot be assigned \(first) elements",
                "Use replaceSubrange to make the array longer or shorter."
            )
        case .offsetOutOfBounds:
            ("offset \(first) is out of bounds; there are \(second) bytes", "")
        case .noPieces:
            ("bytes cannot be divided into pieces of \(first) bytes", "")
        case .wroteTooMuch:
            (
                "a closure that may write at most \(second) bytes returned \(first)",
                "It must return the number of bytes written, or 0 at the end."
            )
        case .insideScalar:
            (
                "byte offset \(first) is inside a Unicode scalar",
                "Use offsets from range(of:), or check them with isScalarBoundary."
            )
        case .negativeElement:
            ("a bit set cannot hold the negative number \(first)", "")
        case .iteratorOutlived:
            (
                "an iterator was used after its transaction had ended",
                "Iterate inside the closure of read or write."
            )
        case .changedByPredicate:
            (
                "the predicate of removeAll(where:) changed the deque",
                "Change it before or after instead."
            )
        case .changedByElements:
            (
                "iterating over the new elements changed the destination deque",
                "Collect them in an array first."
            )
        case .changedByClosure:
            (
                "a collection was changed inside a closure passed to one of its own methods",
                "Change it after the method has returned."
            )
        case .changedWhileIterating:
            (
                "a map or set was changed during iteration",
                "Collect the keys first, or change it after the loop."
            )
        case .arrayChangedWhileIterating:
            (
                "elements of an array, a deque, a string or bytes were inserted or removed during "
                    + "iteration",
                "Use removeAll(where:), or change it after the loop; setting elements and "
                    + "appending are allowed."
            )
        case .staleIndex:
            (
                "an index or a range of a sorted collection was used after an insertion or "
                    + "removal, or with another collection",
                "Look it up again after changing the collection."
            )
        case .behindTheEnd:
            (
                "an index of a sorted collection is past the last or before the first entry", ""
            )
        }
    }

    @usableFromInline @inline(never)
    static func notAscending(_ key: String, _ scene: MisuseScene) -> Never {
        Misuse.trap(
            "cannot append the key \(key) to a sorted collection: it does not come after the last "
                + "key", in: scene, "Sort the entries first, or insert them one by one.")
    }

    @usableFromInline @inline(never)
    static func duplicateKey(_ key: String, _ scene: MisuseScene) -> Never {
        Misuse.trap(
            "the key \(key) is already in the map or occurs twice among the new ones", in: scene,
            "Use merge(_:uniquingKeysWith:) to resolve duplicates.")
    }
}
